/** A plan as JSON. Numbers beyond 2^53 become text, bytes become base64; everything else stays as it is. */
import type { Plan } from "./plan.ts";

/** A JSON-safe copy of `plan`, with what it says: secrets are the caller's to mask before. */
export function planJson(plan: Plan): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(plan).map(([key, value]) => [key, jsonValue(value)]));
}

function jsonValue(value: unknown): unknown {
  if (typeof value === "bigint")
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : String(value);
  if (value instanceof Uint8Array) return { base64: value.toBase64() };
  if (Array.isArray(value)) return value.map(jsonValue);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, jsonValue(entry)]));
  }
  return value;
}
