/** The records of pax extended headers: `LENGTH KEY=VALUE\n` (pax(1), "pax Extended Header"). Values are kept as bytes. */
import { encodeName } from "../../lib/name-text.ts";
import { brokenArchive } from "./block.ts";

export type PaxRecords = ReadonlyMap<string, Uint8Array>;

const utf8 = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();
const space = 0x20;
const equals = 0x3d;
const newline = 0x0a;

/** The one pair of keys that comes again and again, and means all of them. (GNU tar manual, "PAX Format, Version 0.0") */
const sparseMapKeys: ReadonlySet<string> = new Set(["GNU.sparse.offset", "GNU.sparse.numbytes"]);

/** An empty value takes a key back. A later record of a key counts; those of a sparse map are put together, as version 0.1 has them. */
export function decodePax(bytes: Uint8Array): PaxRecords {
  const records = new Map<string, Uint8Array>();
  const sparseMap: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const gap = bytes.indexOf(space, at);
    const digits = gap === -1 ? "" : String.fromCharCode(...bytes.subarray(at, Math.min(gap, at + 12)));
    const end = at + Number(digits);
    if (!/^[1-9][0-9]{0,9}$/.test(digits) || end > bytes.length || bytes[end - 1] !== newline) {
      throw brokenArchive("an extended header whose record lengths do not fit");
    }
    const sign = bytes.indexOf(equals, gap + 1);
    if (sign === -1 || sign >= end - 1) throw brokenArchive("an extended header record without a key");
    const key = paxText(bytes.subarray(gap + 1, sign), "a key");
    const value = bytes.slice(sign + 1, end - 1);
    if (sparseMapKeys.has(key)) sparseMap.push(paxText(value, key));
    else records.set(key, value);
    at = end;
  }
  if (sparseMap.length > 0) records.set("GNU.sparse.map", encoder.encode(sparseMap.join(",")));
  return records;
}

export function encodePax(records: Iterable<readonly [key: string, value: Uint8Array | string]>): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const [key, value] of records) {
    const content = typeof value === "string" ? encodeName(value) : value;
    const rest = encoder.encode(key).length + content.length + 3;
    // The length counts its own digits.
    let length = rest + String(rest).length;
    length = rest + String(length).length;
    pieces.push(encoder.encode(`${length} ${key}=`), content, encoder.encode("\n"));
  }
  return new Uint8Array(Buffer.concat(pieces));
}

export function paxText(value: Uint8Array, key: string): string {
  try {
    const text = utf8.decode(value);
    if (!text.includes("\0")) return text;
  } catch {
    // Told below like the other case.
  }
  throw brokenArchive(`${key} of an extended header is not text`);
}

/** A whole number that is not negative. */
export function paxNumber(value: Uint8Array, key: string): number {
  const text = paxText(value, key);
  const number = Number(text);
  if (/^[0-9]{1,16}$/.test(text) && Number.isSafeInteger(number)) return number;
  throw brokenArchive(`${key} of an extended header is ${JSON.stringify(text.slice(0, 40))}`);
}

/** Seconds since 1970 with a fraction, in nanoseconds. */
export function paxTime(value: Uint8Array, key: string): bigint {
  const text = paxText(value, key);
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]*))?$/.exec(text);
  if (match === null)
    throw brokenArchive(`${key} of an extended header is ${JSON.stringify(text.slice(0, 40))}`);
  const [, sign, seconds = "0", fraction = ""] = match;
  const total = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, "0"));
  return sign === "-" ? -total : total;
}
