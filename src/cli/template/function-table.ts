/** What templates may call: Go's own functions. Docker's are in `docker-functions.ts`. Pure. */

import { own } from "../../lib/own.ts";
import { type GoType, goType } from "./go-type.ts";
import { goPrint, sprint, sprintf, sprintln } from "./printf.ts";
import { isPrintable } from "./quote.ts";
import {
  entriesOf,
  entryOf,
  GoValue,
  goValue,
  integerOf,
  isCallable,
  isTrue,
  isTypedNil,
  kindOf,
  listOf,
  type Method,
  numberOf,
  plainOf,
  pointedTo,
  textIn,
  typeName,
} from "./value.ts";

/** `any` takes nil, `value` too and without looking at it. */
export type ParameterType = "any" | "value" | "string" | "int" | "[]string";

export interface TemplateFunction {
  readonly parameters: readonly ParameterType[];
  /** The type of all further arguments. */
  readonly rest?: ParameterType;
  /** Go's own `and` and `or` evaluate no more than they need. */
  readonly shortCircuit?: "and" | "or";
  readonly call: (...args: readonly unknown[]) => unknown;
}

export type FunctionTable = Readonly<Record<string, TemplateFunction>>;

/** Thrown by a function: the text behind `error calling NAME:`. */
export class FunctionError extends Error {
  override readonly name = "FunctionError";
}

function indexOf(value: unknown, limit: number): number {
  const kind = kindOf(value);
  if (kind === "invalid") throw new FunctionError("cannot index slice/array with nil");
  if (kind !== "int" && kind !== "uint")
    throw new FunctionError(`cannot index slice/array with type ${typeName(value)}`);
  const at = integerOf(value);
  if (at < 0n || at > BigInt(limit)) throw new FunctionError(`index out of range: ${at}`);
  return Number(at);
}

function indexOnce(item: unknown, key: unknown): unknown {
  switch (kindOf(item)) {
    case "pointer":
      throw new FunctionError("index of nil pointer");
    case "string": {
      const bytes = Buffer.from(textIn(item));
      const byte = bytes[indexOf(key, bytes.length)];
      if (byte === undefined) throw new FunctionError("reflect: string index out of range");
      return new GoValue(goType("uint8"), byte);
    }
    case "slice": {
      const list = listOf(item);
      const at = indexOf(key, list.length);
      if (at === list.length) throw new FunctionError("reflect: slice index out of range");
      return list[at];
    }
    case "map":
      return entryAt(item, key);
    default:
      throw new FunctionError(`can't index item of type ${typeName(item)}`);
  }
}

/** A map without the key has the zero of what it holds. */
function entryAt(map: unknown, key: unknown): unknown {
  const wanted = map instanceof GoValue ? map.type.key.name : "string";
  if (key === undefined || key === null) throw new FunctionError(`value is nil; should be of type ${wanted}`);
  if (typeName(key) !== wanted)
    throw new FunctionError(`value has type ${typeName(key)}; should be ${wanted}`);
  const found = entryOf(map, textIn(key));
  if (found !== undefined) return found;
  if (map instanceof GoValue) return goValue(map.type.of, undefined);
  return typeName(map) === "map[string]string" ? "" : undefined;
}

function indexed(item: unknown, keys: readonly unknown[]): unknown {
  if (item === undefined || item === null) throw new FunctionError("index of untyped nil");
  return keys.reduce<unknown>((inner, key) => {
    if (inner === undefined || inner === null) throw new FunctionError("index of nil pointer");
    return indexOnce(pointedTo(inner), key);
  }, item);
}

