/** Inodes of an image that nobody vouches for, and what lies behind them. */
import { decodeName } from "../../lib/name-text.ts";
import {
  attributeEntryBytes,
  attributePrefixes,
  attributesHeaderBytes,
  blockBytes,
  chunkBitsMask,
  chunkIndexes,
  compactInodeBytes,
  dataLayouts,
  decodeDevice,
  type EntryTypeName,
  extendedInodeBytes,
  holeAddress,
  modeTypeMask,
  modeTypes,
  pathLimitBytes,
  permissionMask,
  slotBytes,
} from "./format.ts";
import { brokenImage, bytesAt, type ImageSource, viewOf, wideAt } from "./image-bytes.ts";
import type { ImageHead } from "./read-superblock.ts";

export interface ImageInode {
  readonly number: number;
  readonly type: EntryTypeName;
  readonly permissions: number;
  readonly uid: number;
  readonly gid: number;
  readonly modifiedAtNs: bigint;
  readonly sizeBytes: number;
  readonly links: number;
  readonly device: { readonly major: number; readonly minor: number };
  readonly layout: number;
  /** First block, or form of the chunk list. */
  readonly where: number;
  /** Offset of what comes behind the inode itself. */
  readonly attributesAt: number;
  readonly attributeBytes: number;
}

const typesByMode: ReadonlyMap<number, EntryTypeName> = new Map(
  Object.entries({
    file: modeTypes.file,
    directory: modeTypes.directory,
    symlink: modeTypes.symlink,
    character: modeTypes.character,
    block: modeTypes.block,
    fifo: modeTypes.fifo,
    socket: modeTypes.socket,
  } satisfies Record<EntryTypeName, number>).map(([name, mode]) => [mode, nameOfType(name)]),
);

function nameOfType(name: string): EntryTypeName {
  switch (name) {
    case "file":
    case "directory":
    case "symlink":
    case "character":
    case "block":
    case "fifo":
      return name;
    default:
      return "socket";
  }
}

const nsPerSecond = 1_000_000_000n;
const knownLayouts: ReadonlySet<number> = new Set(Object.values(dataLayouts));
/** Pieces of content are at most this long. */
const pieceBytes = 1024 * 1024;
const zeros = new Uint8Array(64 * 1024);

export function readInode(source: ImageSource, head: ImageHead, number: number): ImageInode {
  const what = `inode ${number}`;
  const at = head.metadataAt + number * slotBytes;
  const format = viewOf(bytesAt(source, at, 2, what)).getUint16(0, true);
  const extended = (format & 1) === 1;
  const layout = (format >>> 1) & 7;
  if (format >>> 4 !== 0 || !knownLayouts.has(layout)) throw brokenImage(`the form of ${what} is ${format}`);
  const bytes = extended ? extendedInodeBytes : compactInodeBytes;
  const view = viewOf(bytesAt(source, at, bytes, what));
  const units = view.getUint16(2, true);
  const mode = view.getUint16(4, true);
  const type = typesByMode.get(mode & modeTypeMask);
  if (type === undefined) throw brokenImage(`the mode of ${what} is 0${mode.toString(8)}`);
  const device = type === "character" || type === "block" ? view.getUint32(16, true) : 0;
  const nanoseconds = extended ? view.getUint32(40, true) : 0;
  if (nanoseconds >= Number(nsPerSecond))
    throw brokenImage(`the time of ${what} has ${nanoseconds} nanoseconds`);
  return {
    number,
    type,
    permissions: mode & permissionMask,
    uid: extended ? view.getUint32(24, true) : view.getUint16(24, true),
    gid: extended ? view.getUint32(28, true) : view.getUint16(26, true),
    modifiedAtNs: extended ? view.getBigInt64(32, true) * nsPerSecond + BigInt(nanoseconds) : head.epochNs,
    sizeBytes: extended ? wideAt(view, 8, `the length of ${what}`) : view.getUint32(8, true),
    links: extended ? view.getUint32(44, true) : view.getUint16(6, true),
    device: decodeDevice(device),
    layout,
    where: view.getUint32(16, true),
    attributesAt: at + bytes,
    attributeBytes: units === 0 ? 0 : attributesHeaderBytes + (units - 1) * 4,
  };
}

export function readAttributes(
  source: ImageSource,
  head: ImageHead,
  inode: ImageInode,
): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  if (inode.attributeBytes === 0) return found;
  const what = `an attribute of inode ${inode.number}`;
  const all = bytesAt(source, inode.attributesAt, inode.attributeBytes, what).slice();
  const shared = all[4] ?? 0;
  const entriesAt = attributesHeaderBytes + shared * 4;
  if (entriesAt > all.length) throw brokenImage(`${what} lies outside of it`);
  for (let at = entriesAt; at < all.length; ) at += takeAttribute(all.subarray(at), found, what);
  const view = viewOf(all);
  for (let index = 0; index < shared; index += 1) {
    const offset = head.attributesAt + view.getUint32(attributesHeaderBytes + index * 4, true) * 4;
    const most = Math.min(source.sizeBytes - offset, attributeEntryBytes + 0xff + 0xffff);
    takeAttribute(bytesAt(source, offset, Math.max(most, attributeEntryBytes), what), found, what);
  }
  return found;
}

