/** The 512-byte header block of tar: POSIX ustar, GNU's variant of it, and what came before (tar(5), pax(1)). */
import { TiffinError } from "../../lib/errors.ts";
import { decodeName } from "../../lib/name-text.ts";

export const blockBytes = 512;

/** Field name -> where it is. */
export const fields = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  modified: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  linkName: [157, 100],
  magic: [257, 6],
  version: [263, 2],
  userName: [265, 32],
  groupName: [297, 32],
  deviceMajor: [329, 8],
  deviceMinor: [337, 8],
  prefix: [345, 155],
} as const satisfies Readonly<Record<string, readonly [at: number, length: number]>>;

export type FieldName = keyof typeof fields;

const space = 0x20;

export function brokenArchive(what: string): TiffinError {
  return new TiffinError("invalid", "archive.malformed", `not a tar archive, or a damaged one: ${what}`);
}

export function bytesOf(block: Uint8Array, name: FieldName): Uint8Array {
  const [at, length] = fields[name];
  return block.subarray(at, at + length);
}

/** Text up to the first NUL. */
export function textOf(block: Uint8Array, name: FieldName): string {
  const [at, length] = fields[name];
  // Most fields are empty or short; an archive has millions of them.
  let end = at;
  while (end < at + length && block[end] !== 0) end += 1;
  return end === at ? "" : decodeName(block.subarray(at, end));
}

const nul = 0;
const zero = 0x30;
const seven = 0x37;
const digitsOfNumber = 12;

/** Digits up to a NUL or a space, as nearly all programs write them; undefined for anything else. */
function plainNumberOf(block: Uint8Array, name: FieldName): number | undefined {
  const [at, length] = fields[name];
  let value = 0;
  let end = at;
  for (; end < at + Math.min(length, digitsOfNumber); end += 1) {
    const byte = block[end] ?? nul;
    if (byte < zero || byte > seven) break;
    value = value * 8 + byte - zero;
  }
  const byte = end === at + length ? nul : (block[end] ?? nul);
  if (byte === nul) return value;
  return byte === space && (end + 1 === at + length || block[end + 1] === nul) ? value : undefined;
}

/** Octal digits with spaces and NUL around them, or GNU's binary form, which begins with a set top bit. */
export function numberOf(block: Uint8Array, name: FieldName): bigint {
  const plain = plainNumberOf(block, name);
  if (plain !== undefined) return BigInt(plain);
  const [at, length] = fields[name];
  return numberAt(block, at, length, name);
}

/** The same of any place; `what` is for the error. */
export function numberAt(block: Uint8Array, at: number, length: number, what: string): bigint {
  const bytes = block.subarray(at, at + length);
  const first = bytes[0] ?? 0;
  if ((first & 0x80) !== 0) {
    // Two's complement over the field without its top bit.
    let value = BigInt(first & 0x3f) - ((first & 0x40) === 0 ? 0n : 0x40n);
    for (const byte of bytes.subarray(1)) value = value * 256n + BigInt(byte);
    return value;
  }
  const end = bytes.indexOf(0);
  const digits = decodeName(end === -1 ? bytes : bytes.subarray(0, end)).trim();
  if (digits === "") return 0n;
  if (!/^[0-7]+$/.test(digits)) throw brokenArchive(`field ${what} is ${JSON.stringify(digits)}`);
  return BigInt(`0o${digits}`);
}

/** True when the stored sum is that of the block, over unsigned or (old programs) signed bytes. */
export function checksumHolds(block: Uint8Array): boolean {
  const [at, length] = fields.checksum;
  let unsigned = length * space;
  let high = 0;
  for (let index = 0; index < blockBytes; index += 1) {
    const byte = block[index] ?? 0;
    unsigned += byte;
    high += byte >>> 7;
  }
  for (let index = at; index < at + length; index += 1) {
    const byte = block[index] ?? 0;
    unsigned -= byte;
    high -= byte >>> 7;
  }
  const stored = Number(numberOf(block, "checksum"));
  return stored === unsigned || stored === unsigned - 256 * high;
}

export function isZeroBlock(block: Uint8Array): boolean {
  return block[0] === 0 && block.every((byte) => byte === 0);
}
