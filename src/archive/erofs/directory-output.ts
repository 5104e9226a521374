/**
 * The directories of an image, once everything else has its place: first the whole blocks of all of them, then their inodes, each
 * with the rest of its names behind it where that has room in its block. Last the superblock, which shares a block with
 * the root's inode.
 */
import { encodeAttributes } from "./attributes.ts";
import type { BlockOutput } from "./block-output.ts";
import { deadMark, firstEntry, parentEntry, selfEntry } from "./entry-table.ts";
import {
  blockBytes,
  dataLayouts,
  directoryEntryBytes,
  entryTypes,
  modeTypes,
  slotBytes,
  superblockAt,
  superblockBytes,
} from "./format.ts";
import { encodeInode, type InodeFields, type InodeTime, inodeBytes, isExtended } from "./inode.ts";
import type { LayerTree } from "./layer-tree.ts";
import { refused } from "./refused.ts";
import type { ImageSink } from "./sink.ts";
import { encodeSuperblock } from "./superblock.ts";

export interface DirectoriesToFinish {
  readonly tree: LayerTree;
  readonly output: BlockOutput;
  readonly sink: ImageSink;
  readonly epoch: InodeTime;
  /** The last serial number that an inode got. */
  readonly serial: number;
  /** Where in the image the inode of a place lies. */
  readonly offsetOf: (place: number) => number;
  readonly isLinked: (place: number) => boolean;
}

export interface FinishedDirectories {
  readonly inodes: number;
  /** Place of an inode that had several names -> how many it has. */
  readonly links: ReadonlyMap<number, number>;
}

const rootAt = superblockAt + superblockBytes;
const noDirectory = 0xffff_ffff;

export function finishDirectories(input: DirectoriesToFinish): FinishedDirectories {
  const output = new DirectoryOutput(input);
  return output.run();
}

class DirectoryOutput {
  readonly #input: DirectoriesToFinish;
  readonly #entries: LayerTree["entries"];
  readonly #count: number;
  /** What is in directory `d`, in order: `#listed[#starts[d]]` up to `#starts[d + 1]`. */
  readonly #starts: Uint32Array;
  readonly #listed: Uint32Array;
  readonly #subdirectories: Uint32Array;
  readonly #reached: Uint8Array;
  readonly #links = new Map<number, number>();
  /** By directory: first block, whole blocks, index of the first name behind the inode, offset of the inode. */
  readonly #firstBlocks: Uint32Array;
  readonly #wholeBlocks: Uint32Array;
  readonly #tailStarts: Uint32Array;
  readonly #tailBytes: Uint16Array;
  readonly #offsets: Float64Array;
  readonly #block = new Uint8Array(blockBytes);
  readonly #blockView = new DataView(this.#block.buffer);
  #inodes = 0;

  constructor(input: DirectoriesToFinish) {
    this.#input = input;
    this.#entries = input.tree.entries;
    this.#count = input.tree.directories.count;
    this.#starts = new Uint32Array(this.#count + 1);
    this.#subdirectories = new Uint32Array(this.#count);
    this.#reached = this.#findReached();
    this.#listed = this.#list();
    this.#firstBlocks = new Uint32Array(this.#count);
    this.#wholeBlocks = new Uint32Array(this.#count);
    this.#tailStarts = new Uint32Array(this.#count);
    this.#tailBytes = new Uint16Array(this.#count);
    this.#offsets = new Float64Array(this.#count);
  }

