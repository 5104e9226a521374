/** How much of what was written to a unix socket its other end has not read yet (SIOCOUTQ), headers of packets included. */
import { trySyscall } from "./syscall.ts";

const siocOutQueue = 0x5411;

/** 0 too where it cannot be told. */
export function unreadBytes(fd: number): number {
  const bytes = new Int32Array(1);
  return trySyscall("ioctl", fd, siocOutQueue, bytes) < 0 ? 0 : (bytes[0] ?? 0);
}
