/**
 * Decoders: the border where JSON from outside becomes a type. One definition gives both the check and the type. `null` means
 * absent, as in Go, where the documents of containers come from; unknown fields are ignored, except by `closed`; a wrong type is an `invalid`
 * error naming the field, what was found and what was wanted. Inherited properties are never read.
 *
 * A family of documents makes a kit of its own with `decoderKit`, which says how its errors are called.
 */
import { TiffinError } from "./errors.ts";
import { suggestion } from "./suggestion.ts";

/** Turns a value into `T`, or throws the `TiffinError` of its kit. `path` names the value in the error. */
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

/** What a decoder is made of, for those who walk through all fields of a document. */
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

export function optional<T>(whenPresent: Decoder<T>): Optional<T> {
  return { whenPresent };
}

/** Any JSON value, kept as it is. */
export const anything: Decoder<unknown> = (value) => value;

export interface KitOptions {
  /** The code of every error. */
  readonly code: string;
  /** What the outermost value is called in errors. */
  readonly whole: string;
  /** How much of a wrong value is shown, characters. */
  readonly shownLength: number;
  /** How many elements one list or map may have; documents are bounded in bytes before they come here. */
  readonly limitElements: number;
  /** NUL characters are part of text. */
  readonly allowsNul: boolean;
  /** A list or map that is null is an empty one, as Go writes nil; otherwise null is never a value. */
  readonly nullIsEmpty: boolean;
}

const least64 = -(2n ** 63n);
const most64 = 2n ** 63n - 1n;

function isWhole(value: unknown): value is number | bigint {
  return typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value));
}