  run(): FinishedDirectories {
    this.#layOut();
    for (let directory = 0; directory < this.#count; directory += 1) {
      if (this.#reached[directory] === 1) this.#writeBlocks(directory);
    }
    const root = this.#writeInodes();
    this.#input.output.pad();
    this.#input.output.end();
    const superblock = encodeSuperblock({
      rootNumber: rootAt / slotBytes,
      inodes: this.#inodes,
      epoch: this.#input.epoch,
      blocks: this.#input.output.nextBlock,
      rest: root,
    });
    this.#input.sink.patch(0, superblock);
    return { inodes: this.#inodes, links: this.#links };
  }

  /** Parents come before what is in them, so one pass finds what still hangs together with the root. */
  #findReached(): Uint8Array {
    const { directories } = this.#input.tree;
    const reached = new Uint8Array(this.#count);
    reached[0] = 1;
    for (let directory = 1; directory < this.#count; directory += 1) {
      const entry = directories.entryOf(directory);
      const parent = this.#entries.placeOf(this.#entries.parentOf(entry));
      if (reached[parent] === 1 && !this.#entries.hasMark(entry, deadMark)) reached[directory] = 1;
    }
    return reached;
  }

  /** Sorts the living entries into their directories. */
  #list(): Uint32Array {
    const entries = this.#entries;
    const counts = this.#starts;
    for (let directory = 0; directory < this.#count; directory += 1) {
      if (this.#reached[directory] === 1) counts[directory] = 2;
    }
    for (let entry = firstEntry; entry < entries.count; entry += 1) {
      const directory = this.#homeOf(entry);
      if (directory === noDirectory) continue;
      counts[directory] = (counts[directory] ?? 0) + 1;
      this.#countInode(entry, directory);
    }
    let total = 0;
    for (let directory = 0; directory <= this.#count; directory += 1) {
      const own = counts[directory] ?? 0;
      counts[directory] = total;
      total += own;
    }
    const listed = new Uint32Array(total);
    const next = counts.slice(0, this.#count);
    const put = (directory: number, entry: number): void => {
      const at = next[directory] ?? 0;
      listed[at] = entry;
      next[directory] = at + 1;
    };
    for (let directory = 0; directory < this.#count; directory += 1) {
      if (this.#reached[directory] !== 1) continue;
      put(directory, selfEntry);
      put(directory, parentEntry);
    }
    for (let entry = firstEntry; entry < entries.count; entry += 1) {
      const directory = this.#homeOf(entry);
      if (directory !== noDirectory) put(directory, entry);
    }
    for (let directory = 0; directory < this.#count; directory += 1) {
      this.#sort(listed.subarray(counts[directory], counts[directory + 1]));
    }
    return listed;
  }

  /** The number of the directory that shows the entry. */
  #homeOf(entry: number): number {
    if (this.#entries.hasMark(entry, deadMark)) return noDirectory;
    const directory = this.#entries.placeOf(this.#entries.parentOf(entry));
    return this.#reached[directory] === 1 ? directory : noDirectory;
  }

  #countInode(entry: number, directory: number): void {
    if (this.#entries.typeOf(entry) === entryTypes.directory) {
      this.#subdirectories[directory] = (this.#subdirectories[directory] ?? 0) + 1;
      this.#inodes += 1;
      return;
    }
    const place = this.#entries.placeOf(entry);
    if (!this.#input.isLinked(place)) {
      this.#inodes += 1;
      return;
    }
    const names = this.#links.get(place) ?? 0;
    this.#links.set(place, names + 1);
    if (names === 0) this.#inodes += 1;
  }

  #sort(listed: Uint32Array): void {
    const entries = this.#entries;
    for (let at = 1; at < listed.length; at += 1) {
      if (entries.compareNames(listed[at - 1] ?? 0, listed[at] ?? 0) < 0) continue;
      listed.sort((left, right) => entries.compareNames(left, right));
      return;
    }
  }

  /** Says where everything will lie. */
  #layOut(): void {
    let block = this.#input.output.nextBlock;
    for (let directory = 0; directory < this.#count; directory += 1) {
      if (this.#reached[directory] !== 1) continue;
      this.#divide(directory);
      this.#firstBlocks[directory] = block;
      block += this.#wholeBlocks[directory] ?? 0;
    }
    let at = block * blockBytes;
    this.#offsets[0] = rootAt;
    for (let directory = 1; directory < this.#count; directory += 1) {
      if (this.#reached[directory] !== 1) continue;
      const bytes = this.#recordBytes(directory);
      const inBlock = at % blockBytes;
      if (inBlock !== 0 && inBlock + bytes > blockBytes) at += blockBytes - inBlock;
      this.#offsets[directory] = at;
      at += Math.ceil(bytes / slotBytes) * slotBytes;
    }
    this.#inodes += 1;
  }

  /** Divides the names of a directory into blocks. */
  #divide(directory: number): void {
    const end = this.#starts[directory + 1] ?? 0;
    let blocks = 0;
    let used = 0;
    let tailStart = this.#starts[directory] ?? 0;
    for (let index = tailStart; index < end; index += 1) {
      const bytes = directoryEntryBytes + this.#entries.nameLength(this.#listed[index] ?? 0);
      if (used + bytes > blockBytes) {
        blocks += 1;
        used = 0;
        tailStart = index;
      }
      used += bytes;
    }
    const room = blockBytes - (directory === 0 ? rootAt : 0) - this.#headBytes(directory);
    if (room < 0 && directory === 0) {
      throw refused("/", `extended attributes that need ${-room} bytes more than the top directory has`);
    }
    this.#tailBytes[directory] = used;
    // A block for itself when there is no room behind the inode.
    if (used > room) this.#wholeBlocks[directory] = blocks + 1;
    else this.#wholeBlocks[directory] = blocks;
    this.#tailStarts[directory] = used > room ? end : tailStart;
  }

  #headBytes(directory: number): number {
    const attributes = encodeAttributes(this.#input.tree.directories.attributesOf(directory));
    return inodeBytes(this.#isExtended(directory)) + attributes.length;
  }

  #recordBytes(directory: number): number {
    return this.#headBytes(directory) + (this.#isInline(directory) ? (this.#tailBytes[directory] ?? 0) : 0);
  }

  #isInline(directory: number): boolean {
    return (this.#tailStarts[directory] ?? 0) < (this.#starts[directory + 1] ?? 0);
  }

  #isExtended(directory: number): boolean {
    return isExtended(this.#inode(directory, 0, 0), this.#input.epoch);
  }

  #inode(directory: number, serial: number, attributeBytes: number): InodeFields {
    const { mode, uid, gid, time } = this.#input.tree.directories.fieldsOf(directory);
    const whole = this.#wholeBlocks[directory] ?? 0;
    const tail = this.#tailBytes[directory] ?? 0;
    const inline = this.#isInline(directory);
    return {
      layout: inline ? dataLayouts.inline : dataLayouts.plain,
      mode: modeTypes.directory | mode,
      uid,
      gid,
      time,
      sizeBytes: (inline ? whole : whole - 1) * blockBytes + tail,
      links: 2 + (this.#subdirectories[directory] ?? 0),
      where: whole === 0 ? 0 : (this.#firstBlocks[directory] ?? 0),
      serial,
      attributeBytes,
    };
  }

  #writeBlocks(directory: number): void {
    const { output } = this.#input;
    const end = this.#tailStarts[directory] ?? 0;
    for (let index = this.#starts[directory] ?? 0; index < end; ) {
      index = this.#fillBlock(directory, index, end);
      output.write(this.#block);
    }
  }

  /** Writes the inodes of all directories; returns what belongs into the first block, behind the superblock. */
  #writeInodes(): Uint8Array {
    const { output } = this.#input;
    let root: Uint8Array = new Uint8Array(0);
    for (let directory = 0; directory < this.#count; directory += 1) {
      if (this.#reached[directory] !== 1) continue;
      const record = this.#encodeRecord(directory);
      if (directory === 0) {
        root = record;
        continue;
      }
      const offset = this.#offsets[directory] ?? 0;
      this.#zeros(offset - output.totalBytes);
      output.write(record);
    }
    return root;
  }

  #encodeRecord(directory: number): Uint8Array {
    const attributes = encodeAttributes(this.#input.tree.directories.attributesOf(directory));
    const extended = this.#isExtended(directory);
    const head = inodeBytes(extended);
    const tail = this.#isInline(directory) ? (this.#tailBytes[directory] ?? 0) : 0;
    const record = new Uint8Array(head + attributes.length + tail);
    const serial = this.#input.serial + 1 + directory;
    encodeInode(new DataView(record.buffer), 0, this.#inode(directory, serial, attributes.length), extended);
    record.set(attributes, head);
    if (tail > 0) {
      this.#fillBlock(directory, this.#tailStarts[directory] ?? 0, this.#starts[directory + 1] ?? 0);
      record.set(this.#block.subarray(0, tail), head + attributes.length);
    }
    return record;
  }

  #zeros(bytes: number): void {
    if (bytes <= 0) return;
    this.#block.fill(0, 0, bytes);
    this.#input.output.write(this.#block.subarray(0, bytes));
  }

  /** One block of names from `from` on; returns the index of the first one that has no room, at most `end`. */
  #fillBlock(directory: number, from: number, end: number): number {
    const entries = this.#entries;
    const block = this.#block;
    const view = this.#blockView;
    let used = 0;
    let to = from;
    for (; to < end; to += 1) {
      const bytes = directoryEntryBytes + entries.nameLength(this.#listed[to] ?? 0);
      if (used + bytes > blockBytes) break;
      used += bytes;
    }
    let nameAt = (to - from) * directoryEntryBytes;
    for (let index = from; index < to; index += 1) {
      const entry = this.#listed[index] ?? 0;
      const at = (index - from) * directoryEntryBytes;
      const number = this.#numberOf(directory, entry);
      view.setUint32(at, number >>> 0, true);
      view.setUint32(at + 4, Math.floor(number / 2 ** 32), true);
      view.setUint16(at + 8, nameAt, true);
      block[at + 10] = entries.typeOf(entry);
      block[at + 11] = 0;
      const length = entries.nameLength(entry);
      const start = entries.nameStart(entry);
      const names = entries.namesOf(entry);
      for (let byte = 0; byte < length; byte += 1) block[nameAt + byte] = names[start + byte] ?? 0;
      nameAt += length;
    }
    block.fill(0, nameAt);
    return to;
  }

  /** The number of the inode that `entry` in `directory` leads to. */
  #numberOf(directory: number, entry: number): number {
    const entries = this.#entries;
    let found = directory;
    if (entry === parentEntry) {
      found = entries.placeOf(entries.parentOf(this.#input.tree.directories.entryOf(directory)));
    } else if (entry !== selfEntry) {
      const place = entries.placeOf(entry);
      if (entries.typeOf(entry) !== entryTypes.directory) return this.#input.offsetOf(place) / slotBytes;
      found = place;
    }
    return (this.#offsets[found] ?? 0) / slotBytes;
  }
}
