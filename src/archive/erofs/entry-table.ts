/**
 * The names of a tree that is being written: some thirty bytes and the name for an entry, however many there are. An entry
 * is a number; it never moves, and one that was replaced stays, marked dead, with all that is below it. Parents have lower
 * numbers than what is in them.
 *
 * Looking up is by a hash with a seed that an archive cannot know, so its author cannot choose names that collide.
 */
import { TiffinError } from "../../lib/errors.ts";
import { entryTypes, pathLimitBytes } from "./format.ts";

export const rootEntry = 0;
/** The names `.` and `..`, for whoever lists a directory. */
export const selfEntry = 1;
export const parentEntry = 2;
/** The first one that is neither the root nor a name that every directory has. */
export const firstEntry = 3;

/** Of the kind of an entry: its type, and these marks. */
export const kindTypeMask = 0x07;
/** Its inode is of the extended form. */
export const extendedMark = 0x10;
/** It takes away what lower layers have. */
export const whiteoutMark = 0x20;
export const deadMark = 0x80;

export const noEntry = -1;
/** A symbolic link's text and its length. */
const limitTargetBytes = pathLimitBytes + 2;
const noNames = new Uint8Array(0);
const fnvPrime = 16_777_619;
/** Names lie in pieces of this length, none across the end of one, so that they need not be copied as they become more. */
const pieceBits = 20;
const pieceBytes = 1 << pieceBits;
const limitPieces = 2 ** 32 / pieceBytes;

export interface EntryTableOptions {
  readonly limitEntries: number;
  readonly hashSeed: number;
}

export class EntryTable {
  readonly #options: EntryTableOptions;
  #count = 0;
  #parents = new Uint32Array(1024);
  #nameStarts = new Uint32Array(1024);
  #nameLengths = new Uint8Array(1024);
  #kinds = new Uint8Array(1024);
  #places = new Uint32Array(1024);
  readonly #pieces: Uint8Array[] = [];
  /** Where in the last piece the next name goes. */
  #pieceEnd = pieceBytes;
  /** Entry + 1 by hash, open addressing; 0 is free. */
  #buckets = new Uint32Array(4096);

  constructor(options: EntryTableOptions) {
    this.#options = options;
    const dot = Uint8Array.of(0x2e, 0x2e);
    for (let length = 0; length <= 2; length += 1) {
      this.#append(rootEntry, dot, 0, length, entryTypes.directory, 0);
    }
  }

  get count(): number {
    return this.#count;
  }

  /** The bytes that hold the name of `entry`, from `nameStart` on. */
  namesOf(entry: number): Uint8Array {
    return this.#pieceOf(this.#nameStarts[entry] ?? 0);
  }

  parentOf(entry: number): number {
    return this.#parents[entry] ?? 0;
  }

