/**
 * Decoders: the border where JSON from outside becomes a type. One definition gives both the check and the type.
 * `null` means absent, as in Go, where Docker's own structures come from; unknown fields are ignored; a wrong type
 * is an `invalid` error naming the field, what was found and what was wanted. Inherited properties are never read.
 */
import { TiffinError } from "../lib/errors.ts";
import { parseExactJson } from "../lib/exact-json.ts";

/** Turns a value into `T` or throws `TiffinError` invalid `api.body-invalid`. `path` names the value in the error. */
export type Decoder<T> = (value: unknown, path: string) => T;

/** A field that may be absent or null. */
export interface Optional<T> {
  readonly whenPresent: Decoder<T>;
}

export type Shape = Readonly<Record<string, Decoder<unknown> | Optional<unknown>>>;

type FieldOf<F> = F extends Optional<infer T> ? T : F extends Decoder<infer T> ? T : never;

/** The type that `object(shape)` produces. */
export type ObjectOf<S extends Shape> = {
  readonly [K in keyof S as S[K] extends Decoder<unknown> ? K : never]: FieldOf<S[K]>;
} & {
  readonly [K in keyof S as S[K] extends Optional<unknown> ? K : never]?: FieldOf<S[K]> | undefined;
};

/** The type that a decoder produces. */
export type Decoded<D> = D extends Decoder<infer T> ? T : never;

/** What Docker answers: every optional field may also be null. */
export type WithNulls<T> = { readonly [K in keyof T]: undefined extends T[K] ? T[K] | null : T[K] };

/** How many elements one list or map may have; a body is bounded in bytes before it comes here. */
const limitElements = 65_536;
const shownValueLength = 40;

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  if (typeof value === "bigint") return value.toString().slice(0, shownValueLength);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > shownValueLength ? `${text.slice(0, shownValueLength)}...` : text;
}

/** The error of every decoder here. */
export function wrongType(path: string, value: unknown, wanted: string): TiffinError {
  const where = path === "" ? "request body" : path;
  return new TiffinError(
    "invalid",
    "api.body-invalid",
    `invalid ${where}: found ${describe(value)}, wanted ${wanted}`,
  );
}

export const text: Decoder<string> = (value, path) => {
  if (typeof value === "string") return value;
  throw wrongType(path, value, "text");
};

export const flag: Decoder<boolean> = (value, path) => {
  if (typeof value === "boolean") return value;
  throw wrongType(path, value, "true or false");
};

function isWhole(value: unknown): boolean {
  return typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value));
}

/** A whole number that a double holds exactly. What Docker lets be larger and means something is an `integer64`. */
export const integer: Decoder<number> = (value, path) => {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw wrongType(path, value, isWhole(value) ? "a whole number of at most 2^53" : "a whole number");
};

const least64 = -(2n ** 63n);
const most64 = 2n ** 63n - 1n;

/** A whole number of 64 bits with a sign, every digit kept: a bigint where a double would lose some. */
export const integer64: Decoder<number | bigint> = (value, path) => {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  if (typeof value === "bigint" && value >= least64 && value <= most64) return value;
  throw wrongType(path, value, isWhole(value) ? "a whole number of 64 bits" : "a whole number");
};

/** A whole number from `least` to `most`. */
export function integerWithin(least: number, most: number): Decoder<number> {
  return (value, path) => {
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    throw wrongType(path, value, `a whole number from ${least} to ${most}`);
  };
}

/** What a decoder is made of, for those who walk through all fields of a document (`fields.ts`). */
export type Structure =
  | { readonly kind: "object"; readonly fields: Shape }
  | { readonly kind: "list" | "map"; readonly element: Decoder<unknown> };

const structures = new WeakMap<Decoder<never> | Decoder<unknown>, Structure>();

/** The parts of a decoder made by `object`, `list`, `mapOf` or `nullable`; undefined for a plain value. */
export function structureOf(decoder: Decoder<unknown>): Structure | undefined {
  return structures.get(decoder);
}

function withStructure<D extends Decoder<unknown>>(decoder: D, structure: Structure | undefined): D {
  if (structure !== undefined) structures.set(decoder, structure);
  return decoder;
}