function sliced(given: unknown, keys: readonly unknown[]): unknown {
  if (given === undefined || given === null) throw new FunctionError("slice of untyped nil");
  const item = pointedTo(given);
  if (kindOf(item) === "pointer") throw new FunctionError("slice of nil pointer");
  if (keys.length > 3) throw new FunctionError(`too many slice indexes: ${keys.length}`);
  const isText = kindOf(item) === "string";
  if (!isText && kindOf(item) !== "slice")
    throw new FunctionError(`can't slice item of type ${typeName(item)}`);
  if (isText && keys.length === 3) throw new FunctionError("cannot 3-index slice a string");
  const bytes = Buffer.from(isText ? textIn(item) : "");
  const length = isText ? bytes.length : listOf(item).length;
  const [from = 0, to = length, limit] = keys.map((key) => indexOf(key, length));
  if (from > to) throw new FunctionError(`invalid slice index: ${from} > ${to}`);
  if (limit !== undefined && to > limit) throw new FunctionError(`invalid slice index: ${to} > ${limit}`);
  const plain = isText ? bytes.subarray(from, to).toString("utf8") : members(item).slice(from, to);
  return item instanceof GoValue ? new GoValue(item.type, plain) : plain;
}

function members(list: unknown): readonly unknown[] {
  const plain = plainOf(list);
  return Array.isArray(plain) ? plain : [];
}

function lengthOf(given: unknown): number {
  if (given === undefined) throw new FunctionError("reflect: call of reflect.Value.Type on zero Value");
  const item = pointedTo(given);
  switch (kindOf(item)) {
    case "string":
      return Buffer.byteLength(textIn(item));
    case "slice":
      return members(item).length;
    case "map":
      return entriesOf(item).length;
    case "invalid":
    case "pointer":
      throw new FunctionError("len of nil pointer");
    default:
      throw new FunctionError(`len of type ${typeName(item)}`);
  }
}

type Basic = "bool" | "int" | "uint" | "float" | "string" | undefined;

function basicKind(value: unknown): Basic {
  const kind = kindOf(value);
  return kind === "bool" || kind === "int" || kind === "uint" || kind === "float" || kind === "string"
    ? kind
    : undefined;
}

function isInteger(kind: Basic): boolean {
  return kind === "int" || kind === "uint";
}

function isNil(value: unknown): boolean {
  return value === undefined || value === null || isTypedNil(value);
}

function isEqual(a: unknown, b: unknown): boolean {
  const [kindA, kindB] = [basicKind(a), basicKind(b)];
  if (isInteger(kindA) && isInteger(kindB)) return integerOf(a) === integerOf(b);
  if (kindA !== kindB) {
    const bothThere = a !== undefined && a !== null && b !== undefined && b !== null;
    if (bothThere)
      throw new FunctionError(`incompatible types for comparison: ${typeName(a)} and ${typeName(b)}`);
    return false;
  }
  if (kindA === "float") return numberOf(a) === numberOf(b);
  if (kindA !== undefined) return plainOf(a) === plainOf(b);
  if (isNil(a) || isNil(b)) return isNil(a) === isNil(b);
  if (kindOf(a) !== kindOf(b))
    throw new FunctionError(
      `non-comparable types ${goPrint(a)}: ${typeName(a)}, ${typeName(b)}: ${goPrint(b)}`,
    );
  if (canBeCompared(b)) return isSame(a, b);
  throw new FunctionError(sprintf("non-comparable type %s: %v", [b, typeName(b)]));
}

/** Pointers compare, and structs and arrays of what compares. */
function canBeCompared(value: unknown): boolean {
  return value instanceof GoValue && isComparable(value.type);
}

function isComparable(type: GoType): boolean {
  if (type.kind === "map" || (type.kind === "slice" && type.length === undefined)) return false;
  if (type.kind === "slice") return isComparable(type.of);
  return type.fields.every((field) => isComparable(field.type));
}

