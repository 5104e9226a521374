/** Who is at the other end of a unix connection, as the kernel noted it when it was made. unix(7) */
import { trySyscall } from "./syscall.ts";

const solSocket = 1;
const soPeerCredentials = 17;

export interface SocketCaller {
  /** As this pid namespace counts. */
  readonly pid: number;
  /** As this user namespace counts. */
  readonly uid: number;
}

/** Undefined for what is no unix connection, and for a process that is not seen here. */
export function callerAt(socket: number): SocketCaller | undefined {
  const credentials = new Int32Array(3);
  const length = Uint32Array.of(credentials.byteLength);
  if (trySyscall("getsockopt", socket, solSocket, soPeerCredentials, credentials, length) < 0)
    return undefined;
  const [pid = 0, uid = -1] = credentials;
  return pid > 0 && uid >= 0 ? { pid, uid } : undefined;
}
