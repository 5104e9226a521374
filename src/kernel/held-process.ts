/**
 * A process held by descriptor and looked at through /proc. A number is only a hint: the kernel gives it to somebody else
 * once the process has been reaped. What is read below /proc/<number> is believed only if the held process was still
 * there afterwards, because until then the number was its own.
 */
import { parseStat } from "../linux/proc.ts";
import { openFile, openFlags, readTextIfPossible } from "./files.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { openPidfd, signalPidfd, waitPidfd } from "./pidfd.ts";
import { SyscallError } from "./syscall.ts";

export class HeldProcess implements Disposable {
  readonly pid: number;
  readonly #pidfd: OwnedFd;

  private constructor(pid: number, pidfd: OwnedFd) {
    this.pid = pid;
    this.#pidfd = pidfd;
  }

  /** Holds the process `pid` if it is a child of `parentPid`, which the caller knows to live; else undefined. */
  static childOf(parentPid: number, pid: number): HeldProcess | undefined {
    const pidfd = openPidfd(pid);
    if (pidfd === undefined) return undefined;
    const held = new HeldProcess(pid, pidfd);
    if (held.#stat()?.parentPid === parentPid) return held;
    held[Symbol.dispose]();
    return undefined;
  }

  /** Whether it has ended, reaped or not. */
  get ended(): boolean {
    return !this.#pidfd.open || waitPidfd(this.#pidfd);
  }

  /** Sends a signal; false when it has ended, though nobody may have heard of it yet. */
  signal(number: number): boolean {
    return !this.ended && signalPidfd(this.#pidfd, number);
  }

  /** A second descriptor of the process; undefined when it has ended. */
  pidfd(): OwnedFd | undefined {
    return this.ended ? undefined : this.#pidfd.duplicate();
  }

  /** Opens `/proc/<pid>/<name>` of this process and of no other; undefined when it has ended or is on its way out. */
  open(name: string, flags: number): OwnedFd | undefined {
    if (this.ended) return undefined;
    try {
      const opened = openFile(undefined, `/proc/${this.pid}/${name}`, flags);
      if (!this.ended) return opened;
      opened[Symbol.dispose]();
    } catch (thrown) {
      // Which error a process that ends gives depends on how far it is: on its way out it has given its root and its
      // namespaces back before it can be waited for.
      const leaving = thrown instanceof SyscallError && ["ENOENT", "ESRCH"].includes(thrown.code);
      if (!leaving && !this.ended) throw thrown;
    }
    return undefined;
  }

  /** Whether it has ended or has begun to: its namespaces cannot be entered any more. */
  get leaving(): boolean {
    using namespace = this.open("ns/mnt", openFlags.readOnly);
    return namespace === undefined;
  }

  /** wait(2)'s status word of a process that has ended and that its parent has not reaped. */
  get waitStatus(): number | undefined {
    if (!this.ended) return undefined;
    const stat = this.#stat();
    return stat?.state === "Z" ? stat.waitStatus : undefined;
  }

  [Symbol.dispose](): void {
    this.#pidfd[Symbol.dispose]();
  }

  /** Of this process: it has not been reaped yet, so its number was not another's while the file was read. */
  #stat(): ReturnType<typeof parseStat> {
    if (!this.#pidfd.open) return undefined;
    const stat = parseStat(readTextIfPossible(`/proc/${this.pid}/stat`) ?? "");
    return signalPidfd(this.#pidfd, 0) ? stat : undefined;
  }
}
