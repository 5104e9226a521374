/** What is known of the directories of a tree that is being written: numbers by the directory's number, few bytes for each. */
import { type Attributes, noAttributes } from "./attributes.ts";
import type { InodeTime } from "./inode.ts";

export interface DirectoryFields {
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly time: InodeTime;
}

export class DirectoryTable {
  #count = 0;
  #entries = new Uint32Array(64);
  #modes = new Uint16Array(64);
  #uids = new Uint32Array(64);
  #gids = new Uint32Array(64);
  #seconds = new Float64Array(64);
  #nanoseconds = new Uint32Array(64);
  readonly #attributes = new Map<number, Map<string, Uint8Array>>();

  get count(): number {
    return this.#count;
  }

  add(entry: number, fields: DirectoryFields): number {
    const directory = this.#count;
    if (directory === this.#entries.length) this.#lengthen();
    this.#count += 1;
    this.#entries[directory] = entry;
    this.set(directory, fields);
    return directory;
  }

  set(directory: number, { mode, uid, gid, time }: DirectoryFields): void {
    this.#modes[directory] = mode;
    this.#uids[directory] = uid;
    this.#gids[directory] = gid;
    this.#seconds[directory] = time.seconds;
    this.#nanoseconds[directory] = time.nanoseconds;
  }

  setAttribute(directory: number, name: string, value: Uint8Array): void {
    const there = this.#attributes.get(directory);
    if (there === undefined) this.#attributes.set(directory, new Map([[name, value]]));
    else there.set(name, value);
  }

  entryOf(directory: number): number {
    return this.#entries[directory] ?? 0;
  }

  fieldsOf(directory: number): DirectoryFields {
    return {
      mode: this.#modes[directory] ?? 0,
      uid: this.#uids[directory] ?? 0,
      gid: this.#gids[directory] ?? 0,
      time: { seconds: this.#seconds[directory] ?? 0, nanoseconds: this.#nanoseconds[directory] ?? 0 },
    };
  }

  attributesOf(directory: number): Attributes {
    return this.#attributes.get(directory) ?? noAttributes;
  }

  #lengthen(): void {
    const length = this.#entries.length * 2;
    const copy = <T extends Uint32Array | Uint16Array | Float64Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    this.#entries = copy(this.#entries, new Uint32Array(length));
    this.#modes = copy(this.#modes, new Uint16Array(length));
    this.#uids = copy(this.#uids, new Uint32Array(length));
    this.#gids = copy(this.#gids, new Uint32Array(length));
    this.#seconds = copy(this.#seconds, new Float64Array(length));
    this.#nanoseconds = copy(this.#nanoseconds, new Uint32Array(length));
  }
}
