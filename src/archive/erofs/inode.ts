/** Inodes: what they say, and their two forms on disk. */
import { attributeUnits } from "./attributes.ts";
import { compactInodeBytes, compactLimits, extendedInodeBytes } from "./format.ts";

export interface InodeTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

export interface InodeFields {
  readonly layout: number;
  /** Type and permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly time: InodeTime;
  readonly sizeBytes: number;
  readonly links: number;
  /** First block, device or form of the chunk list. */
  readonly where: number;
  /** A number for stat(2) of machines with 32 bits. */
  readonly serial: number;
  /** Bytes of extended attributes behind it. */
  readonly attributeBytes: number;
}

const nsPerSecond = 1_000_000_000n;
const highestSeconds = BigInt(Number.MAX_SAFE_INTEGER);

/** Times that no file system keeps become the last one that is exact here. */
export function inodeTime(ns: bigint): InodeTime {
  const rest = ((ns % nsPerSecond) + nsPerSecond) % nsPerSecond;
  const seconds = (ns - rest) / nsPerSecond;
  if (seconds > highestSeconds) return { seconds: Number.MAX_SAFE_INTEGER, nanoseconds: 0 };
  if (seconds < -highestSeconds) return { seconds: Number.MIN_SAFE_INTEGER, nanoseconds: 0 };
  return { seconds: Number(seconds), nanoseconds: Number(rest) };
}

/** Whether the compact form has no room for it; `epoch` is the time that compact inodes have, as they hold none. */
export function isExtended(
  fields: Pick<InodeFields, "uid" | "gid" | "sizeBytes" | "links" | "time">,
  epoch: InodeTime,
): boolean {
  return (
    fields.time.seconds !== epoch.seconds ||
    fields.time.nanoseconds !== epoch.nanoseconds ||
    fields.uid > compactLimits.id ||
    fields.gid > compactLimits.id ||
    fields.sizeBytes > compactLimits.sizeBytes ||
    fields.links > compactLimits.links
  );
}

export function inodeBytes(extended: boolean): number {
  return extended ? extendedInodeBytes : compactInodeBytes;
}

/** Where the count of links is in the inode. */
export function linksAt(extended: boolean): number {
  return extended ? 44 : 6;
}

/** Writes all of the inode; what is there before is not looked at. */
export function encodeInode(view: DataView, at: number, fields: InodeFields, extended: boolean): void {
  view.setUint16(at, (extended ? 1 : 0) | (fields.layout << 1), true);
  view.setUint16(at + 2, attributeUnits(fields.attributeBytes), true);
  view.setUint16(at + 4, fields.mode, true);
  view.setUint32(at + 16, fields.where, true);
  view.setUint32(at + 20, fields.serial, true);
  if (!extended) {
    view.setUint16(at + 6, fields.links, true);
    view.setUint32(at + 8, fields.sizeBytes, true);
    view.setUint32(at + 12, 0, true);
    view.setUint16(at + 24, fields.uid, true);
    view.setUint16(at + 26, fields.gid, true);
    view.setUint32(at + 28, 0, true);
    return;
  }
  view.setUint16(at + 6, 0, true);
  setWide(view, at + 8, fields.sizeBytes);
  view.setUint32(at + 24, fields.uid, true);
  view.setUint32(at + 28, fields.gid, true);
  setWide(view, at + 32, fields.time.seconds);
  view.setUint32(at + 40, fields.time.nanoseconds, true);
  view.setUint32(at + 44, fields.links, true);
  for (let zero = 48; zero < 64; zero += 4) view.setUint32(at + zero, 0, true);
}

/** Sixty-four bits, two's complement. */
export function setWide(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setInt32(at + 4, Math.floor(value / 2 ** 32), true);
}
