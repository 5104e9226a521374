/**
 * The values that templates work on, as Go sees them: JavaScript's own where those tell all there is to tell, and `GoValue` where Go
 * knows a type. A plain list or map whose members are all texts counts as one of texts, as nearly all rows of tables are. Pure.
 */
import { own } from "../../lib/own.ts";
import {
  float,
  type GoField,
  type GoKind,
  type GoType,
  goType,
  jsonNumber,
  listOfAnything,
  mapOfAnything,
  rawJson,
} from "./go-type.ts";

export type Method = (...args: readonly unknown[]) => unknown;

/** A value of a Go type that JavaScript's own values do not tell. `value`: as JSON has it, null where Go has nil. */
export class GoValue {
  readonly type: GoType;
  readonly value: unknown;

  constructor(type: GoType, value: unknown) {
    this.type = type;
    this.value = value;
  }
}

export type Kind = Exclude<GoKind, "interface"> | "invalid" | "func";

/** On what is a struct of Go's without its types being known here: what a row of a table is. */
const rowType = Symbol.for("row type");

/** Go's name of the row's type; undefined of what is no row. */
export function rowTypeOf(value: unknown): string | undefined {
  if (!isRecord(value)) return undefined;
  const type: unknown = Object.getOwnPropertyDescriptor(value, rowType)?.value;
  return typeof type === "string" ? type : undefined;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof GoValue);
}

export function isCallable(value: unknown): value is Method {
  return typeof value === "function";
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

/** `json`, a part of a document, as Go decodes it into a `type`; undefined is what the document leaves out. */
export function goValue(type: GoType, json: unknown): unknown {
  switch (type.kind) {
    case "interface":
      return decodedAnything(type, json);
    case "bool":
      return json === true;
    case "string": {
      const text = typeof json === "string" ? json : "";
      return type.name === "string" ? text : new GoValue(type, text);
    }
    case "int":
    case "uint":
    case "float": {
      const number = isNumber(json) ? json : 0;
      return type.name === "int" ? number : new GoValue(type, number);
    }
    case "slice": {
      const members = Array.isArray(json) ? json : null;
      const { length } = type;
      if (length === undefined) return new GoValue(type, members);
      return new GoValue(
        type,
        Array.from({ length }, (_none, index) => members?.[index]),
      );
    }
    case "map":
      return new GoValue(type, isRecord(json) ? json : null);
    case "pointer":
      return new GoValue(type, json ?? null);
    case "struct":
      return new GoValue(type, json ?? {});
  }
}

function decodedAnything(type: GoType, json: unknown): unknown {
  if (json === undefined || json === null) return null;
  if (Array.isArray(json)) return new GoValue(listOfAnything(type), json);
  if (isRecord(json)) return new GoValue(mapOfAnything(type), json);
  if (!isNumber(json)) return json;
  return type === rawJson ? new GoValue(jsonNumber, String(json)) : new GoValue(float, Number(json));
}

/** A whole document, typed by the name of its Go type; without one as Go decodes what it knows nothing of. */
export function goDocument(json: unknown, typeName?: string): unknown {
  return goValue(typeName === undefined ? rawJson : goType(typeName), json);
}

export function kindOf(value: unknown): Kind {
  switch (typeof value) {
    case "undefined":
      return "invalid";
    case "boolean":
      return "bool";
    case "string":
      return "string";
    case "bigint":
      return "int";
    case "number":
      return Number.isInteger(value) ? "int" : "float";
    case "function":
      return "func";
    default:
      break;
  }
  if (value === null) return "invalid";
  if (value instanceof GoValue) return value.type.kind === "interface" ? "invalid" : value.type.kind;
  return Array.isArray(value) ? "slice" : "map";
}

function isAllText(values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === "string");
}

/** The Go type, as error texts and `%T` name it. */
export function typeName(value: unknown): string {
  if (value instanceof GoValue) return value.type.name;
  if (Array.isArray(value)) {
    const row = rowTypeOf(value[0]);
    return row !== undefined ? `[]${row}` : isAllText(value) ? "[]string" : "[]interface {}";
  }
  if (isRecord(value))
    return isAllText(Object.values(value)) ? "map[string]string" : "map[string]interface {}";
  const kind = kindOf(value);
  if (kind === "float") return "float64";
  return kind === "invalid" ? "<nil>" : kind === "func" ? "func(string) string" : kind;
}

