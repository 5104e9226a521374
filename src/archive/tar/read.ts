/**
 * Reads a tar archive from chunks of any size: ustar, pax and GNU headers in any mix. Nothing is buffered but one header, so
 * memory does not depend on what the archive holds; every length that the archive names is bounded or only counted.
 *
 * Hostile input ends in `archive.malformed`. Paths are handed on as they are written.
 */
import { decodeName } from "../../lib/name-text.ts";
import { limitUnpackedBytes, tooLarge } from "../too-large.ts";
import { blockBytes, brokenArchive, checksumHolds, isZeroBlock, numberOf, textOf } from "./block.ts";
import type { TarEntry, TarEntryType, TarSegment } from "./entry.ts";
import { decodePax, type PaxRecords, paxNumber, paxTime } from "./pax.ts";
import { SparseMap } from "./sparse.ts";

export interface TarSink {
  /** A member begins; `sizeBytes` of content and holes follow. */
  entry(entry: TarEntry): void;
  /** A piece of the content of the last entry: a view that is valid only during the call. */
  content(piece: Uint8Array): void;
  /** So many zeros that the archive does not hold, of a sparse file. Who has no word for them gets them as content. */
  hole?(bytes: number): void;
  /** The content of the last entry is complete; called for members without content too. */
  endOfEntry(): void;
  /**
   * The archive without the content of its members, piece by piece in its order, down to what follows its end mark: with the content
   * put back it is the archive again, byte for byte. Views too, and heard before what they announce.
   */
  readonly skeleton?: ((piece: Uint8Array) => void) | undefined;
}

/** Extended headers and long names; Go's reader stops at one megabyte too. */
const limitHeaderBytes = 1024 * 1024;
const limitPathBytes = 64 * 1024;
const highestId = 0xffff_fffe;
const permissionBits = 0o7777;
const attributePrefix = "SCHILY.xattr.";
const noRecords: PaxRecords = new Map();

const entryTypes: ReadonlyMap<string, TarEntryType> = new Map([
  ["0", "file"],
  ["\0", "file"],
  // Sparse, of GNU's old kind.
  ["S", "file"],
  // Contiguous files and what nobody knows are files, as POSIX has it; see typeOf.
  ["7", "file"],
  ["1", "hardLink"],
  ["2", "symlink"],
  ["3", "character"],
  ["4", "block"],
  ["5", "directory"],
  ["6", "fifo"],
]);

/** Headers that say something about the next member. */
const metadataTypes: ReadonlySet<string> = new Set(["x", "g", "L", "K"]);

type Phase = "header" | "metadata" | "sparseMap" | "content" | "padding" | "ended";

const zeros = new Uint8Array(64 * 1024);

export class TarReader {
  readonly #sink: TarSink;
  readonly #block = new Uint8Array(blockBytes);
  #filled = 0;
  #phase: Phase = "header";
  /** Bytes of content or of metadata still to come, and of padding after them. */
  #remaining = 0;
  #paddingBytes = 0;
  #zeroBlocks = 0;
  #metadataType = "";
  #metadata = new Uint8Array(0);
  #local: PaxRecords = noRecords;
  #global: PaxRecords = noRecords;
  #longName: string | undefined;
  #longLink: string | undefined;
  /** A sparse member whose map is coming in; its length is that of what is stored of it. */
  #sparse: { readonly entry: TarEntry; readonly map: SparseMap } | undefined;
  /** Where in the file, and in which of its stretches, the content of a sparse member is. */
  #segments: readonly TarSegment[] | undefined;
  #segment = 0;
  #segmentLeft = 0;
  #position = 0;
  #sizeBytes = 0;
  readonly #limitHoleBytes: number;
  #holeBytes = 0;

  /** Holes cost an archive nothing: all of them together are at most `limitHoleBytes`. */
  constructor(sink: TarSink, limitHoleBytes = limitUnpackedBytes) {
    this.#sink = sink;
    this.#limitHoleBytes = limitHoleBytes;
  }

  /** The end mark was seen; what follows is not looked at. */
  get ended(): boolean {
    return this.#phase === "ended";
  }

