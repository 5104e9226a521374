/** Values of D-Bus and their bytes, little-endian. Integers of 64 bits are bigint, smaller ones number. */
import { alignmentOf, DbusFormatError, type DbusType, parseSignature } from "./signature.ts";

export interface DbusVariant {
  readonly signature: string;
  readonly value: DbusValue;
}

/** An array of bytes is a Uint8Array; structures and other arrays are lists. */
export type DbusValue = boolean | number | bigint | string | Uint8Array | DbusVariant | readonly DbusValue[];

export function variant(signature: string, value: DbusValue): DbusVariant {
  return { signature, value };
}

const integers = {
  y: [1, 0n, 0xffn],
  b: [4, 0n, 1n],
  n: [2, -0x8000n, 0x7fffn],
  q: [2, 0n, 0xffffn],
  i: [4, -0x8000_0000n, 0x7fff_ffffn],
  u: [4, 0n, 0xffff_ffffn],
  x: [8, -(2n ** 63n), 2n ** 63n - 1n],
  t: [8, 0n, 2n ** 64n - 1n],
} as const satisfies Readonly<Record<string, readonly [bytes: number, low: bigint, high: bigint]>>;

function isInteger(code: DbusType["code"]): code is keyof typeof integers {
  return Object.hasOwn(integers, code);
}

