/**
 * The values that templates work on, as Go sees them: JSON, and what JSON lacks. A list or map whose members are all strings
 * counts as one of strings, as nearly all of those in Docker's documents are. Pure.
 */

export type Method = (...args: readonly unknown[]) => unknown;

export type GoNumberType = "float64" | "uint8" | "time.Duration";

/** A number whose Go type JavaScript's own numbers do not tell: those are `int`, or `float64` when they have a fraction. */
export class GoNumber {
  readonly type: GoNumberType;
  readonly value: number;

  constructor(type: GoNumberType, value: number) {
    this.type = type;
    this.value = value;
  }

  toJSON(): number {
    return this.value;
  }
}

/** The nil of a list, a map or a pointer: JSON has one null, Go prints them differently. */
export class TypedNil {
  readonly type: string;

  constructor(type: string) {
    this.type = type;
  }

  toJSON(): null {
    return null;
  }
}

/** On what is a Go map, which has no value where it lacks a key. */
export const mapMark = Symbol("map");

export type Kind =
  | "invalid"
  | "bool"
  | "string"
  | "int"
  | "uint"
  | "float"
  | "slice"
  | "map"
  | "func"
  | "pointer";

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof GoNumber) &&
    !(value instanceof TypedNil)
  );
}

export function isCallable(value: unknown): value is Method {
  return typeof value === "function";
}

const numberKinds = { float64: "float", uint8: "uint", "time.Duration": "int" } as const;

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
  if (Array.isArray(value)) return "slice";
  if (value instanceof GoNumber) return numberKinds[value.type];
  if (value instanceof TypedNil)
    return value.type.startsWith("[") ? "slice" : value.type.startsWith("map") ? "map" : "pointer";
  return "map";
}

function isAllText(values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === "string");
}

/** The Go type, as error texts and `%T` name it. */
export function typeName(value: unknown): string {
  if (value instanceof GoNumber || value instanceof TypedNil) return value.type;
  if (Array.isArray(value)) return isAllText(value) ? "[]string" : "[]interface {}";
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

/** A number of any of the types as JavaScript's. */
export function numberOf(value: unknown): number {
  return value instanceof GoNumber ? value.value : Number(value);
}

/** An integer of any of the types. */
export function integerOf(value: unknown): bigint {
  return typeof value === "bigint" ? value : BigInt(numberOf(value));
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The entries of a map in the order in which Go shows them: sorted by the bytes of the keys. */
export function entriesOf(value: unknown): [string, unknown][] {
  if (!isRecord(value)) return [];
  return Object.keys(value)
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map((key) => [key, value[key]]);
}

/** False, 0, empty and absent are false. */
export function isTrue(value: unknown): boolean {
  switch (kindOf(value)) {
    case "bool":
      return value === true;
    case "string":
      return value !== "";
    case "int":
    case "uint":
    case "float":
      return numberOf(value) !== 0;
    case "slice":
      return listOf(value).length > 0;
    case "map":
      return isRecord(value) && Object.keys(value).length > 0;
    case "func":
      return true;
    default:
      return false;
  }
}
