/**
 * The keys of a document as its decoder writes them, whatever case of letters they came in: Docker's engine is written in Go, which
 * takes them so, and some clients rely on it. Pure.
 */
import { type Decoder, type Optional, structureOf } from "./decode.ts";

type Fields = Readonly<Record<string, Decoder<unknown> | Optional<unknown>>>;

const lowered = new WeakMap<Fields, ReadonlyMap<string, string>>();

function loweredOf(fields: Fields): ReadonlyMap<string, string> {
  const known = lowered.get(fields);
  if (known !== undefined) return known;
  const made = new Map(Object.keys(fields).map((name) => [name.toLowerCase(), name]));
  lowered.set(fields, made);
  return made;
}

function decoderOf(field: Fields[string]): Decoder<unknown> {
  return typeof field === "function" ? field : field.whenPresent;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The same value where nothing is to be changed. Of two keys that are one field, the last counts, as in Go. */
export function foldKeys(value: unknown, decoder: Decoder<unknown>): unknown {
  if (typeof value !== "object" || value === null) return value;
  const structure = structureOf(decoder);
  if (structure === undefined) return value;
  if (structure.kind === "object") return isObject(value) ? foldFields(value, structure.fields) : value;
  let isSame = true;
  const folded = (item: unknown, inner: Decoder<unknown>): unknown => {
    const made = foldKeys(item, inner);
    if (made !== item) isSame = false;
    return made;
  };
  if (structure.kind === "list") {
    if (!Array.isArray(value)) return value;
    const items = value.map((item: unknown) => folded(item, structure.element));
    return isSame ? value : items;
  }
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, folded(item, structure.element)] as const);
  return isSame ? value : Object.fromEntries(entries);
}

function foldFields(value: Readonly<Record<string, unknown>>, fields: Fields): unknown {
  let isSame = true;
  const entries: [string, unknown][] = [];
  for (const [key, item] of Object.entries(value)) {
    const name = Object.hasOwn(fields, key) ? key : (loweredOf(fields).get(key.toLowerCase()) ?? key);
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    const folded = field === undefined ? item : foldKeys(item, decoderOf(field));
    if (name !== key || folded !== item) isSame = false;
    entries.push([name, folded]);
  }
  return isSame ? value : Object.fromEntries(entries);
}