  /** So many of the next bytes are content of one member. */
  get contentBytes(): number {
    return this.#phase === "content" ? this.#remaining : 0;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && this.#phase !== "ended") at += this.#step(chunk.subarray(at));
    if (at < chunk.length) this.#sink.skeleton?.(chunk.subarray(at));
  }

  /** Like `push`, but only up to where content is next. How many bytes were taken. */
  pushToContent(chunk: Uint8Array): number {
    let at = 0;
    while (at < chunk.length && this.#phase !== "ended" && this.#phase !== "content") {
      at += this.#step(chunk.subarray(at));
    }
    return this.#phase === "ended" ? chunk.length : at;
  }

  #step(bytes: Uint8Array): number {
    switch (this.#phase) {
      case "header":
        return this.#takeHeader(bytes);
      case "metadata":
        return this.#takeMetadata(bytes);
      case "sparseMap":
        return this.#takeSparseMap(bytes);
      case "content":
        return this.#takeContent(bytes);
      case "padding":
        return this.#takePadding(bytes);
      case "ended":
        return bytes.length;
    }
  }

  /** There will be no more. Archives that end without a mark are accepted between two members, as by GNU tar. */
  end(): void {
    if (this.#phase === "ended") return;
    const between = this.#phase === "header" && this.#filled === 0;
    if (!between) throw brokenArchive("it ends in the middle of a member");
  }

  #takeHeader(bytes: Uint8Array): number {
    const taken = this.#fillBlock(bytes);
    if (this.#filled === 0) this.#header();
    return taken;
  }

  /** How many bytes were taken; the block is whole when none are filled afterwards. */
  #fillBlock(bytes: Uint8Array): number {
    const taken = Math.min(blockBytes - this.#filled, bytes.length);
    this.#block.set(bytes.subarray(0, taken), this.#filled);
    this.#filled += taken;
    if (this.#filled < blockBytes) return taken;
    this.#filled = 0;
    this.#sink.skeleton?.(this.#block);
    return taken;
  }

  #header(): void {
    const block = this.#block;
    if (isZeroBlock(block)) {
      this.#zeroBlocks += 1;
      if (this.#zeroBlocks === 2) this.#phase = "ended";
      return;
    }
    this.#zeroBlocks = 0;
    if (!checksumHolds(block)) throw brokenArchive("the checksum of a header is wrong");
    const type = String.fromCharCode(block[156] ?? 0);
    if (metadataTypes.has(type)) this.#beginMetadata(type);
    else this.#beginEntry(type);
  }

  #beginMetadata(type: string): void {
    const size = sizeOf(this.#block);
    const most = type === "x" || type === "g" ? limitHeaderBytes : limitPathBytes;
    if (size > most) throw brokenArchive(`an extended header of ${size} bytes, at most ${most} are read`);
    this.#metadataType = type;
    this.#metadata = new Uint8Array(size);
    this.#follow(size, "metadata");
    if (size === 0) this.#endMetadata();
  }

  #takeMetadata(bytes: Uint8Array): number {
    const taken = Math.min(this.#remaining, bytes.length);
    this.#sink.skeleton?.(bytes.subarray(0, taken));
    this.#metadata.set(bytes.subarray(0, taken), this.#metadata.length - this.#remaining);
    this.#remaining -= taken;
    if (this.#remaining === 0) this.#endMetadata();
    return taken;
  }

  #endMetadata(): void {
    const bytes = this.#metadata;
    this.#metadata = new Uint8Array(0);
    switch (this.#metadataType) {
      case "x":
        this.#local = decodePax(bytes);
        break;
      case "g":
        this.#global = new Map([...this.#global, ...decodePax(bytes)]);
        break;
      case "L":
        this.#longName = longText(bytes);
        break;
      default:
        this.#longLink = longText(bytes);
    }
    this.#phase = this.#paddingBytes > 0 ? "padding" : "header";
  }

  #beginEntry(typeFlag: string): void {
    const records = this.#global.size === 0 ? this.#local : new Map([...this.#global, ...this.#local]);
    const entry = entryOf(this.#block, typeFlag, records, this.#longName, this.#longLink);
    this.#local = noRecords;
    this.#longName = undefined;
    this.#longLink = undefined;
    const map = sparseMapOf(this.#block, typeFlag, entry, records);
    if (map === undefined) {
      this.#segments = undefined;
      this.#beginContent(entry, entry.sizeBytes);
      return;
    }
    this.#sparse = { entry, map };
    // The text of a map is a part of what is stored.
    this.#remaining = map.rest === "text" ? entry.sizeBytes : 0;
    this.#phase = "sparseMap";
    if (map.rest === "complete") this.#beginSparse(entry, map, entry.sizeBytes);
  }

  #takeSparseMap(bytes: Uint8Array): number {
    const taken = this.#fillBlock(bytes);
    const sparse = this.#sparse;
    if (this.#filled > 0 || sparse === undefined) return taken;
    const { entry, map } = sparse;
    const isText = map.rest === "text";
    if (isText && this.#remaining < blockBytes) throw brokenArchive("a sparse member that ends in its map");
    if (isText) this.#remaining -= blockBytes;
    map.addBlock(this.#block);
    if (map.rest === "complete") this.#beginSparse(entry, map, isText ? this.#remaining : entry.sizeBytes);
    return taken;
  }

  #beginSparse(entry: TarEntry, map: SparseMap, storedBytes: number): void {
    const segments = map.segments(storedBytes);
    this.#sparse = undefined;
    this.#holeBytes += map.realBytes - storedBytes;
    if (this.#holeBytes > this.#limitHoleBytes) throw tooLarge(this.#limitHoleBytes);
    this.#segments = segments;
    this.#segment = -1;
    this.#segmentLeft = 0;
    this.#position = 0;
    this.#sizeBytes = map.realBytes;
    this.#beginContent({ ...entry, sizeBytes: map.realBytes, segments }, storedBytes);
  }

  /** Old programs give links and directories a size that nothing follows. */
  #beginContent(entry: TarEntry, storedBytes: number): void {
    this.#follow(storedBytes, "content");
    this.#sink.entry(entry);
    if (storedBytes === 0) this.#endContent();
  }

  #takeContent(bytes: Uint8Array): number {
    if (this.#segments !== undefined && this.#segmentLeft === 0) this.#nextSegment(this.#segments);
    const most = this.#segments === undefined ? this.#remaining : this.#segmentLeft;
    const taken = Math.min(most, bytes.length);
    this.#remaining -= taken;
    this.#segmentLeft -= taken;
    this.#position += taken;
    this.#sink.content(bytes.subarray(0, taken));
    if (this.#remaining === 0) this.#endContent();
    return taken;
  }

  /** To the next stretch that holds anything: there is one, for their sum is what is stored. */
  #nextSegment(segments: readonly TarSegment[]): void {
    while (this.#segmentLeft === 0) {
      this.#segment += 1;
      const segment = segments[this.#segment];
      if (segment === undefined) throw brokenArchive("a sparse member with more than its map speaks of");
      if (segment.bytes === 0) continue;
      this.#skip(segment.atBytes - this.#position);
      this.#segmentLeft = segment.bytes;
    }
  }

  #skip(bytes: number): void {
    if (bytes === 0) return;
    this.#position += bytes;
    if (this.#sink.hole !== undefined) {
      this.#sink.hole(bytes);
      return;
    }
    for (let left = bytes; left > 0; left -= zeros.length) {
      this.#sink.content(left < zeros.length ? zeros.subarray(0, left) : zeros);
    }
  }

  #endContent(): void {
    if (this.#segments !== undefined) this.#skip(this.#sizeBytes - this.#position);
    this.#segments = undefined;
    this.#phase = this.#paddingBytes > 0 ? "padding" : "header";
    this.#sink.endOfEntry();
  }

  #takePadding(bytes: Uint8Array): number {
    const taken = Math.min(this.#paddingBytes, bytes.length);
    this.#sink.skeleton?.(bytes.subarray(0, taken));
    this.#paddingBytes -= taken;
    if (this.#paddingBytes === 0) this.#phase = "header";
    return taken;
  }

  #follow(bytes: number, phase: Phase): void {
    this.#remaining = bytes;
    this.#paddingBytes = (blockBytes - (bytes % blockBytes)) % blockBytes;
    this.#phase = phase;
  }
}

function entryOf(
  block: Uint8Array,
  typeFlag: string,
  records: PaxRecords,
  longName: string | undefined,
  longLink: string | undefined,
): TarEntry {
  const written =
    recordName(records, "GNU.sparse.name") ?? recordName(records, "path") ?? longName ?? headerPath(block);
  const type = typeOf(typeFlag, written);
  const path = written.replace(/\/+$/, "") || (written === "" ? "" : "/");
  if (path === "") throw brokenArchive("a member without a name");
  if (path.includes("\0")) throw brokenArchive("a name with a NUL");
  const attributes = new Map<string, Uint8Array>();
  for (const [key, value] of records) {
    if (key.startsWith(attributePrefix)) attributes.set(key.slice(attributePrefix.length), value);
  }
  const device = type === "character" || type === "block";
  return {
    type,
    path,
    mode: Number(numberOf(block, "mode") & BigInt(permissionBits)),
    uid: recordNumber(records, "uid", highestId) ?? idOf(block, "uid"),
    gid: recordNumber(records, "gid", highestId) ?? idOf(block, "gid"),
    sizeBytes:
      type === "file" ? (recordNumber(records, "size", Number.MAX_SAFE_INTEGER) ?? sizeOf(block)) : 0,
    modifiedAtNs: recordTime(records, "mtime") ?? numberOf(block, "modified") * 1_000_000_000n,
    linkTarget:
      type === "symlink" || type === "hardLink"
        ? (recordName(records, "linkpath") ?? longLink ?? textOf(block, "linkName"))
        : "",
    deviceMajor: device ? Number(numberOf(block, "deviceMajor")) : 0,
    deviceMinor: device ? Number(numberOf(block, "deviceMinor")) : 0,
    attributes,
  };
}

/** Where the stretches of a sparse file are; undefined for what is none. */
function sparseMapOf(
  block: Uint8Array,
  typeFlag: string,
  entry: TarEntry,
  records: PaxRecords,
): SparseMap | undefined {
  if (entry.type !== "file") return undefined;
  return typeFlag === "S" ? SparseMap.ofHeader(block) : SparseMap.ofRecords(records);
}

function typeOf(flag: string, path: string): TarEntryType {
  const type = entryTypes.get(flag);
  if (type === undefined) throw brokenArchive(`a member of type ${JSON.stringify(flag)}`);
  // Before ustar a directory was a file whose name ends with a slash.
  return type === "file" && path.endsWith("/") ? "directory" : type;
}

function headerPath(block: Uint8Array): string {
  const name = textOf(block, "name");
  // GNU's magic is "ustar  "; it has times where POSIX has the prefix.
  const posix = textOf(block, "magic") === "ustar" && block[263] === 0x30;
  const prefix = posix ? textOf(block, "prefix") : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

function sizeOf(block: Uint8Array): number {
  const size = numberOf(block, "size");
  if (size >= 0n && size <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(size);
  throw brokenArchive(`a member of ${size} bytes`);
}

function idOf(block: Uint8Array, name: "uid" | "gid"): number {
  const id = numberOf(block, name);
  if (id >= 0n && id <= BigInt(highestId)) return Number(id);
  throw brokenArchive(`${name} ${id}`);
}

function longText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decodeName(end === -1 ? bytes : bytes.subarray(0, end));
}

/** A path: UTF-8 by the letter of pax, but programs write whatever bytes a name has. */
function recordName(records: PaxRecords, key: string): string | undefined {
  const value = records.get(key);
  if (value === undefined || value.length === 0) return undefined;
  if (value.includes(0)) throw brokenArchive(`${key} of an extended header holds a NUL`);
  return decodeName(value);
}

function recordNumber(records: PaxRecords, key: string, most: number): number | undefined {
  const value = records.get(key);
  if (value === undefined || value.length === 0) return undefined;
  const number = paxNumber(value, key);
  if (number <= most) return number;
  throw brokenArchive(`${key} ${number}`);
}

function recordTime(records: PaxRecords, key: string): bigint | undefined {
  const value = records.get(key);
  return value === undefined || value.length === 0 ? undefined : paxTime(value, key);
}
