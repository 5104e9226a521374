/**
 * Plan -> bytes for the executor. Every number is checked against the width of its field, so that nothing wraps
 * silently; the meaning of the plan (order, flow of slots) is checked by the executor itself.
 */
import { TiffinError } from "../lib/errors.ts";
import { alignUp, type FieldLayout, headerBytes, isSlotType, layoutOf, type OpLayout } from "./layout.ts";
import {
  abiVersion,
  headerFields,
  limits,
  type OpFields,
  type OpName,
  planMagic,
  type Stage,
  slotNone,
  stages,
  stringNone,
} from "./schema.ts";

/** An op as the encoder takes it; `WireOp` of `plan/` is one. */
export type EncodableOp = {
  [N in OpName]: { readonly op: N; readonly stage: Stage; readonly fields: OpFields<N> };
}[OpName];

type Value = number | bigint | string | null | readonly string[] | Uint8Array;

const utf8 = new TextEncoder();
const bits32 = 0xffff_ffff;
const ranges = {
  u32: [0, 0xffff_ffff],
  i32: [-0x8000_0000, 0x7fff_ffff],
  u64: [0n, 0xffff_ffff_ffff_ffffn],
  i64: [-0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn],
} as const;

function refuse(message: string): never {
  throw new TiffinError("internal", "plan.not-encodable", message);
}

/** What is too large was asked for by somebody, and is no fault of the compiler. */
function refuseSize(message: string): never {
  throw new TiffinError("invalid", "plan.too-large", message, {
    remedy: "use fewer or shorter mounts, devices, paths, arguments or variables",
  });
}

