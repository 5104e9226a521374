/**
 * Processes held by descriptor, so that a number that the kernel has given to somebody else is never signalled.
 * Also the reaping of our own children.
 */
import { errno } from "../linux/errno.ts";
import { OwnedFd } from "./owned-fd.ts";
import { pollIn, waitFor } from "./poll.ts";
import { SyscallError, trySyscall } from "./syscall.ts";

const idPid = 1;
const idPidfd = 3;
const wExited = 4;
const wNoHang = 1;
const wNoWait = 0x0100_0000;
const siginfoBytes = 128;
/** Offsets in siginfo_t, and the values of si_code for SIGCHLD. */
const codeAt = 8;
const pidAt = 16;
const statusAt = 24;
const cldExited = 1;
const cldDumped = 3;

/** How a process ended: by `exit` with a code, or by a signal. */
export type ExitOutcome =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "signaled"; readonly signal: number; readonly coreDumped: boolean };

/** The shell's number for it: the code, or 128 + signal. */
export function exitCodeOf(outcome: ExitOutcome): number {
  return outcome.kind === "exited" ? outcome.code : 128 + outcome.signal;
}

/** pidfd_open(2). Undefined when no such process is left. */
export function openPidfd(pid: number): OwnedFd | undefined {
  const fd = trySyscall("pidfd_open", pid, 0);
  if (fd >= 0) return new OwnedFd(fd, `process ${pid}`);
  // EINVAL: a number that is no thread-group leader's (any more), which is the same answer.
  if (fd === -errno.ESRCH || fd === -errno.EINVAL) return undefined;
  throw new SyscallError("pidfd_open", -fd, `process ${pid}`);
}

/** Sends `signal`; false when the process has already ended and been reaped. */
export function signalPidfd(pidfd: OwnedFd, signal: number): boolean {
  const result = trySyscall("pidfd_send_signal", pidfd.raw, signal, 0, 0);
  if (result === 0) return true;
  if (result === -errno.ESRCH) return false;
  throw new SyscallError("pidfd_send_signal", -result, pidfd.what);
}

/** Signals by number: for a child that has not been reaped, whose number therefore cannot be reused. */
export function signalPid(pid: number, signal: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) throw new RangeError(`process id ${pid}`);
  const result = trySyscall("kill", pid, signal);
  if (result === 0) return true;
  if (result === -errno.ESRCH) return false;
  throw new SyscallError("kill", -result, `process ${pid}`);
}

/** True once the process has ended (it may still be a zombie), waiting up to `timeoutMs` and blocking this thread. */
export function waitPidfd(pidfd: OwnedFd, timeoutMs = 0): boolean {
  return waitFor(pidfd, pollIn, timeoutMs);
}

export interface ReapOptions {
  /** Block until it ends. */
  readonly block?: boolean;
  /** Look without reaping. */
  readonly keepZombie?: boolean;
}

/**
 * Reaps one child of ours, given by pid or pidfd: its outcome, `running` while it runs, `gone` when it is not
 * (or no longer) our child.
 */
export function reapChild(
  child: number | OwnedFd,
  options: ReapOptions = {},
): ExitOutcome | "running" | "gone" {
  const info = new Uint8Array(siginfoBytes);
  const [type, id] = typeof child === "number" ? [idPid, child] : [idPidfd, child.raw];
  const flags =
    wExited | (options.block === true ? 0 : wNoHang) | (options.keepZombie === true ? wNoWait : 0);
  let result = -errno.EINTR;
  while (result === -errno.EINTR) result = trySyscall("waitid", type, id, info, flags, 0);
  if (result === -errno.ECHILD) return "gone";
  if (result < 0)
    throw new SyscallError("waitid", -result, typeof child === "number" ? `process ${child}` : child.what);
  const view = new DataView(info.buffer);
  if (view.getInt32(pidAt, true) === 0) return "running";
  return outcomeOf(view.getInt32(codeAt, true), view.getInt32(statusAt, true));
}

function outcomeOf(code: number, status: number): ExitOutcome {
  if (code === cldExited) return { kind: "exited", code: status };
  return { kind: "signaled", signal: status, coreDumped: code === cldDumped };
}

/** kill(2) with signal 0: does the process exist (as a zombie too)? */
export function processExists(pid: number): boolean {
  const result = trySyscall("kill", pid, 0);
  return result === 0 || result === -errno.EPERM;
}