/** Any JSON value, kept as it is. */
export const anything: Decoder<unknown> = (value) => value;

export function optional<T>(whenPresent: Decoder<T>): Optional<T> {
  return { whenPresent };
}

/** The value or null; absent counts as null. */
export function nullable<T>(inner: Decoder<T>): Decoder<T | null> {
  return withStructure(
    (value, path) => (value === null || value === undefined ? null : inner(value, path)),
    structures.get(inner),
  );
}

/** A list; null is the empty list, as Go's nil slice is written. */
export function list<T>(element: Decoder<T>, most: number = limitElements): Decoder<readonly T[]> {
  const decode: Decoder<readonly T[]> = (value, path) => {
    if (value === null) return [];
    if (!Array.isArray(value)) throw wrongType(path, value, "a list");
    if (value.length > most) throw wrongType(path, value.length, `a list of at most ${most} elements`);
    return value.map((item: unknown, index) => element(item, `${path}[${index}]`));
  };
  return withStructure(decode, { kind: "list", element });
}

/** An object with free keys; null is the empty one. */
export function mapOf<T>(element: Decoder<T>): Decoder<Readonly<Record<string, T>>> {
  const decode: Decoder<Readonly<Record<string, T>>> = (value, path) => {
    if (value === null) return {};
    if (typeof value !== "object" || Array.isArray(value)) throw wrongType(path, value, "an object");
    const entries = Object.entries(value);
    if (entries.length > limitElements) {
      throw wrongType(path, entries.length, `an object of at most ${limitElements} entries`);
    }
    // fromEntries defines own properties, so a key such as __proto__ stays data.
    return Object.fromEntries(
      entries.map(([key, item]) => [key, element(item, `${path}[${JSON.stringify(key)}]`)]),
    );
  };
  return withStructure(decode, { kind: "map", element });
}

/** One of the listed words. */
export function oneOf<const W extends string>(...words: readonly W[]): Decoder<W> {
  return (value, path) => {
    const found = words.find((word) => word === value);
    if (found === undefined)
      throw wrongType(path, value, words.map((word) => JSON.stringify(word)).join(" or "));
    return found;
  };
}

/** Text or a list of text, always returned as a list (Docker's strslice: `"sh"` is `["sh"]`). */
export const textOrList: Decoder<readonly string[]> = (value, path) =>
  typeof value === "string" ? [value] : list(text)(value, path);

/** Go's `struct{}` as a map value, e.g. in `ExposedPorts`. */
export const emptyObject: Decoder<Readonly<Record<string, never>>> = (value, path) => {
  if (value === null || (typeof value === "object" && !Array.isArray(value))) return {};
  throw wrongType(path, value, "an object");
};

/** An object with known fields. */
export function object<const S extends Shape>(shape: S): Decoder<ObjectOf<S>> {
  const fields = Object.entries(shape);
  const decode: Decoder<ObjectOf<S>> = (value, path) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw wrongType(path, value, "an object");
    }
    const found = new Map<string, unknown>(Object.entries(value));
    const result: Record<string, unknown> = {};
    for (const [name, field] of fields) {
      const item = found.get(name);
      const inner = typeof field === "function" ? field : field.whenPresent;
      if (typeof field !== "function" && (item === undefined || item === null)) continue;
      result[name] = inner(item, path === "" ? name : `${path}.${name}`);
    }
    // The loop above has just filled exactly the fields that ObjectOf<S> names.
    return result as ObjectOf<S>;
  };
  return withStructure(decode, { kind: "object", fields: shape });
}

/** Parses JSON text; `invalid` when it is none. `what` names it in the error, empty for a request body. */
export function parseJson(json: string, what = ""): unknown {
  try {
    return parseExactJson(json);
  } catch (cause) {
    const where = what === "" ? "request body" : what;
    throw new TiffinError("invalid", "api.body-invalid", `invalid ${where}: not JSON`, { cause });
  }
}

/** Parses JSON text and decodes it. */
export function decodeJson<T>(json: string, decoder: Decoder<T>, what = ""): T {
  return decoder(parseJson(json, what), what);
}
