/**
 * What the bench has made, a JSON document a line, so that it can be taken back. A change is written down before it is made
 * and confirmed behind it: a bench that is killed in between leaves a note of what may be there. Nobody else writes while one
 * change is made (flock on the run directory), and a name is looked up before its note is written, so a note without a
 * confirmation is never about what somebody else has made.
 */
import { makeDirectory, openFile, openFlags, openIfPresent, removeFile } from "../kernel/files.ts";
import { readToEnd, writeAll } from "../kernel/io.ts";
import type { OwnedFd } from "../kernel/owned-fd.ts";
import { syscall } from "../kernel/syscall.ts";
import { type Change, decodeChange } from "./change.ts";
import { refused } from "./lab-error.ts";
import type { LabHost } from "./lab-host.ts";

const lockExclusive = 2;
const journalBytes = 64 * 1024 * 1024;
const newline = 0x0a;
const encoder = new TextEncoder();

export interface Entry {
  readonly id: number;
  readonly change: Change;
  /** What tells the thing made from another of the same name; undefined when the maker was killed. */
  readonly identity: string | undefined;
}

export class Journal implements Disposable {
  readonly #path: string;
  readonly #directory: OwnedFd;
  readonly #host: LabHost;
  readonly #live = new Map<number, Entry>();
  #nextId = 1;

  /** Waits until no other bench is at work. */
  static open(directory: string, host: LabHost): Journal {
    let made = "";
    for (const part of directory.split("/").filter((name) => name !== "")) {
      made += `/${part}`;
      makeDirectory(made, 0o755);
    }
    const lock = openFile(undefined, directory, openFlags.readOnly | openFlags.directory);
    try {
      syscall("flock", directory, lock.raw, lockExclusive);
      return new Journal(`${directory}/lab-journal`, lock, host);
    } catch (thrown) {
      lock[Symbol.dispose]();
      throw thrown;
    }
  }

  private constructor(path: string, directory: OwnedFd, host: LabHost) {
    this.#path = path;
    this.#directory = directory;
    this.#host = host;
    using file = openIfPresent(undefined, path, openFlags.readOnly | openFlags.noFollow);
    if (file === undefined) return;
    const bytes = readToEnd(file, journalBytes);
    // A write that was cut short leaves a last line without an end; what it tells of was never begun.
    const whole = bytes.lastIndexOf(newline) + 1;
    if (whole < bytes.length) {
      using cut = openFile(undefined, path, openFlags.writeOnly | openFlags.noFollow);
      syscall("ftruncate", path, cut.raw, whole);
    }
    const lines = new TextDecoder().decode(bytes.subarray(0, whole)).split("\n").slice(0, -1);
    for (const [index, line] of lines.entries()) this.#read(line, index + 1);
  }

  #read(line: string, number: number): void {
    let mark: unknown;
    try {
      mark = JSON.parse(line);
    } catch {
      throw this.#unreadable(number);
    }
    if (typeof mark !== "object" || mark === null) throw this.#unreadable(number);
    const id = "id" in mark ? mark.id : undefined;
    if (typeof id !== "number" || !Number.isSafeInteger(id)) throw this.#unreadable(number);
    if ("gone" in mark) this.#live.delete(id);
    else if ("identity" in mark) {
      const entry = this.#live.get(id);
      if (entry !== undefined && typeof mark.identity === "string") {
        this.#live.set(id, { ...entry, identity: mark.identity });
      }
    } else {
      const change = decodeChange("change" in mark ? mark.change : undefined);
      if (change === undefined) throw this.#unreadable(number);
      this.#live.set(id, { id, change, identity: undefined });
      this.#nextId = Math.max(this.#nextId, id + 1);
    }
  }

  #unreadable(line: number): Error {
    return refused(`cannot read line ${line} of the journal ${this.#path}`, {
      remedy: "take back by hand what the lines before it tell of, and remove the file",
    });
  }

  /** What has not been taken back, in the order in which it was made. */
  get entries(): readonly Entry[] {
    return [...this.#live.values()];
  }

  /** Writes `change` down, makes it, and confirms it with the identity that `make` returns. */
  record<T>(change: Change, make: () => T, identityOf: (made: T) => string = () => ""): T {
    const id = this.#nextId;
    this.#nextId += 1;
    this.#append({ id, change });
    this.#live.set(id, { id, change, identity: undefined });
    this.#host.step("journal.written");
    let made: T;
    try {
      made = make();
    } catch (thrown) {
      this.forget(id);
      throw thrown;
    }
    this.#host.step("change.made");
    this.#append({ id, identity: identityOf(made) });
    this.#host.step("journal.confirmed");
    return made;
  }

  /** It is not there any more. The last one takes the file with it. */
  forget(id: number): void {
    if (!this.#live.delete(id)) return;
    if (this.#live.size === 0) removeFile(this.#path);
    else this.#append({ id, gone: true });
  }

  #append(mark: object): void {
    const flags = openFlags.writeOnly | openFlags.create | openFlags.append | openFlags.noFollow;
    using file = openFile(undefined, this.#path, flags, { mode: 0o600 });
    writeAll(file, encoder.encode(`${JSON.stringify(mark)}\n`));
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}
