/**
 * The tree that the entries of a layer make, as a kernel would make it that unpacks them inside of a root: parents are made
 * on the way, symbolic links on the way to an entry are followed and cannot leave the root, what has a name already is
 * replaced.
 */
import { encodeName } from "../../lib/name-text.ts";
import { type DirectoryFields, DirectoryTable } from "./directory-table.ts";
import { EntryTable, type EntryTableOptions, noEntry, rootEntry, whiteoutMark } from "./entry-table.ts";
import { entryTypes, nameLimitBytes, pathLimitBytes } from "./format.ts";
import type { InodeTime } from "./inode.ts";
import { refused } from "./refused.ts";

const linkLimit = 40;
const slash = 0x2f;
const dot = 0x2e;
const opaqueAttribute = "trusted.overlay.opaque";
const opaqueValue = Uint8Array.of(0x79);
const rootDirectoryMode = 0o755;
const encoder = new TextEncoder();

export class LayerTree {
  readonly entries: EntryTable;
  readonly directories = new DirectoryTable();
  readonly #path = new Uint8Array(pathLimitBytes * 3 + 1);
  #pathText = "";
  #pathLength = 0;
  /** Members of one directory usually follow one another. */
  #lastParent: { readonly path: string; readonly entry: number } | undefined;
  #links = 0;
  /** Where the name of the entry that `locate` was asked for is in `name`, and its directory. */
  parent = rootEntry;
  nameStart = 0;
  nameLength = 0;

  constructor(options: EntryTableOptions) {
    this.entries = new EntryTable(options);
    this.directories.add(rootEntry, { ...madeOnTheWay, time: { seconds: 0, nanoseconds: 0 } });
  }

  /**
   * Finds the directory of `path`, which is inside and not the root, and makes it where it is missing. Returns what has the
   * name already, or `noEntry`. Directories that are made have the time `time`.
   */
  locate(path: string, time: InodeTime): number {
    this.#encode(path);
    const cut = path.lastIndexOf("/");
    const parentPath = cut === -1 ? "" : path.slice(0, cut);
    const bytes = this.#path;
    const start = cut === -1 ? 0 : bytes.lastIndexOf(slash, this.#pathLength - 1) + 1;
    if (this.#lastParent?.path === parentPath) {
      this.parent = this.#lastParent.entry;
    } else {
      this.#links = 0;
      this.parent = start === 0 ? rootEntry : this.#walk(bytes, start - 1, rootEntry, time);
      this.#lastParent = { path: parentPath, entry: this.parent };
    }
    this.nameStart = start;
    this.nameLength = this.#pathLength - start;
    this.#checkName(this.nameLength);
    return this.entries.find(this.parent, bytes, start, this.nameLength);
  }

  /** A new entry at the place that was located last. */
  add(kind: number, place: number): number {
    return this.entries.add(this.parent, this.#path, this.nameStart, this.nameLength, kind, place);
  }

  addDirectory(fields: DirectoryFields): number {
    return this.#newDirectory(this.parent, this.#path, this.nameStart, this.nameLength, fields);
  }

  /** Nothing of lower layers is seen in this directory. */
  makeOpaque(entry: number): void {
    this.directories.setAttribute(this.entries.placeOf(entry), opaqueAttribute, opaqueValue);
  }

  /** A directory or a link was replaced: paths may lead elsewhere now. */
  forgetParent(): void {
    this.#lastParent = undefined;
  }

  #encode(path: string): void {
    this.#pathText = path;
    if (path.length > pathLimitBytes) throw this.#refused("its path is too long");
    if (path.isWellFormed()) {
      this.#pathLength = encoder.encodeInto(path, this.#path).written;
    } else {
      const bytes = encodeName(path);
      this.#path.set(bytes);
      this.#pathLength = bytes.length;
    }
    if (this.#pathLength > pathLimitBytes) throw this.#refused("its path is too long");
  }

  #checkName(length: number): void {
    if (length <= nameLimitBytes) return;
    throw this.#refused(`a name of ${length} bytes, at most ${nameLimitBytes} are possible`);
  }

  /** The directory that the path in `bytes` up to `end` leads to from `from`. Only with a `time` is anything made. */
  #walk(bytes: Uint8Array, end: number, from: number, time: InodeTime | undefined): number {
    let at = from;
    for (let start = 0; start < end; ) {
      let stop = start;
      while (stop < end && bytes[stop] !== slash) stop += 1;
      at = this.#step(at, bytes, start, stop - start, time);
      start = stop + 1;
    }
    return at;
  }

  #step(at: number, bytes: Uint8Array, start: number, length: number, time: InodeTime | undefined): number {
    if (length === 0 || (length === 1 && bytes[start] === dot)) return at;
    if (length === 2 && bytes[start] === dot && bytes[start + 1] === dot) return this.entries.parentOf(at);
    this.#checkName(length);
    const child = this.entries.find(at, bytes, start, length);
    if (child === noEntry) return this.#make(at, bytes, start, length, time);
    const type = this.entries.typeOf(child);
    if (type === entryTypes.directory) return child;
    if (type === entryTypes.symlink) return this.#follow(at, child);
    if (!this.entries.hasMark(child, whiteoutMark)) {
      throw this.#refused("something on the way to it is no directory");
    }
    const made = this.#make(at, bytes, start, length, time);
    this.makeOpaque(made);
    return made;
  }

  #make(
    parent: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    time: InodeTime | undefined,
  ): number {
    if (time === undefined) throw this.#refused("a symbolic link on the way to it leads to nothing");
    return this.#newDirectory(parent, bytes, start, length, { ...madeOnTheWay, time });
  }

  #newDirectory(
    parent: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    fields: DirectoryFields,
  ): number {
    const number = this.directories.count;
    const entry = this.entries.add(parent, bytes, start, length, entryTypes.directory, number);
    this.directories.add(entry, fields);
    return entry;
  }

  #follow(at: number, link: number): number {
    this.#links += 1;
    if (this.#links > linkLimit) throw this.#refused("too many symbolic links on the way to it");
    // Nothing is made below, so the target's bytes stay where they are.
    const target = this.entries.targetOf(link);
    return this.#walk(target, target.length, target[0] === slash ? rootEntry : at, undefined);
  }

  #refused(reason: string): Error {
    return refused(this.#pathText, reason);
  }
}

const madeOnTheWay = { mode: rootDirectoryMode, uid: 0, gid: 0 };
