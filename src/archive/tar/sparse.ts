/**
 * Members of which only the stretches that hold data are in the archive. Four ways to say where those are: GNU's old header with
 * blocks behind it, and three of pax (0.0 and 0.1 in the records, 1.0 as text in front of the content). GNU tar manual, "Storing
 * Sparse Files". Everything is checked against the length that the file is to have before anything is made of it.
 */
import { brokenArchive, numberAt } from "./block.ts";
import type { TarSegment } from "./entry.ts";
import { type PaxRecords, paxNumber, paxText } from "./pax.ts";

/** A file of 64 GiB with data in every quarter of a megabyte. */
const limitSegments = 262_144;
/** GNU's old header: offset and length of a stretch in two fields each. */
const oldHeader = { segments: 386, count: 4, more: 482, real: 483 } as const;
const oldBlock = { segments: 0, count: 21, more: 504 } as const;
const fieldBytes = 12;
const newline = 0x0a;
const zero = 0x30;
const nine = 0x39;
/** Of a number in text. */
const limitDigits = 16;

/** What is still to come of the map: nothing, blocks of GNU's old way, or the text of pax 1.0. */
export type MapRest = "complete" | "blocks" | "text";

export class SparseMap {
  readonly realBytes: number;
  readonly #segments: TarSegment[] = [];
  #rest: MapRest;
  /** Of the text: how many numbers are to come (unknown before the first), the one that is being read, and one waiting for its pair. */
  #wantedNumbers: number | undefined;
  #digits = "";
  #offset: number | undefined;

  private constructor(realBytes: number, rest: MapRest) {
    this.realBytes = realBytes;
    this.#rest = rest;
  }

  /** Of a header of type `S`. */
  static ofHeader(header: Uint8Array): SparseMap {
    const map = new SparseMap(lengthAt(header, oldHeader.real), "blocks");
    map.#addBlock(header, oldHeader);
    return map;
  }

  /** Of the records of a file; undefined when they say nothing of the kind. */
  static ofRecords(records: PaxRecords): SparseMap | undefined {
    const number = (key: string): number | undefined => {
      const value = records.get(`GNU.sparse.${key}`);
      return value === undefined ? undefined : paxNumber(value, `GNU.sparse.${key}`);
    };
    const major = number("major");
    if (major !== undefined) {
      const [minor, realBytes] = [number("minor"), number("realsize")];
      if (major !== 1 || minor !== 0)
        throw brokenArchive(`sparse members of version ${major}.${minor ?? "?"}`);
      if (realBytes === undefined) throw brokenArchive("a sparse member without its length");
      return new SparseMap(realBytes, "text");
    }
    const realBytes = number("size");
    const written = records.get("GNU.sparse.map");
    if (realBytes === undefined && written === undefined) return undefined;
    if (realBytes === undefined || written === undefined)
      throw brokenArchive("half of a sparse member's map");
    const map = new SparseMap(realBytes, "complete");
    const numbers = paxText(written, "GNU.sparse.map")
      .split(",")
      .filter((word) => word !== "");
    if (numbers.length % 2 !== 0) throw brokenArchive("a sparse member whose map has an odd end");
    for (let at = 0; at < numbers.length; at += 2) map.#add(whole(numbers[at]), whole(numbers[at + 1]));
    return map;
  }

  get rest(): MapRest {
    return this.#rest;
  }

  /** The next block of the map. */
  addBlock(block: Uint8Array): void {
    if (this.#rest === "blocks") this.#addBlock(block, oldBlock);
    else this.#addText(block);
  }

  /** The stretches, of which `storedBytes` are in the archive. */
  segments(storedBytes: number): readonly TarSegment[] {
    let end = 0;
    let sum = 0;
    for (const { atBytes, bytes } of this.#segments) {
      if (atBytes < end) throw brokenArchive("a sparse member whose parts overlap or are in no order");
      end = atBytes + bytes;
      sum += bytes;
      if (end > this.realBytes) throw brokenArchive("a sparse member with a part behind its end");
    }
    if (sum === storedBytes) return this.#segments;
    throw brokenArchive(`a sparse member of ${storedBytes} bytes whose map speaks of ${sum}`);
  }

  #addBlock(block: Uint8Array, where: typeof oldHeader | typeof oldBlock): void {
    for (let index = 0; index < where.count; index += 1) {
      const at = where.segments + index * 2 * fieldBytes;
      // What is not used is empty; and so is the rest of the map.
      if (block[at + fieldBytes] === 0) break;
      this.#add(lengthAt(block, at), lengthAt(block, at + fieldBytes));
    }
    if (block[where.more] === 0 || block[where.more] === zero) this.#rest = "complete";
  }

  /** How many stretches there are, then two numbers for each, a line a number, filled up to a block. */
  #addText(block: Uint8Array): void {
    for (const byte of block) {
      if (this.#wantedNumbers === 0) break;
      if (byte === newline) this.#endNumber();
      else if (byte < zero || byte > nine || this.#digits.length === limitDigits)
        throw brokenArchive("a sparse member whose map is no list of numbers");
      else this.#digits += String.fromCharCode(byte);
    }
    if (this.#wantedNumbers === 0) this.#rest = "complete";
  }

  #endNumber(): void {
    const number = whole(this.#digits);
    this.#digits = "";
    if (this.#wantedNumbers === undefined) {
      if (number > limitSegments) throw tooMany();
      this.#wantedNumbers = 2 * number;
      return;
    }
    this.#wantedNumbers -= 1;
    if (this.#offset === undefined) {
      this.#offset = number;
      return;
    }
    this.#add(this.#offset, number);
    this.#offset = undefined;
  }

  #add(atBytes: number, bytes: number): void {
    if (this.#segments.length === limitSegments) throw tooMany();
    this.#segments.push({ atBytes, bytes });
  }
}

function tooMany(): Error {
  return brokenArchive(`a sparse member in more than ${limitSegments} parts`);
}

function whole(text: string | undefined): number {
  const number = Number(text);
  if (text !== undefined && /^[0-9]{1,16}$/.test(text) && Number.isSafeInteger(number)) return number;
  throw brokenArchive("a sparse member whose map is no list of numbers");
}

function lengthAt(block: Uint8Array, at: number): number {
  const value = numberAt(block, at, fieldBytes, "of a sparse member");
  if (value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw brokenArchive(`a sparse member with a part of ${value}`);
}
