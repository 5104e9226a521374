/**
 * Where each field of an op lies, computed from `schema.ts` when an op is first met. The encoder, the decoder and the generator of
 * the C header use this one computation; the header's static asserts prove that C agrees with it.
 */
import type { FieldType, OpName, OpSchema } from "./schema.ts";
import { headerFields, ops } from "./schema.ts";

export const headerBytes = headerFields.length * 4;
export const opHeaderBytes = 8;

export interface FieldLayout {
  readonly name: string;
  readonly type: FieldType;
  /** `op.field`, for errors. */
  readonly where: string;
  /** Bytes from the start of the op, the op header included. */
  readonly offset: number;
}

export interface OpLayout {
  readonly name: OpName;
  readonly schema: OpSchema;
  /** Size of the record, a multiple of 8. */
  readonly size: number;
  readonly fields: readonly FieldLayout[];
}

/** Bytes that a field takes, and the alignment of each of its parts. */
export function fieldSize(type: FieldType): { readonly bytes: number; readonly alignment: number } {
  if (type === "u64" || type === "i64") return { bytes: 8, alignment: 8 };
  if (type === "strings" || type === "blob") return { bytes: 8, alignment: 4 };
  return { bytes: 4, alignment: 4 };
}

export function alignUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

function computeLayout(name: OpName, schema: OpSchema): OpLayout {
  let offset = opHeaderBytes;
  const fields: FieldLayout[] = [];
  for (const [field, type] of Object.entries(schema.fields)) {
    const { bytes, alignment } = fieldSize(type);
    offset = alignUp(offset, alignment);
    fields.push({ name: field, type, where: `${name}.${field}`, offset });
    offset += bytes;
  }
  return { name, schema, size: alignUp(offset, 8), fields };
}

const known = new Map<OpName, OpLayout>();

/** The layout of an op; undefined for a name that is none. */
export function layoutOf(name: OpName): OpLayout | undefined {
  const found = known.get(name);
  if (found !== undefined) return found;
  if (!Object.hasOwn(ops, name)) return undefined;
  const layout = computeLayout(name, ops[name]);
  known.set(name, layout);
  return layout;
}

/** Names of the op's fields that refer to a descriptor: needed by whoever checks or draws the flow of slots. */
export function isSlotType(type: FieldType): boolean {
  return type === "slot" || type === "slotOrNone" || type === "newSlot" || type === "newSlotOrNone";
}