  nameStart(entry: number): number {
    return (this.#nameStarts[entry] ?? 0) & (pieceBytes - 1);
  }

  nameLength(entry: number): number {
    return this.#nameLengths[entry] ?? 0;
  }

  typeOf(entry: number): number {
    return (this.#kinds[entry] ?? 0) & kindTypeMask;
  }

  hasMark(entry: number, mark: number): boolean {
    return ((this.#kinds[entry] ?? 0) & mark) !== 0;
  }

  /** Of a directory its number among the directories, of anything else where its inode is. */
  placeOf(entry: number): number {
    return this.#places[entry] ?? 0;
  }

  /** The entry in `parent` whose name `bytes` hold at `start`, or `noEntry`. */
  find(parent: number, bytes: Uint8Array, start: number, length: number): number {
    return (this.#buckets[this.#bucketOf(parent, bytes, start, length)] ?? 0) - 1;
  }

  /** A new entry, in the place of one that has the name. */
  add(parent: number, bytes: Uint8Array, start: number, length: number, kind: number, place: number): number {
    if (this.#count * 2 > this.#buckets.length) this.#grow();
    const bucket = this.#bucketOf(parent, bytes, start, length);
    const replaced = (this.#buckets[bucket] ?? 0) - 1;
    if (replaced >= 0) this.#kinds[replaced] = (this.#kinds[replaced] ?? 0) | deadMark;
    const entry = this.#append(parent, bytes, start, length, kind, place);
    this.#buckets[bucket] = entry + 1;
    return entry;
  }

  /** Says where the inode of an entry that was just added is. */
  setPlace(entry: number, place: number, marks: number): void {
    this.#places[entry] = place;
    this.#kinds[entry] = (this.#kinds[entry] ?? 0) | marks;
  }

  /** Keeps what a symbolic link says; directly after it was added. */
  addTarget(target: Uint8Array): void {
    const at = this.#pieceEnd;
    const piece = this.#pieceOf(this.#makeRoom(target.length + 2));
    piece[at] = target.length & 0xff;
    piece[at + 1] = target.length >>> 8;
    piece.set(target, at + 2);
  }

  targetOf(entry: number): Uint8Array {
    const at = this.nameStart(entry) + this.nameLength(entry);
    const piece = this.namesOf(entry);
    const length = (piece[at] ?? 0) | ((piece[at + 1] ?? 0) << 8);
    return piece.subarray(at + 2, at + 2 + length);
  }

  /** Order of two entries' names as EROFS wants it: by bytes, a beginning before what goes on. */
  compareNames(left: number, right: number): number {
    const leftNames = this.namesOf(left);
    const rightNames = this.namesOf(right);
    const leftStart = this.nameStart(left);
    const rightStart = this.nameStart(right);
    const leftLength = this.#nameLengths[left] ?? 0;
    const rightLength = this.#nameLengths[right] ?? 0;
    const shorter = Math.min(leftLength, rightLength);
    for (let at = 0; at < shorter; at += 1) {
      const difference = (leftNames[leftStart + at] ?? 0) - (rightNames[rightStart + at] ?? 0);
      if (difference !== 0) return difference;
    }
    return leftLength - rightLength;
  }

  #bucketOf(parent: number, name: Uint8Array, start: number, length: number): number {
    let hash = Math.imul((parent ^ this.#options.hashSeed) | 0, 0x9e37_79b1);
    for (let at = start; at < start + length; at += 1) hash = Math.imul(hash ^ (name[at] ?? 0), fnvPrime);
    hash ^= hash >>> 15;
    const mask = this.#buckets.length - 1;
    for (let bucket = hash & mask; ; bucket = (bucket + 1) & mask) {
      const found = this.#buckets[bucket] ?? 0;
      if (found === 0) return bucket;
      const entry = found - 1;
      if (this.#parents[entry] !== parent || this.#nameLengths[entry] !== length) continue;
      if (this.#hasName(entry, name, start, length)) return bucket;
    }
  }

  #hasName(entry: number, name: Uint8Array, start: number, length: number): boolean {
    const names = this.namesOf(entry);
    const own = this.nameStart(entry);
    for (let at = 0; at < length; at += 1) {
      if (names[own + at] !== name[start + at]) return false;
    }
    return true;
  }

  #append(
    parent: number,
    bytes: Uint8Array,
    from: number,
    length: number,
    kind: number,
    place: number,
  ): number {
    if (this.#count >= this.#options.limitEntries) {
      throw new TiffinError(
        "invalid",
        "archive.too-many-entries",
        `the archive has more than ${this.#options.limitEntries} entries`,
      );
    }
    if (this.#count === this.#parents.length) this.#lengthen();
    const entry = this.#count;
    this.#count += 1;
    // What a link says comes directly behind its name, so there must be room for it.
    const start = this.#makeRoom(length, (kind & kindTypeMask) === entryTypes.symlink ? limitTargetBytes : 0);
    const piece = this.#pieceOf(start);
    const own = start & (pieceBytes - 1);
    for (let at = 0; at < length; at += 1) piece[own + at] = bytes[from + at] ?? 0;
    this.#parents[entry] = parent;
    this.#nameStarts[entry] = start;
    this.#nameLengths[entry] = length;
    this.#kinds[entry] = kind;
    this.#places[entry] = place;
    return entry;
  }

  #pieceOf(start: number): Uint8Array {
    return this.#pieces[start >>> pieceBits] ?? noNames;
  }

  /** Where the next `bytes` go, in a piece that has room for `more` behind them. */
  #makeRoom(bytes: number, more = 0): number {
    if (this.#pieceEnd + bytes + more > pieceBytes) {
      if (this.#pieces.length === limitPieces) {
        throw new TiffinError(
          "invalid",
          "archive.too-many-entries",
          `the names in the archive take more than ${limitPieces * pieceBytes} bytes`,
        );
      }
      this.#pieces.push(new Uint8Array(pieceBytes));
      this.#pieceEnd = 0;
    }
    const start = (this.#pieces.length - 1) * pieceBytes + this.#pieceEnd;
    this.#pieceEnd += bytes;
    return start;
  }

  #lengthen(): void {
    const length = Math.floor(this.#parents.length * 1.5);
    this.#parents = longer(this.#parents, new Uint32Array(length));
    this.#nameStarts = longer(this.#nameStarts, new Uint32Array(length));
    this.#nameLengths = longer(this.#nameLengths, new Uint8Array(length));
    this.#kinds = longer(this.#kinds, new Uint8Array(length));
    this.#places = longer(this.#places, new Uint32Array(length));
  }

  #grow(): void {
    this.#buckets = new Uint32Array(this.#buckets.length * 2);
    for (let entry = firstEntry; entry < this.#count; entry += 1) {
      // A dead one has given its bucket to what replaced it.
      if (this.hasMark(entry, deadMark)) continue;
      const bucket = this.#bucketOf(
        this.parentOf(entry),
        this.namesOf(entry),
        this.nameStart(entry),
        this.nameLength(entry),
      );
      this.#buckets[bucket] = entry + 1;
    }
  }
}

function longer<T extends Uint8Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
