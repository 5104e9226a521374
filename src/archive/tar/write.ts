/**
 * Writes tar archives: ustar headers, with a pax header before them where something does not fit (long names, large ids and
 * sizes, fractions of seconds, extended attributes). Equal entries give equal bytes, so an archive can be reproduced.
 */
import { encodeName } from "../../lib/name-text.ts";
import { blockBytes, type FieldName, fields } from "./block.ts";
import { emptyFile, type TarEntry, type TarEntryType } from "./entry.ts";
import { encodePax } from "./pax.ts";

const typeFlags: Readonly<Record<TarEntryType, string>> = {
  file: "0",
  hardLink: "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};

const encoder = new TextEncoder();
const nsPerSecond = 1_000_000_000n;
const largestId = 0o7777777;
const largestSize = 0o77777777777;
const nameBytes = fields.name[1];
const ustar = encoder.encode("ustar\0");
const version = encoder.encode("00");
const space = 0x20;
const zero = 0x30;

/** How much of a member the archive holds. */
export function storedBytes({ sizeBytes, segments }: TarEntry): number {
  return segments === undefined ? sizeBytes : segments.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The stretches in records alone: version 0.1, which all readers of sparse members know. */
function sparseRecords({ sizeBytes, segments }: TarEntry): [string, string][] {
  if (segments === undefined) return [];
  return [
    ["GNU.sparse.size", String(sizeBytes)],
    ["GNU.sparse.numblocks", String(segments.length)],
    ["GNU.sparse.map", segments.flatMap(({ atBytes, bytes }) => [atBytes, bytes]).join(",")],
  ];
}

/** The header of a member; its content, or the stretches of it, padded by `padding`, follows. */
export function headerOf(entry: TarEntry): Uint8Array {
  const stored = storedBytes(entry);
  const path = entry.type === "directory" ? `${entry.path}/` : entry.path;
  const seconds = entry.modifiedAtNs / nsPerSecond - (entry.modifiedAtNs % nsPerSecond < 0n ? 1n : 0n);
  const records: [string, Uint8Array | string][] = [];
  if (!fits(path)) records.push(["path", path]);
  if (!fits(entry.linkTarget)) records.push(["linkpath", entry.linkTarget]);
  if (entry.uid > largestId) records.push(["uid", String(entry.uid)]);
  if (entry.gid > largestId) records.push(["gid", String(entry.gid)]);
  if (stored > largestSize) records.push(["size", String(stored)]);
  records.push(...sparseRecords(entry));
  if (entry.modifiedAtNs % nsPerSecond !== 0n || seconds < 0n || seconds > BigInt(largestSize)) {
    records.push(["mtime", timeText(entry.modifiedAtNs)]);
  }
  for (const [name, value] of [...entry.attributes].sort(([a], [b]) => (a < b ? -1 : 1))) {
    records.push([`SCHILY.xattr.${name}`, value]);
  }
  const inHeader = seconds < 0n || seconds > BigInt(largestSize) ? 0n : seconds;
  const block = blockOf(
    { ...entry, path, sizeBytes: stored, modifiedAtNs: inHeader * nsPerSecond },
    typeFlags[entry.type],
  );
  if (records.length === 0) return block;
  const content = encodePax(records);
  const extended: TarEntry = {
    ...emptyFile,
    path: `PaxHeaders.0/${path.slice(-40)}`,
    mode: 0o644,
    sizeBytes: content.length,
  };
  return Buffer.concat([blockOf(extended, "x"), content, padding(content.length), block]);
}

/** The zeros after `bytes` of content. */
export function padding(bytes: number): Uint8Array {
  return new Uint8Array((blockBytes - (bytes % blockBytes)) % blockBytes);
}

/** What an archive ends with. */
export const endOfArchive: Uint8Array = new Uint8Array(2 * blockBytes);

function fits(text: string): boolean {
  return encodeName(text).length <= nameBytes;
}

function timeText(ns: bigint): string {
  const absolute = ns < 0n ? -ns : ns;
  const fraction = String(absolute % nsPerSecond)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return `${ns < 0n ? "-" : ""}${absolute / nsPerSecond}${fraction === "" ? "" : `.${fraction}`}`;
}

function blockOf(entry: TarEntry, typeFlag: string): Uint8Array {
  const block = new Uint8Array(blockBytes);
  put(block, "name", encodeName(entry.path));
  octal(block, "mode", entry.mode);
  octal(block, "uid", entry.uid > largestId ? 0 : entry.uid);
  octal(block, "gid", entry.gid > largestId ? 0 : entry.gid);
  octal(block, "size", entry.sizeBytes > largestSize ? 0 : entry.sizeBytes);
  octal(block, "modified", Number(entry.modifiedAtNs / nsPerSecond));
  block[fields.type[0]] = typeFlag.charCodeAt(0);
  if (entry.linkTarget !== "") put(block, "linkName", encodeName(entry.linkTarget));
  put(block, "magic", ustar);
  put(block, "version", version);
  octal(block, "deviceMajor", entry.deviceMajor);
  octal(block, "deviceMinor", entry.deviceMinor);
  const [at, length] = fields.checksum;
  let sum = length * space;
  for (let index = 0; index < blockBytes; index += 1) sum += block[index] ?? 0;
  octalDigits(block, at, length - 2, sum);
  block[at + length - 1] = space;
  return block;
}

function put(block: Uint8Array, name: FieldName, bytes: Uint8Array): void {
  const [at, length] = fields[name];
  block.set(bytes.length > length ? bytes.subarray(0, length) : bytes, at);
}

/** Digits with zeros before them and a NUL behind. */
function octal(block: Uint8Array, name: FieldName, value: number): void {
  const [at, length] = fields[name];
  octalDigits(block, at, length - 1, value);
}

function octalDigits(block: Uint8Array, at: number, digits: number, value: number): void {
  let rest = value;
  for (let index = at + digits - 1; index >= at; index -= 1) {
    const next = Math.floor(rest / 8);
    block[index] = zero + rest - next * 8;
    rest = next;
  }
}
