/**
 * A process looked at through an open descriptor of its directory in /proc, so that every answer is of this process: once it
 * has ended, the kernel answers ESRCH or ENOENT there, even when the number has been given to another.
 */

import { type DirectoryEntry, listDirectory } from "../kernel/directory.ts";
import { openFile, openFlags, openIfPresent, readBytes, readLinkOf } from "../kernel/files.ts";
import type { OwnedFd } from "../kernel/owned-fd.ts";
import { SyscallError } from "../kernel/syscall.ts";
import { decodeName } from "../lib/name-text.ts";
import { type ProcessStat, parseStat } from "../linux/proc.ts";
import { gone, unreadable } from "./errors.ts";

/** A process with 100,000 ranges has an smaps of some 70 MB. */
const largestFileBytes = 256 * 1024 * 1024;

export class ObservedProcess implements Disposable {
  readonly pid: number;
  readonly #directory: OwnedFd;

  private constructor(pid: number, directory: OwnedFd) {
    this.pid = pid;
    this.#directory = directory;
  }

  /** Undefined when there is no such process. */
  static ifThere(pid: number): ObservedProcess | undefined {
    const directory = openIfPresent(undefined, `/proc/${pid}`, openFlags.path | openFlags.directory);
    return directory === undefined ? undefined : new ObservedProcess(pid, directory);
  }

  static of(pid: number): ObservedProcess {
    const process = ObservedProcess.ifThere(pid);
    if (process !== undefined) return process;
    throw gone(`there is no process ${pid}`, "tiffin proc tree shows those that there are");
  }

  bytes(name: string, limit = largestFileBytes): Uint8Array {
    return this.#explained(name, () => readBytes(name, limit, this.#directory));
  }

  /** As UTF-8 where it is, with every other byte kept (lib/name-text.ts). */
  text(name: string): string {
    return decodeName(this.bytes(name));
  }

  /** Undefined where the kernel has no such file or this caller may not read it; the process must still be there. */
  textIfPossible(name: string): string | undefined {
    try {
      return decodeName(readBytes(name, largestFileBytes, this.#directory));
    } catch (thrown) {
      if (thrown instanceof SyscallError) return undefined;
      throw thrown;
    }
  }

  open(name: string, flags: number): OwnedFd {
    return this.#explained(name, () => openFile(this.#directory, name, flags));
  }

  link(name: string): string {
    return this.#explained(name, () => {
      using link = openFile(this.#directory, name, openFlags.path | openFlags.noFollow);
      return readLinkOf(link);
    });
  }

  /** Undefined when there is no such link (any more); still an error where this caller may not look. */
  linkIfThere(name: string): string | undefined {
    return this.#explained(name, () => {
      using link = openIfPresent(this.#directory, name, openFlags.path | openFlags.noFollow);
      return link === undefined ? undefined : readLinkOf(link);
    });
  }

  linkIfPossible(name: string): string | undefined {
    try {
      using link = openFile(this.#directory, name, openFlags.path | openFlags.noFollow);
      return readLinkOf(link);
    } catch (thrown) {
      if (thrown instanceof SyscallError) return undefined;
      throw thrown;
    }
  }

  list(name: string): DirectoryEntry[] {
    return this.#explained(name, () => {
      using directory = openFile(this.#directory, name, openFlags.readOnly | openFlags.directory);
      return listDirectory(directory, `/proc/${this.pid}/${name}`);
    });
  }

  get stat(): ProcessStat {
    const stat = parseStat(this.text("stat"));
    if (stat === undefined) throw gone(`process ${this.pid} has ended`);
    return stat;
  }

  get statIfPossible(): ProcessStat | undefined {
    return parseStat(this.textIfPossible("stat") ?? "");
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }

  #explained<T>(name: string, read: () => T): T {
    try {
      return read();
    } catch (thrown) {
      if (!(thrown instanceof SyscallError)) throw thrown;
      throw this.#explanation(name, thrown);
    }
  }

  #explanation(name: string, failure: SyscallError): Error {
    const path = `/proc/${this.pid}/${name}`;
    const stat = this.statIfPossible;
    if (stat === undefined) return gone(`reading ${path}: process ${this.pid} has ended`);
    const who = `process ${this.pid} (${stat.name})`;
    switch (failure.code) {
      case "EACCES":
      case "EPERM":
        return unreadable(
          `reading ${path}: ${failure.code}, this caller may not look into ${who}`,
          "that takes the same user and no more capabilities than the process has, or CAP_SYS_PTRACE in its user namespace; a security module may forbid it too",
        );
      case "ESRCH":
      case "ENOENT":
        if (stat.state === "Z")
          return gone(`reading ${path}: ${who} has ended and waits for its parent (zombie)`);
        if (isKernelThread(stat))
          return gone(`reading ${path}: ${who} is a thread of the kernel, which has none`);
        return gone(`reading ${path}: ${failure.code}, this kernel or this process has no such file`);
      case "EFBIG":
        return unreadable(`reading ${path}: it is larger than ${largestFileBytes} bytes`);
      default:
        return unreadable(`reading ${path} of ${who}: ${failure.code}`);
    }
  }
}

const kernelThreadParent = 2;

/** kthreadd and what it has begun. */
export function isKernelThread(stat: ProcessStat): boolean {
  return stat.pid === kernelThreadParent || stat.parentPid === kernelThreadParent;
}

/** The numbers of all processes of this /proc, ascending. */
export function allPids(): number[] {
  using directory = openFile(undefined, "/proc", openFlags.readOnly | openFlags.directory);
  return listDirectory(directory, "/proc")
    .flatMap(({ name }) => (/^\d+$/.test(name) ? [Number(name)] : []))
    .sort((one, other) => one - other);
}