/** The decoders of one family of documents. */
export function decoderKit(options: KitOptions) {
  const { limitElements, nullIsEmpty } = options;

  const describe = (value: unknown): string => {
    if (value === undefined) return "nothing";
    if (value === null) return "null";
    if (Array.isArray(value)) return "a list";
    if (typeof value === "object") return "an object";
    const text = typeof value === "bigint" ? String(value) : (JSON.stringify(value) ?? String(value));
    return text.length > options.shownLength ? `${text.slice(0, options.shownLength)}...` : text;
  };

  /** The error of every decoder here. */
  const wrong = (path: string, value: unknown, wanted: string): TiffinError => {
    const where = path === "" ? options.whole : path;
    return new TiffinError(
      "invalid",
      options.code,
      `invalid ${where}: found ${describe(value)}, wanted ${wanted}`,
    );
  };

  const text: Decoder<string> = (value, path) => {
    if (typeof value !== "string") throw wrong(path, value, "text");
    if (!options.allowsNul && value.includes("\0")) {
      throw wrong(path, value, "text without NUL characters");
    }
    return value;
  };

  const flag: Decoder<boolean> = (value, path) => {
    if (typeof value === "boolean") return value;
    throw wrong(path, value, "true or false");
  };

  // JSON can write a zero with a sign; adding one without takes it away.
  /** A whole number that a double holds exactly. What may be larger and means something is an `integer64`. */
  const integer: Decoder<number> = (value, path) => {
    if (typeof value === "number" && Number.isSafeInteger(value)) return value + 0;
    throw wrong(path, value, isWhole(value) ? "a whole number of at most 2^53" : "a whole number");
  };

  /** A whole number of 64 bits with a sign, every digit kept: a bigint where a double would lose some. */
  const integer64: Decoder<number | bigint> = (value, path) => {
    if (typeof value === "number" && Number.isSafeInteger(value)) return value + 0;
    if (typeof value === "bigint" && value >= least64 && value <= most64) return value;
    throw wrong(path, value, isWhole(value) ? "a whole number of 64 bits" : "a whole number");
  };

  /** A whole number from `least` to `most`. */
  const integerWithin =
    (least: number, most: number): Decoder<number> =>
    (value, path) => {
      if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most)
        return value + 0;
      throw wrong(path, value, `a whole number from ${least} to ${most}`);
    };

  /** The value or null; absent counts as null. */
  const nullable = <T>(inner: Decoder<T>): Decoder<T | null> =>
    withStructure(
      (value, path) => (value === null || value === undefined ? null : inner(value, path)),
      structures.get(inner),
    );

  const list = <T>(element: Decoder<T>, most: number = limitElements): Decoder<readonly T[]> => {
    const decode: Decoder<readonly T[]> = (value, path) => {
      if (nullIsEmpty && value === null) return [];
      if (!Array.isArray(value)) throw wrong(path, value, "a list");
      if (value.length > most) throw wrong(path, value.length, `a list of at most ${most} elements`);
      return value.map((item: unknown, index) => element(item, `${path}[${index}]`));
    };
    return withStructure(decode, { kind: "list", element });
  };

  const entriesOf = (value: unknown, path: string): [string, unknown][] => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw wrong(path, value, "an object");
    }
    return Object.entries(value);
  };

  /** An object with free keys. */
  const mapOf = <T>(element: Decoder<T>): Decoder<Readonly<Record<string, T>>> => {
    const decode: Decoder<Readonly<Record<string, T>>> = (value, path) => {
      if (nullIsEmpty && value === null) return {};
      const entries = entriesOf(value, path);
      if (entries.length > limitElements) {
        throw wrong(path, entries.length, `an object of at most ${limitElements} entries`);
      }
      // fromEntries defines own properties, so a key such as __proto__ stays data.
      return Object.fromEntries(
        entries
          .filter(([, item]) => nullIsEmpty || item !== null)
          .map(([key, item]) => [
            text(key, `key of ${path}`),
            element(item, `${path}[${JSON.stringify(key)}]`),
          ]),
      );
    };
    return withStructure(decode, { kind: "map", element });
  };

  /** One of the listed words. */
  const oneOf =
    <const W extends string>(...words: readonly W[]): Decoder<W> =>
    (value, path) => {
      const found = words.find((word) => word === value);
      if (found === undefined)
        throw wrong(path, value, words.map((word) => JSON.stringify(word)).join(" or "));
      return found;
    };

  /** An object with known fields. */
  const object = <const S extends Shape>(shape: S): Decoder<ObjectOf<S>> => {
    const fields = Object.entries(shape);
    const decode: Decoder<ObjectOf<S>> = (value, path) => {
      const found = new Map<string, unknown>(entriesOf(value, path));
      const result: Record<string, unknown> = {};
      for (const [name, field] of fields) {
        const item = found.get(name);
        const absent = item === undefined || item === null;
        const isOptional = typeof field !== "function";
        if (isOptional && absent) continue;
        const where = path === "" ? name : `${path}.${name}`;
        if (absent && !nullIsEmpty) throw wrong(where, item, "a value");
        result[name] = (isOptional ? field.whenPresent : field)(item, where);
      }
      // The loop above has just filled exactly the fields that ObjectOf<S> names.
      return result as ObjectOf<S>;
    };
    return withStructure(decode, { kind: "object", fields: shape });
  };

  /**
   * An object that has no other fields than these and `besides`, which mean something to others. With `slipsOnly` one that is like none of
   * them is passed over: a newer version's.
   */
  const closed = <const S extends Shape>(
    shape: S,
    {
      besides = [],
      slipsOnly = false,
    }: { readonly besides?: readonly string[]; readonly slipsOnly?: boolean } = {},
  ): Decoder<ObjectOf<S>> => {
    const known = [...Object.keys(shape), ...besides];
    const decodeKnown = object(shape);
    const decode: Decoder<ObjectOf<S>> = (value, path) => {
      for (const [key] of entriesOf(value, path)) {
        if (known.includes(key)) continue;
        const near = suggestion(key, known);
        if (near === "" && slipsOnly) continue;
        const where = path === "" ? "" : ` in ${path}`;
        const hint = near === "" ? `; known are ${known.join(", ")}` : near;
        throw new TiffinError("invalid", options.code, `unknown key ${JSON.stringify(key)}${where}${hint}`);
      }
      return decodeKnown(value, path);
    };
    return withStructure(decode, { kind: "object", fields: shape });
  };

  /** One of several objects, told apart by the word in their field `key`. */
  const variants =
    <const S extends Readonly<Record<string, Decoder<unknown>>>>(
      key: string,
      shapes: S,
    ): Decoder<Decoded<S[keyof S]>> =>
    (value, path) => {
      const found = new Map<string, unknown>(entriesOf(value, path)).get(key);
      const shape = typeof found === "string" && Object.hasOwn(shapes, found) ? shapes[found] : undefined;
      if (shape === undefined) {
        const words = Object.keys(shapes).map((word) => JSON.stringify(word));
        throw wrong(path === "" ? key : `${path}.${key}`, found, words.join(" or "));
      }
      // The shape is one of S.
      return shape(value, path) as Decoded<S[keyof S]>;
    };

  return {
    variants,
    wrong,
    text,
    flag,
    integer,
    integer64,
    integerWithin,
    nullable,
    list,
    mapOf,
    oneOf,
    object,
    closed,
  };
}
