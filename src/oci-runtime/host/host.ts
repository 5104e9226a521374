/**
 * What a command needs of the process that was called, which may be this one or, for a resident helper, another one.
 * Commands ask nothing of their own process: not its environment, directory, descriptors, or entries in /proc.
 */
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { connectUnix, type UnixStream } from "../../kernel/unix-stream.ts";
import type { Plan } from "../../plan/plan.ts";
import type { OnSync, Started } from "../../runtime/start-conversation.ts";

/** Its process is a child of the called process, or of the nearest subreaper above. */
export interface Launched extends Started {
  /** Master of the terminal, when the plan makes one. The caller owns it. */
  readonly terminal: OwnedFd | undefined;
}

/** One executor for one plan. Disposing of it without a plan ends it. */
export interface Executor extends Disposable {
  /** Of a process of its own, as this pid namespace counts; absent when the called process serves as executor. */
  readonly pid?: number;
  /**
   * Performs the plan, which must end with `leave`; `fds` by slot name stay the caller's. `onSync` is called at
   * each sync with its id and the child's pid; a rejection ends the launch with that error. Throws what
   * `explainFailure` says when an op failed; then no process is left.
   */
  perform(plan: Plan, fds: ReadonlyMap<string, OwnedFd>, onSync: OnSync): Promise<Launched>;
}

export interface RuntimeHost {
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly pid: number;
  /** Effective ids. */
  readonly uid: number;
  readonly gid: number;
  /** Whose entries of /proc tell about the caller: a pid, or `self`. */
  readonly procName: string;
  /** The caller's standard descriptors, for the program or to look at. */
  readonly standard: readonly [stdin: OwnedFd, stdout: OwnedFd, stderr: OwnedFd];
  /** Before a path of the caller is looked at. Throws `NotHere` for one that means something else in this process. */
  checkPath(path: string): void;
  /** The caller's descriptor `fd`, 3 or higher; undefined when it is not open. */
  inherited(fd: number): OwnedFd | undefined;
  /** Writes all of `text`. A reader that has gone away is no error of ours. */
  print(fd: 1 | 2, text: string): void;
  /** Starts the executor for the process of the command, at most one. It gets ready while the plan is made. */
  executor(): Promise<Executor>;
  /** Starts one for work on the side, which leaves no process. */
  sideExecutor(): Promise<Executor>;
  /** To be called before the launch of a program whose end the command waits for. */
  enterForeground(): void;
  /** Before anything is made: the command will serve the terminal of its program. */
  enterTerminal(): void;
  /** Waits for the program, our child; signals go on to it. Returns its exit code, 128 + n after a signal. */
  serveForeground(pid: number, terminal: OwnedFd | undefined): Promise<number>;
  /** True once `fd` is readable or hung up, false after `limitMs`. */
  readable(fd: OwnedFd, limitMs: number): Promise<boolean>;
  pause(ms: number): Promise<void>;
}

/** Thrown by a host that cannot stand in for its caller in what the command asks for. Nothing has been done yet. */
export class NotHere extends Error {
  override readonly name = "NotHere";
}

/** For work that blocks its thread: throws `NotHere` unless the command runs in the process that was called. */
export function requireOwnProcess({ procName }: RuntimeHost, what: string): void {
  if (procName !== "self") throw new NotHere(what);
}

/** Connects to a socket that the caller has named. A helper does not wait for a listener that is busy. */
export function connectForCaller(path: string, host: RuntimeHost): UnixStream {
  const wait = host.procName === "self";
  try {
    return connectUnix(path, { wait });
  } catch (thrown) {
    if (!wait && thrown instanceof SyscallError && thrown.code === "EAGAIN") throw new NotHere(path);
    throw thrown;
  }
}

/** Thrown when the process that was called, or its executor, has ended in the middle: what it began may still run. */
export class CallerGone extends Error {
  override readonly name: string = "CallerGone";
}

/** `path` from the directory of `from`, which is only asked for when it matters: it may have been removed. */
export function absolutePath(path: string, from: Pick<RuntimeHost, "cwd" | "checkPath">): string {
  const absolute = path.startsWith("/") ? path : `${from.cwd}/${path}`;
  from.checkPath(absolute);
  return absolute;
}