/** Bytes that strings and blobs are appended to; grows by doubling. */
class Pool {
  #bytes = new Uint8Array(16 * 1024);
  #used = 0;

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#used);
  }

  /** Appends the string with its NUL and returns its offset. */
  addString(text: string, where: string): number {
    if (text.includes("\0")) refuse(`${where} contains a NUL character: ${JSON.stringify(text)}`);
    const start = this.#used;
    this.#reserve(text.length * 3 + 1);
    const { written } = utf8.encodeInto(text, this.#bytes.subarray(start));
    if (written >= limits.stringBytes)
      refuseSize(`${where} has ${written} bytes, at most ${limits.stringBytes}`);
    this.#bytes[start + written] = 0;
    this.#used = start + written + 1;
    return start;
  }

  addBlob(blob: Uint8Array): number {
    const start = alignUp(this.#used, 8);
    this.#reserve(start - this.#used + blob.length);
    this.#bytes.set(blob, start);
    this.#used = start + blob.length;
    return start;
  }

  #reserve(bytes: number): void {
    const wanted = this.#used + bytes;
    if (wanted <= this.#bytes.length) return;
    if (wanted > limits.planBytes)
      refuseSize(`the plan of the start is larger than ${limits.planBytes} bytes`);
    const grown = new Uint8Array(Math.max(wanted, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = grown;
  }
}

class PlanWriter {
  readonly #pool = new Pool();
  readonly #view: DataView;
  #slotCount: number;

  constructor(opsBytes: number, receivedCount: number) {
    this.#view = new DataView(new ArrayBuffer(headerBytes + opsBytes));
    this.#slotCount = receivedCount;
  }

  op(start: number, layout: OpLayout, stage: Stage, values: Readonly<Record<string, Value>>): void {
    const view = this.#view;
    view.setUint16(start, layout.schema.code, true);
    view.setUint16(start + 2, layout.size, true);
    view.setUint16(start + 4, stages[stage], true);
    for (const field of layout.fields) {
      const value = values[field.name];
      if (value === undefined) refuse(`${field.where} is missing`);
      this.#field(start + field.offset, field, value);
    }
  }

  finish(opCount: number, receivedCount: number): Uint8Array {
    const pool = this.#pool.bytes;
    const poolOffset = this.#view.byteLength;
    const header: Record<(typeof headerFields)[number], number> = {
      magic: planMagic,
      version: abiVersion,
      totalBytes: poolOffset + pool.length,
      opCount,
      poolOffset,
      receivedCount,
      slotCount: this.#slotCount,
      reserved: 0,
    };
    if (header.totalBytes > limits.planBytes)
      refuseSize(`the plan of the start is larger than ${limits.planBytes} bytes`);
    for (const [index, name] of headerFields.entries()) this.#view.setUint32(index * 4, header[name], true);
    const plan = new Uint8Array(header.totalBytes);
    plan.set(new Uint8Array(this.#view.buffer));
    plan.set(pool, poolOffset);
    return plan;
  }

  #field(offset: number, { type, where }: FieldLayout, value: Value): void {
    if (type === "string" || type === "stringOrNone") this.#string(offset, type, value, where);
    else if (type === "strings") this.#strings(offset, value, where);
    else if (type === "blob") this.#blob(offset, value, where);
    else if (isSlotType(type)) this.#slot(offset, type.endsWith("OrNone"), value, where);
    else if (type === "u32" || type === "i32") this.#word(offset, type, value, where);
    else if (type === "u64" || type === "i64") this.#longWord(offset, type, value, where);
  }

  #string(offset: number, type: string, value: Value, where: string): void {
    if (value === null && type === "stringOrNone") this.#view.setUint32(offset, stringNone, true);
    else if (typeof value === "string")
      this.#view.setUint32(offset, this.#pool.addString(value, where), true);
    else refuse(`${where} is ${String(value)}, wanted a string`);
  }

  #strings(offset: number, value: Value, where: string): void {
    if (!Array.isArray(value)) refuse(`${where} is not a list of strings`);
    let first = 0;
    for (const [index, text] of value.entries()) {
      if (typeof text !== "string") refuse(`${where}[${index}] is ${String(text)}, wanted a string`);
      const at = this.#pool.addString(text, `${where}[${index}]`);
      if (index === 0) first = at;
    }
    this.#view.setUint32(offset, first, true);
    this.#view.setUint32(offset + 4, value.length, true);
  }

  #blob(offset: number, value: Value, where: string): void {
    if (!(value instanceof Uint8Array)) refuse(`${where} is not bytes`);
    this.#view.setUint32(offset, this.#pool.addBlob(value), true);
    this.#view.setUint32(offset + 4, value.length, true);
  }

  #slot(offset: number, optional: boolean, value: Value, where: string): void {
    if (typeof value !== "number" || !Number.isInteger(value)) refuse(`${where} is ${String(value)}`);
    const isNone = value === slotNone && optional;
    if (!isNone && (value < 0 || value >= limits.slots)) {
      refuse(`${where} is slot ${value}, wanted 0 to ${limits.slots - 1}`);
    }
    if (!isNone) this.#slotCount = Math.max(this.#slotCount, value + 1);
    this.#view.setUint32(offset, value, true);
  }

  #word(offset: number, type: "u32" | "i32", value: Value, where: string): void {
    const [low, high] = ranges[type];
    if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high) {
      refuse(`${where} is ${String(value)}, wanted an integer from ${low} to ${high}`);
    }
    this.#view.setUint32(offset, value & bits32, true);
  }

  #longWord(offset: number, type: "u64" | "i64", value: Value, where: string): void {
    const [low, high] = ranges[type];
    if (typeof value === "number" && !Number.isSafeInteger(value)) refuse(`${where} is ${value}`);
    if (typeof value !== "number" && typeof value !== "bigint") refuse(`${where} is ${String(value)}`);
    const long = BigInt(value);
    if (long < low || long > high) refuse(`${where} is ${long}, wanted an integer from ${low} to ${high}`);
    this.#view.setBigUint64(offset, BigInt.asUintN(64, long), true);
  }
}

function layoutFor(op: OpName): OpLayout {
  return layoutOf(op) ?? refuse(`there is no operation ${JSON.stringify(op)}`);
}

/**
 * Encodes a plan. `receivedCount` descriptors come with START and fill slots 0 to receivedCount - 1.
 * Throws `plan.not-encodable` (internal) when a value does not fit its field: the plan compiler has a bug; and
 * `plan.too-large` (invalid) for more than an executor takes.
 */
export function encodePlan(ops: readonly EncodableOp[], receivedCount: number): Uint8Array {
  if (ops.length > limits.ops) refuseSize(`the start takes ${ops.length} operations, at most ${limits.ops}`);
  if (!Number.isInteger(receivedCount) || receivedCount < 0 || receivedCount > limits.receivedFds) {
    refuse(`${receivedCount} received descriptors, wanted 0 to ${limits.receivedFds}`);
  }
  let opsBytes = 0;
  for (const op of ops) opsBytes += layoutFor(op.op).size;
  const writer = new PlanWriter(opsBytes, receivedCount);
  let start = headerBytes;
  for (const op of ops) {
    const layout = layoutFor(op.op);
    writer.op(start, layout, op.stage, op.fields);
    start += layout.size;
  }
  return writer.finish(ops.length, receivedCount);
}
