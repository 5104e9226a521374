/**
 * The process at the other end of a connection, held by a descriptor from the moment on in which it connected. Before Linux
 * 6.5 the kernel tells its number only, which may be another's by now: then the message that it sends after ours must
 * come from the process that has the number since before ours.
 */

import { errno } from "../linux/errno.ts";
import { OwnedFd } from "./owned-fd.ts";
import { openPidfd, waitPidfd } from "./pidfd.ts";
import { pollIn, waitFor } from "./poll.ts";
import { SyscallError, syscall, trySyscall } from "./syscall.ts";

export interface Peer extends Disposable {
  /** As this pid namespace counts. */
  readonly pid: number;
  readonly pidfd: OwnedFd;
  /** The descriptor was opened by the number. */
  readonly mustProve: boolean;
}

const solSocket = 1;
const soPassCredentials = 16;
const soPeerCredentials = 17;
const soPeerPidfd = 77;

/** Undefined when it has ended, or is not visible here. `byNumber`: as on a kernel without descriptors of peers. */
export function peerOf(socket: OwnedFd, byNumber = false): Peer | undefined {
  const credentials = new Int32Array(3);
  const length = Uint32Array.of(credentials.byteLength);
  const { what, raw } = socket;
  syscall("getsockopt", what, raw, solSocket, soPeerCredentials, credentials, length);
  const pid = credentials[0] ?? 0;
  if (pid <= 0) return undefined;
  const descriptor = new Int32Array(1);
  const result = byNumber
    ? -errno.ENOPROTOOPT
    : trySyscall("getsockopt", raw, solSocket, soPeerPidfd, descriptor, Uint32Array.of(4));
  if (result === 0) return heldBy(new OwnedFd(descriptor[0] ?? -1, `process ${pid}`), pid, false);
  if (result === -errno.ESRCH || result === -errno.EINVAL || result === -errno.ENODATA) return undefined;
  if (result !== -errno.ENOPROTOOPT) throw new SyscallError("getsockopt", -result, what);
  const pidfd = openPidfd(pid);
  if (pidfd === undefined) return undefined;
  syscall("setsockopt", what, raw, solSocket, soPassCredentials, Uint32Array.of(1), 4);
  return heldBy(pidfd, pid, true);
}

function heldBy(pidfd: OwnedFd, pid: number, mustProve: boolean): Peer {
  return { pid, pidfd, mustProve, [Symbol.dispose]: () => pidfd[Symbol.dispose]() };
}

/** Nothing has been said yet that an earlier process with the same number could have said. */
export function hasBeenSilent(socket: OwnedFd, { mustProve }: Peer): boolean {
  return !mustProve || !waitFor(socket, pollIn, 0);
}

/** Whether the process that sent what came since is this one. */
export function isSender({ mustProve, pid, pidfd }: Peer, sender: number | undefined): boolean {
  return !mustProve || (sender === pid && !waitPidfd(pidfd));
}
