/** Bytes -> ops, the reverse of `encode.ts`: for tests and for showing what an executor was given. */
import { TiffinError } from "../lib/errors.ts";
import { layoutsByCode } from "./all-layouts.ts";
import type { EncodableOp } from "./encode.ts";
import { type FieldLayout, headerBytes, opHeaderBytes } from "./layout.ts";
import { abiVersion, headerFields, planMagic, type Stage, stages, stringNone } from "./schema.ts";

export interface DecodedPlan {
  readonly receivedCount: number;
  readonly slotCount: number;
  readonly ops: readonly EncodableOp[];
}

type Value = number | bigint | string | null | readonly string[] | Uint8Array;

const utf8 = new TextDecoder("utf-8", { fatal: true });

function malformed(text: string): never {
  throw new TiffinError("internal", "plan.malformed", text);
}

class PlanReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #pool: Uint8Array;

  constructor(bytes: Uint8Array, poolOffset: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#pool = bytes.subarray(poolOffset);
  }

  field(opStart: number, { type, offset }: FieldLayout): Value {
    const at = opStart + offset;
    const view = this.#view;
    if (at + 8 > this.#bytes.length && (type === "strings" || type === "blob")) malformed("an op is cut off");
    switch (type) {
      case "u64":
        return view.getBigUint64(at, true);
      case "i64":
        return view.getBigInt64(at, true);
      case "i32":
        return view.getInt32(at, true);
      case "string":
      case "stringOrNone": {
        const start = view.getUint32(at, true);
        return start === stringNone ? null : this.#stringAt(start).text;
      }
      case "strings":
        return this.#strings(view.getUint32(at, true), view.getUint32(at + 4, true));
      case "blob": {
        const start = view.getUint32(at, true);
        const length = view.getUint32(at + 4, true);
        if (start + length > this.#pool.length) malformed("a blob lies outside of the plan");
        return this.#pool.slice(start, start + length);
      }
      default:
        return view.getUint32(at, true);
    }
  }

  #strings(start: number, count: number): string[] {
    const texts: string[] = [];
    let next = start;
    for (let index = 0; index < count; index++) {
      const { text, end } = this.#stringAt(next);
      texts.push(text);
      next = end;
    }
    return texts;
  }

  #stringAt(start: number): { readonly text: string; readonly end: number } {
    const end = this.#pool.indexOf(0, start);
    if (start >= this.#pool.length || end < 0) malformed("a string lies outside of the plan");
    return { text: utf8.decode(this.#pool.subarray(start, end)), end: end + 1 };
  }
}

function stageName(number: number): Stage {
  // Object.keys loses the key type; the keys are exactly those of `stages`.
  const names = Object.keys(stages) as Stage[];
  return names.find((name) => stages[name] === number) ?? malformed(`stage ${number} is unknown`);
}

/** Decodes a plan. Throws `plan.malformed` (internal) when it is not one of this version. */
export function decodePlan(bytes: Uint8Array): DecodedPlan {
  if (bytes.length < headerBytes) malformed(`a plan of ${bytes.length} bytes has no header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = (name: (typeof headerFields)[number]): number =>
    view.getUint32(headerFields.indexOf(name) * 4, true);
  if (header("magic") !== planMagic) malformed("the plan does not begin with its magic number");
  if (header("version") !== abiVersion)
    malformed(`the plan has version ${header("version")}, wanted ${abiVersion}`);
  const poolOffset = header("poolOffset");
  if (poolOffset > bytes.length) malformed("the string pool lies outside of the plan");
  const reader = new PlanReader(bytes, poolOffset);
  const ops: EncodableOp[] = [];
  let start = headerBytes;
  for (let index = 0; index < header("opCount"); index++) {
    if (start + opHeaderBytes > poolOffset) malformed(`op ${index} is cut off`);
    const code = view.getUint16(start, true);
    const layout = layoutsByCode.get(code) ?? malformed(`op ${index} has the unknown code ${code}`);
    if (view.getUint16(start + 2, true) !== layout.size) malformed(`op ${index} has the wrong size`);
    const stage = stageName(view.getUint16(start + 4, true));
    const fields: Record<string, Value> = {};
    for (const field of layout.fields) fields[field.name] = reader.field(start, field);
    // A decode border: the fields were read by the layout of exactly this op.
    ops.push({ op: layout.name, stage, fields } as unknown as EncodableOp);
    start += layout.size;
  }
  return { receivedCount: header("receivedCount"), slotCount: header("slotCount"), ops };
}
