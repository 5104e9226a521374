/** What Go's encoder makes of a value: fields of structs in their order, keys of maps in theirs. Pure. */
import { goTimeJson } from "./go-time.ts";
import type { GoField } from "./go-type.ts";
import {
  entriesOf,
  fieldValue,
  GoValue,
  goValue,
  isRecord,
  kindOf,
  listOf,
  plainOf,
  textIn,
} from "./value.ts";

/** As JavaScript's own JSON writes it. */
export function jsonOf(value: unknown): unknown {
  if (isRecord(value) && "toJSON" in value) return value;
  switch (kindOf(value)) {
    case "slice":
      return plainOf(value) === null ? null : listOf(value).map(jsonOf);
    case "map":
      return plainOf(value) === null
        ? null
        : Object.fromEntries(entriesOf(value).map(([key, one]) => [textIn(key), jsonOf(one)]));
    case "pointer":
      return value instanceof GoValue && value.value !== null
        ? jsonOf(goValue(value.type.of, value.value))
        : null;
    case "struct":
      return value instanceof GoValue ? jsonOfStruct(value) : null;
    case "string":
      return value instanceof GoValue && value.type.name === "json.Number"
        ? numberIn(value.value)
        : textIn(value);
    default:
      return plainOf(value) ?? null;
  }
}

function numberIn(text: unknown): unknown {
  const number = Number(text);
  return Number.isInteger(number) && !Number.isSafeInteger(number) ? BigInt(String(text)) : number;
}

function jsonOfStruct(value: GoValue): unknown {
  if (value.type.name === "time.Time") return goTimeJson(value.value);
  const fields = Object.fromEntries(structEntries(value));
  // Docker puts what it read through a map on its way.
  return value.type.name === "registry.ServiceConfig" ? sorted(fields) : fields;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  return isRecord(value)
    ? Object.fromEntries(entriesOf(value).map(([key, one]) => [textIn(key), sorted(one)]))
    : value;
}

function structEntries(value: GoValue): [string, unknown][] {
  return value.type.fields.flatMap((field): [string, unknown][] => {
    const inner = fieldValue(value, field);
    if (field.isEmbedded) {
      const held = inner instanceof GoValue && inner.type.kind === "pointer" ? pointee(inner) : inner;
      return held instanceof GoValue && held.value !== null ? structEntries(held) : [];
    }
    if (field.jsonName === "" || (field.omitEmpty && isEmpty(inner, field))) return [];
    return [[field.jsonName, jsonOf(inner)]];
  });
}

function pointee(pointer: GoValue): unknown {
  return goValue(pointer.type.of, pointer.value);
}

/** Go leaves out zero numbers, false, "", nil and what is empty; a struct never. */
function isEmpty(value: unknown, { type }: GoField): boolean {
  const plain = plainOf(value);
  switch (type.kind) {
    case "struct":
      return false;
    case "slice":
    case "map":
      return plain === null || Object.keys(plain ?? {}).length === 0;
    default:
      return plain === null || plain === "" || plain === 0 || plain === 0n || plain === false;
  }
}