/** Whether members of this list or map are typed `interface {}` rather than by what they are. */
export function holdsAnything(value: unknown): boolean {
  return typeName(value).endsWith("interface {}");
}

/** A nil list, map or pointer. */
export function isTypedNil(value: unknown): value is GoValue {
  return value instanceof GoValue && value.value === null;
}

/** What a text, a number or a flag of any type is. */
export function plainOf(value: unknown): unknown {
  return value instanceof GoValue ? value.value : value;
}

export function textIn(value: unknown): string {
  return String(plainOf(value));
}

/** A number of any of the types as JavaScript's. */
export function numberOf(value: unknown): number {
  return Number(plainOf(value));
}

/** An integer of any of the types. */
export function integerOf(value: unknown): bigint {
  const plain = plainOf(value);
  return typeof plain === "bigint" ? plain : BigInt(Number(plain));
}

/** What pointers lead to; a nil pointer leads to itself. */
export function pointedTo(value: unknown): unknown {
  let found = value;
  while (found instanceof GoValue && found.type.kind === "pointer" && found.value !== null)
    found = goValue(found.type.of, found.value);
  return found;
}

export function listOf(value: unknown): readonly unknown[] {
  if (!(value instanceof GoValue)) return Array.isArray(value) ? value : [];
  const { of } = value.type;
  return Array.isArray(value.value) ? value.value.map((member) => goValue(of, member)) : [];
}

/** The entries of a map in the order in which Go shows them: sorted by the bytes of the keys. */
export function entriesOf(value: unknown): [unknown, unknown][] {
  const entries = value instanceof GoValue ? plainOf(value) : value;
  if (!isRecord(entries)) return [];
  return Object.keys(entries)
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map((key) =>
      value instanceof GoValue
        ? [goValue(value.type.key, key), goValue(value.type.of, entries[key])]
        : [key, entries[key]],
    );
}

/** What a map has for a key; undefined when it has nothing. */
export function entryOf(value: unknown, key: string): unknown {
  const entries = plainOf(value);
  if (!isRecord(entries) || !Object.hasOwn(entries, key)) return undefined;
  return value instanceof GoValue ? goValue(value.type.of, entries[key]) : entries[key];
}

/** A field of a struct, decoded. */
export function fieldValue(holder: GoValue, { type, jsonName, isEmbedded }: GoField): unknown {
  const fields = isRecord(holder.value) ? holder.value : {};
  if (isEmbedded) return goValue(type, holder.value);
  return goValue(type, jsonName === "" ? undefined : own(fields, jsonName));
}

/** A field by its name, of the struct or of those embedded in it, those nearer first; undefined when there is none. */
export function fieldNamed(holder: GoValue, name: string): { readonly value: unknown } | undefined {
  const field = holder.type.fields.find((one) => one.name === name);
  if (field !== undefined) return { value: fieldValue(holder, field) };
  for (const embedded of holder.type.fields) {
    if (!embedded.isEmbedded) continue;
    const inner = pointedTo(fieldValue(holder, embedded));
    const found = inner instanceof GoValue ? fieldNamed(inner, name) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** False, 0, empty and absent are false. */
export function isTrue(value: unknown): boolean {
  switch (kindOf(value)) {
    case "bool":
      return plainOf(value) === true;
    case "string":
      return textIn(value) !== "";
    case "int":
    case "uint":
    case "float":
      return numberOf(value) !== 0;
    case "slice":
      return listOf(value).length > 0;
    case "map":
      return Object.keys(plainOf(value) ?? {}).length > 0;
    case "func":
    case "struct":
      return true;
    case "pointer":
      return !isTypedNil(value);
    default:
      return false;
  }
}

/** Whether Go lets the value stand where `type` is wanted. */
export function fits(value: unknown, type: string): boolean {
  if (typeName(value) === type) return true;
  return type === "[]string" && value instanceof GoValue && value.type.isListOfText();
}