/** The specification's limits of an array and of a message. */
const arrayLimitBytes = 64 * 1024 * 1024;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Collects bytes; offsets count from its beginning, which must lie at a multiple of 8 in the message. */
export class DbusWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  get length(): number {
    return this.#length;
  }

  align(to: number): void {
    while (this.#length % to !== 0) this.push([0]);
  }

  push(more: ArrayLike<number>): void {
    if (this.#length + more.length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more.length));
      larger.set(this.bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(more, this.#length);
    this.#length += more.length;
  }

  /** Writes a value of one of `integers`. */
  integer(code: keyof typeof integers, value: bigint): void {
    const [bytes, low, high] = integers[code];
    if (value < low || value > high) throw new DbusFormatError(`${value} is no ${code}`);
    this.align(bytes);
    const place = new Uint8Array(8);
    new DataView(place.buffer).setBigInt64(0, BigInt.asIntN(64, value), true);
    this.push(place.subarray(0, bytes));
  }

  /** Overwrites four bytes, for a length that is known later. */
  patchLength(at: number, value: number): void {
    new DataView(this.#bytes.buffer).setUint32(at, value, true);
  }

  /** Writes one value. Throws `DbusFormatError` for a value of another type. */
  value(type: DbusType, value: DbusValue): void {
    const { code } = type;
    if (isInteger(code)) this.integer(code, integerOf(code, value));
    else if (code === "d") this.#double(value);
    else if (code === "s" || code === "o" || code === "g") this.#text(code, value);
    else if (type.code === "v") this.#variant(value);
    else if (type.code === "a") this.#array(type.of, value);
    else if (type.code === "(") this.#structure(type.fields, value);
  }

  #double(value: DbusValue): void {
    if (typeof value !== "number") throw mismatch("d", value);
    this.align(8);
    const place = new Uint8Array(8);
    new DataView(place.buffer).setFloat64(0, value, true);
    this.push(place);
  }

  #text(code: "s" | "o" | "g", value: DbusValue): void {
    if (typeof value !== "string" || value.includes("\0")) throw mismatch(code, value);
    const bytes = encoder.encode(value);
    this.integer(code === "g" ? "y" : "u", BigInt(bytes.length));
    this.push(bytes);
    this.push([0]);
  }

  #variant(value: DbusValue): void {
    if (!isVariant(value)) throw mismatch("v", value);
    const [type, more] = parseSignature(value.signature);
    if (type === undefined || more !== undefined) throw mismatch("v", value);
    this.#text("g", value.signature);
    this.value(type, value.value);
  }

  #array(of: DbusType, value: DbusValue): void {
    const items = value instanceof Uint8Array && of.code === "y" ? value : listOf("a", value);
    this.integer("u", 0n);
    const lengthAt = this.#length - 4;
    // The padding before the first item does not count.
    this.align(alignmentOf(of));
    const begin = this.#length;
    if (items instanceof Uint8Array) this.push(items);
    else for (const item of items) this.value(of, item);
    if (this.#length - begin > arrayLimitBytes) throw new DbusFormatError("array beyond 64 MB");
    this.patchLength(lengthAt, this.#length - begin);
  }

  #structure(fields: readonly DbusType[], value: DbusValue): void {
    const items = listOf("(", value);
    if (items.length !== fields.length) throw mismatch("(", value);
    this.align(8);
    for (const [index, field] of fields.entries()) this.value(field, items[index] ?? "");
  }
}

function mismatch(code: string, value: DbusValue): DbusFormatError {
  return new DbusFormatError(`a value of type ${typeof value} is no ${code}`);
}

function isVariant(value: DbusValue): value is DbusVariant {
  return typeof value === "object" && "signature" in value;
}

function listOf(code: string, value: DbusValue): readonly DbusValue[] {
  if (typeof value !== "object" || value instanceof Uint8Array || "signature" in value)
    throw mismatch(code, value);
  return value;
}

function integerOf(code: string, value: DbusValue): bigint {
  if (code === "b" && typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "bigint") return value;
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  throw mismatch(code, value);
}

/** Reads values from bytes that nobody vouches for. */
export class DbusReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #littleEndian: boolean;
  #at: number;

  constructor(bytes: Uint8Array, littleEndian = true, at = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#littleEndian = littleEndian;
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  align(to: number): void {
    this.#at = Math.ceil(this.#at / to) * to;
  }

  /** All values of `signature`. Throws `DbusFormatError` where the bytes end too early or break the rules. */
  values(signature: string): DbusValue[] {
    return parseSignature(signature).map((type) => this.value(type));
  }

  value(type: DbusType): DbusValue {
    const { code } = type;
    if (isInteger(code)) return this.#integer(code);
    if (code === "d") {
      this.align(8);
      return this.#view.getFloat64(this.#take(8), this.#littleEndian);
    }
    if (code === "s" || code === "o" || code === "g") return this.#text(code);
    if (type.code === "a") return this.#array(type.of);
    if (type.code === "(") {
      this.align(8);
      return type.fields.map((field) => this.value(field));
    }
    const signature = this.#text("g");
    const [inner, more] = parseSignature(signature);
    if (inner === undefined || more !== undefined) throw new DbusFormatError(`variant of ${signature}`);
    return { signature, value: this.value(inner) };
  }

  uint32(): number {
    this.align(4);
    return this.#view.getUint32(this.#take(4), this.#littleEndian);
  }

  #take(count: number): number {
    const at = this.#at;
    if (count > this.#bytes.length - at) throw new DbusFormatError(`ends at ${this.#bytes.length}`);
    this.#at = at + count;
    return at;
  }

  #integer(code: keyof typeof integers): boolean | number | bigint {
    const [bytes, low] = integers[code];
    this.align(bytes);
    const at = this.#take(bytes);
    const view = this.#view;
    if (bytes === 8)
      return low < 0n ? view.getBigInt64(at, this.#littleEndian) : view.getBigUint64(at, this.#littleEndian);
    if (bytes === 1) return view.getUint8(at);
    if (bytes === 2)
      return low < 0n ? view.getInt16(at, this.#littleEndian) : view.getUint16(at, this.#littleEndian);
    const number = low < 0n ? view.getInt32(at, this.#littleEndian) : view.getUint32(at, this.#littleEndian);
    return code === "b" ? number !== 0 : number;
  }

  #text(code: "s" | "o" | "g"): string {
    const length = code === "g" ? this.#view.getUint8(this.#take(1)) : this.uint32();
    const at = this.#take(length);
    this.#take(1);
    try {
      return decoder.decode(this.#bytes.subarray(at, at + length));
    } catch {
      throw new DbusFormatError("text that is not UTF-8");
    }
  }

  #array(of: DbusType): DbusValue {
    const length = this.uint32();
    this.align(alignmentOf(of));
    const begin = this.#take(length);
    if (of.code === "y") return this.#bytes.slice(begin, begin + length);
    this.#at = begin;
    const items: DbusValue[] = [];
    while (this.#at < begin + length) items.push(this.value(of));
    if (this.#at !== begin + length) throw new DbusFormatError("an array's item goes beyond its end");
    return items;
  }
}