/** A pointer is the same when it leads to the same place. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeName(a) !== typeName(b)) return false;
  return kindOf(a) === "pointer" ? plainOf(a) === plainOf(b) : sprint([a]) === sprint([b]);
}

function equalsAny(first: unknown, others: readonly unknown[]): boolean {
  if (others.length === 0) throw new FunctionError("missing argument for comparison");
  return others.some((other) => isEqual(first, other));
}

function isLess(a: unknown, b: unknown): boolean {
  const [kindA, kindB] = [basicKind(a), basicKind(b)];
  if (kindA === undefined || kindB === undefined) throw new FunctionError("invalid type for comparison");
  if (isInteger(kindA) && isInteger(kindB)) return integerOf(a) < integerOf(b);
  if (kindA !== kindB)
    throw new FunctionError(`incompatible types for comparison: ${typeName(a)} and ${typeName(b)}`);
  if (kindA === "bool") throw new FunctionError("invalid type for comparison");
  if (kindA === "float") return numberOf(a) < numberOf(b);
  return Buffer.compare(Buffer.from(textIn(a)), Buffer.from(textIn(b))) < 0;
}

function isLessOrEqual(a: unknown, b: unknown): boolean {
  return isLess(a, b) || isEqual(a, b);
}

/** The text of a single text; anything else as print shows it. */
function textOf(values: readonly unknown[]): string {
  const [only] = values;
  if (values.length === 1 && typeof only === "string") return only;
  return sprint(values.map((value) => pointedTo(value) ?? "<no value>"));
}

const htmlEscapes: Readonly<Record<string, string>> = {
  "\u0000": "\uFFFD",
  '"': "&#34;",
  "'": "&#39;",
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
};

const scriptEscapes: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "'": "\\'",
  '"': '\\"',
  "<": "\\u003C",
  ">": "\\u003E",
  "&": "\\u0026",
  "=": "\\u003D",
};

function scriptCharacter(character: string): string {
  const known = own(scriptEscapes, character);
  if (known !== undefined) return known;
  if (isPrintable(character) || character === "\u007f") return character;
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

function queryEscape(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");
}

/** `shown` is how the template writes the first argument. */
function called(shown: string, target: unknown, args: readonly unknown[]): unknown {
  if (target === undefined || target === null) throw new FunctionError("call of nil");
  if (!isCallable(target)) throw new FunctionError(`non-function ${shown} of type ${typeName(target)}`);
  if (args.length !== target.length)
    throw new FunctionError(`wrong number of args for ${shown}: got ${args.length} want ${target.length}`);
  return target(...args);
}

function two(call: (a: unknown, b: unknown) => unknown): TemplateFunction {
  return { parameters: ["value", "value"], call: (a, b) => call(a, b) };
}

function ofAll(call: (values: readonly unknown[]) => unknown): TemplateFunction {
  return { parameters: [], rest: "any", call: (...values) => call(values) };
}

/** The order of `call`'s own arguments: the run puts the written name of the callee first. */
export const goFunctions: FunctionTable = {
  and: { parameters: ["value"], rest: "value", shortCircuit: "and", call: (first) => first },
  or: { parameters: ["value"], rest: "value", shortCircuit: "or", call: (first) => first },
  not: { parameters: ["value"], call: (value) => !isTrue(value) },
  call: {
    parameters: ["value"],
    rest: "value",
    call: (shown, target, ...args) => called(String(shown), target, args),
  },
  html: ofAll((values) => textOf(values).replace(/[\0"'&<>]/g, (one) => own(htmlEscapes, one) ?? one)),
  js: ofAll((values) => [...textOf(values)].map(scriptCharacter).join("")),
  urlquery: ofAll((values) => queryEscape(textOf(values))),
  index: { parameters: ["value"], rest: "value", call: (item, ...keys) => indexed(item, keys) },
  slice: { parameters: ["value"], rest: "value", call: (item, ...keys) => sliced(item, keys) },
  len: { parameters: ["value"], call: lengthOf },
  print: ofAll(sprint),
  println: ofAll(sprintln),
  printf: {
    parameters: ["string"],
    rest: "any",
    call: (format, ...values) => sprintf(String(format), values),
  },
  eq: { parameters: ["value"], rest: "value", call: (first, ...others) => equalsAny(first, others) },
  ne: two((a, b) => !isEqual(a, b)),
  lt: two(isLess),
  le: two(isLessOrEqual),
  gt: two((a, b) => !isLessOrEqual(a, b)),
  ge: two((a, b) => !isLess(a, b)),
};

/** A function in a value is a method; Docker's all take texts. */
export function methodOf(method: Method): TemplateFunction {
  return {
    parameters: Array.from({ length: method.length }, () => "string" as const),
    call: (...args) => method(...args),
  };
}