/** Reads the attribute that `bytes` begin with; how many of them it takes. */
function takeAttribute(bytes: Uint8Array, into: Map<string, Uint8Array>, what: string): number {
  if (bytes.length < attributeEntryBytes) throw brokenImage(`${what} is cut off`);
  const view = viewOf(bytes);
  const nameBytes = view.getUint8(0);
  const prefix = attributePrefixes.find(([, index]) => index === view.getUint8(1))?.[0];
  const valueBytes = view.getUint16(2, true);
  const end = attributeEntryBytes + nameBytes + valueBytes;
  if (prefix === undefined) throw brokenImage(`${what} is of kind ${view.getUint8(1)}`);
  if (end > bytes.length) throw brokenImage(`${what} is cut off`);
  const rest = decodeName(bytes.subarray(attributeEntryBytes, attributeEntryBytes + nameBytes));
  if (rest.includes("\0")) throw brokenImage(`${what} has a name with a NUL`);
  if (into.has(prefix + rest)) throw brokenImage(`${what} is there twice`);
  into.set(prefix + rest, bytes.slice(attributeEntryBytes + nameBytes, end));
  return Math.ceil(end / 4) * 4;
}

/** What a symbolic link says. */
export function readTarget(source: ImageSource, inode: ImageInode): string {
  const { number, sizeBytes } = inode;
  if (sizeBytes === 0 || sizeBytes > pathLimitBytes) {
    throw brokenImage(`the symbolic link in inode ${number} has ${sizeBytes} bytes`);
  }
  const text = decodeName(Buffer.concat([...readContent(source, inode)]));
  if (text.includes("\0")) throw brokenImage(`the symbolic link in inode ${number} has a NUL`);
  return text;
}

/** The content in pieces, each valid until the next. What lies outside is refused before there is any. */
export function* readContent(source: ImageSource, inode: ImageInode): Generator<Uint8Array> {
  if (inode.layout === dataLayouts.chunked) yield* chunkedContent(source, inode);
  else yield* flatContent(source, inode);
}

function* flatContent(source: ImageSource, inode: ImageInode): Generator<Uint8Array> {
  const what = `the content of inode ${inode.number}`;
  const { sizeBytes, where } = inode;
  const rest = inode.layout === dataLayouts.inline ? sizeBytes % blockBytes : 0;
  const whole = sizeBytes - rest;
  const tailAt = inode.attributesAt + inode.attributeBytes;
  if (whole > 0) checkInside(source, where * blockBytes, whole, what);
  if (rest > 0) {
    checkInside(source, tailAt, rest, what);
    if ((tailAt % blockBytes) + rest > blockBytes) throw brokenImage(`${what} crosses the end of a block`);
  }
  if (whole > 0) yield* stretch(source, where * blockBytes, whole, what);
  if (rest > 0) yield bytesAt(source, tailAt, rest, what);
}

function* chunkedContent(source: ImageSource, inode: ImageInode): Generator<Uint8Array> {
  const what = `the content of inode ${inode.number}`;
  const { sizeBytes, where } = inode;
  if ((where & ~(chunkBitsMask | chunkIndexes)) !== 0)
    throw brokenImage(`${what} is in chunks of form ${where}`);
  const chunkBytes = blockBytes * 2 ** (where & chunkBitsMask);
  const entryBytes = (where & chunkIndexes) === 0 ? 4 : 8;
  const behind = inode.attributesAt + inode.attributeBytes;
  const listAt = Math.ceil(behind / entryBytes) * entryBytes;
  const chunks = Math.ceil(sizeBytes / chunkBytes);
  checkInside(source, listAt, chunks * entryBytes, `the list of chunks of inode ${inode.number}`);
  for (let index = 0; index < chunks; index += 1) {
    const entry = viewOf(bytesAt(source, listAt + index * entryBytes, entryBytes, what));
    if (entryBytes === 8 && entry.getUint16(2, true) !== 0)
      throw brokenImage(`${what} lies on another device`);
    const address = entry.getUint32(entryBytes - 4, true);
    const bytes = Math.min(chunkBytes, sizeBytes - index * chunkBytes);
    if (address === holeAddress) yield* hole(bytes);
    else yield* stretch(source, address * blockBytes, bytes, what);
  }
}

function* stretch(source: ImageSource, offset: number, bytes: number, what: string): Generator<Uint8Array> {
  for (let at = 0; at < bytes; at += pieceBytes) {
    yield bytesAt(source, offset + at, Math.min(pieceBytes, bytes - at), what);
  }
}

function* hole(bytes: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes; at += zeros.length)
    yield zeros.subarray(0, Math.min(zeros.length, bytes - at));
}

function checkInside(source: ImageSource, offset: number, bytes: number, what: string): void {
  if (offset + bytes > source.sizeBytes) throw brokenImage(`${what} lies outside of it`);
}
