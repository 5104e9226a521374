/**
 * What the child of a plan holds and does not need any more. A process that is held before its program may be for
 * days, and a descriptor that leads out of its root, such as one of the host's, must not stay in it for so long.
 */
import { type FieldType, ops, slotNone } from "../abi/schema.ts";
import type { WireOp } from "./plan.ts";

const placed = /\{(?:slot|fd):(\d+)\}/g;

function slotsIn(op: WireOp, types: readonly FieldType[]): number[] {
  const schema: Readonly<Record<string, FieldType>> = ops[op.op].fields;
  const values: Readonly<Record<string, unknown>> = op.fields;
  return Object.entries(values).flatMap(([field, value]) => {
    const type = schema[field];
    if (type === "strings" && types.includes("slot") && Array.isArray(value)) {
      return value.flatMap((text) => [...String(text).matchAll(placed)].map(([, slot]) => Number(slot)));
    }
    const isSlot = type !== undefined && types.includes(type) && value !== slotNone;
    return isSlot && typeof value === "number" ? [value] : [];
  });
}

/** The slots that `before` leaves filled, beside the `received` ones, and that `after` does not use, in their order. */
export function unusedSlots(
  receivedCount: number,
  before: readonly WireOp[],
  after: readonly WireOp[],
): number[] {
  const filled = new Set(Array.from({ length: receivedCount }, (_, slot) => slot));
  for (const op of before) {
    if (op.op === "close") filled.delete(op.fields.slot);
    for (const slot of slotsIn(op, ["newSlot", "newSlotOrNone"])) filled.add(slot);
  }
  for (const op of after) {
    for (const slot of slotsIn(op, ["slot", "slotOrNone"])) filled.delete(slot);
  }
  return [...filled].sort((a, b) => a - b);
}
