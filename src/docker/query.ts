/**
 * Query parameters as data: one codec per parameter serves both sides, the server decoding text and the typed client
 * writing it. Every parameter may be absent. The first of several equal names counts, as in Docker, except where a codec
 * takes them all.
 */
import { TiffinError } from "../lib/errors.ts";
import { type Decoded, decodeJson, flag, list, mapOf, nullable, text, wrongType } from "./decode.ts";

export interface QueryCodec<T> {
  /** `name` is for the error text. Throws `invalid` `api.query-invalid`. */
  decode(raw: string, name: string): T;
  encode(value: T): string;
}

/** A parameter that may be there several times, each time with one value. */
export interface RepeatedCodec<T> {
  decodeAll(raw: readonly string[], name: string): T;
  encodeAll(value: T): readonly string[];
}

export type QueryShape = Readonly<Record<string, QueryCodec<unknown> | RepeatedCodec<unknown>>>;

type ValueOf<C> = C extends { decode(raw: string, name: string): infer T }
  ? T
  : C extends { decodeAll(raw: readonly string[], name: string): infer T }
    ? T
    : never;

/** The values of every parameter, as sent. */
export type RawQuery = Readonly<Record<string, readonly string[]>>;

/** What a handler receives and a client gives. */
export type QueryOf<Q extends QueryShape> = { readonly [K in keyof Q]?: ValueOf<Q[K]> | undefined };

function invalidQuery(name: string, raw: string, wanted: string): TiffinError {
  return new TiffinError(
    "invalid",
    "api.query-invalid",
    `invalid query parameter ${name}: found ${JSON.stringify(raw)}, wanted ${wanted}`,
  );
}

/** Any text without a NUL, which no name and no path has. */
export const queryText: QueryCodec<string> = {
  decode(raw, name) {
    if (raw.includes("\0")) throw invalidQuery(name, raw, "text without a NUL character");
    return raw;
  },
  encode: (value) => value,
};

const falseWords: ReadonlySet<string> = new Set(["", "0", "no", "false", "none"]);

/** Anything but an empty value, `0`, `no`, `false` and `none` is true, as in Docker. */
export const queryFlag: QueryCodec<boolean> = {
  decode: (raw) => !falseWords.has(raw.trim().toLowerCase()),
  encode: (value) => (value ? "1" : "0"),
};

export const queryInteger: QueryCodec<number> = {
  decode(raw, name) {
    if (!/^[+-]?[0-9]{1,15}$/.test(raw)) throw invalidQuery(name, raw, "a whole number");
    return Number(raw);
  },
  encode: (value) => String(value),
};

/** A number of characters of a terminal. */
export const queryCells: QueryCodec<number> = {
  decode(raw, name) {
    if (!/^[0-9]{1,5}$/.test(raw) || Number(raw) > 65_535) {
      throw invalidQuery(name, raw, "a whole number from 0 to 65535");
    }
    return Number(raw);
  },
  encode: (value) => String(value),
};

/** `all` or how many lines; undefined is all. A value that is not a number means all, as in Docker. */
export const queryTail: QueryCodec<number | undefined> = {
  decode: (raw) => (/^\+?[0-9]{1,15}$/.test(raw) ? Number(raw) : undefined),
  encode: (value) => (value === undefined ? "all" : String(value)),
};

/** A time as `[-]seconds[.fraction]` since 1970, in nanoseconds. `0` and empty mean no bound. */
export const queryTime: QueryCodec<bigint | undefined> = {
  decode(raw, name) {
    if (raw === "") return undefined;
    const match = /^(-?)([0-9]{1,15})(?:\.([0-9]{1,9})[0-9]*)?$/.exec(raw);
    if (match === null) throw invalidQuery(name, raw, "seconds since 1970, with or without a fraction");
    const [, sign = "", seconds = "0", fraction = ""] = match;
    const total = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
    if (total === 0n) return undefined;
    return sign === "-" ? -total : total;
  },
  encode(value) {
    if (value === undefined) return "";
    const sign = value < 0n ? "-" : "";
    const digits = (value < 0n ? -value : value).toString().padStart(10, "0");
    return `${sign}${digits.slice(0, -9)}.${digits.slice(-9)}`;
  },
};

const filterValues = list(text);
const legacyFilterValues = mapOf(flag);

/** `{"key":["a","b"]}`, or in the older form `{"key":{"a":true}}`. */
export const queryFilters: QueryCodec<Readonly<Record<string, readonly string[]>>> = {
  decode(raw, name) {
    if (raw === "") return {};
    const values = (value: unknown, path: string): Decoded<typeof filterValues> => {
      if (typeof value !== "object") throw wrongType(path, value, "a list of text");
      if (Array.isArray(value)) return filterValues(value, path);
      return Object.entries(legacyFilterValues(value, path))
        .filter(([, on]) => on)
        .map(([word]) => word);
    };
    return decodeJson(raw, mapOf(values), `query parameter ${name}`);
  },
  encode: (value) => JSON.stringify(value),
};

/** All values of a parameter whose name comes more than once, in order. */
export function queryList<T>(element: QueryCodec<T>): RepeatedCodec<readonly T[]> {
  return {
    decodeAll: (raw, name) => raw.map((value) => element.decode(value, name)),
    encodeAll: (values) => values.map((value) => element.encode(value)),
  };
}

const noParameters: RawQuery = {};

/** Takes the part after `?` apart. */
export function parseQuery(text: string): RawQuery {
  if (text === "") return noParameters;
  const found = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(text)) {
    const values = found.get(name);
    if (values === undefined) found.set(name, [value]);
    else values.push(value);
  }
  // fromEntries defines own properties, so a name such as __proto__ stays data.
  return Object.fromEntries(found);
}

/** Decodes the parameters that `shape` knows; others are ignored. */
export function decodeQuery<Q extends QueryShape>(shape: Q, raw: RawQuery): QueryOf<Q> {
  const found: Record<string, unknown> = {};
  if (raw !== noParameters) {
    for (const [name, codec] of Object.entries(shape)) {
      const values = Object.hasOwn(raw, name) ? raw[name] : undefined;
      const [first] = values ?? [];
      if (values === undefined || first === undefined) continue;
      found[name] = "decodeAll" in codec ? codec.decodeAll(values, name) : codec.decode(first, name);
    }
  }
  // Each property was made by the codec of that name, which is what QueryOf<Q> says.
  return found as QueryOf<Q>;
}

/** The text after `?`, empty when nothing is set. */
export function encodeQuery<Q extends QueryShape>(shape: Q, values: QueryOf<Q>): string {
  const parts: string[] = [];
  for (const [name, codec] of Object.entries(shape)) {
    const value: unknown = values[name];
    if (value === undefined) continue;
    // QueryOf<Q> ties the value of `name` to the codec of `name`; the loop loses that tie.
    const encoded =
      "encodeAll" in codec
        ? (codec.encodeAll as (value: unknown) => readonly string[])(value)
        : [(codec.encode as (value: unknown) => string)(value)];
    for (const each of encoded) parts.push(`${encodeURIComponent(name)}=${encodeURIComponent(each)}`);
  }
  return parts.join("&");
}

const texts = nullable(mapOf(nullable(text)));

/** A JSON object of texts; those that are `null` are left out. */
export const queryTexts: QueryCodec<Readonly<Record<string, string>>> = {
  decode(raw, name) {
    if (raw === "") return {};
    const entries = Object.entries(decodeJson(raw, texts, `query parameter ${name}`) ?? {});
    return Object.fromEntries(entries.flatMap(([key, value]) => (value === null ? [] : [[key, value]])));
  },
  encode: (value) => JSON.stringify(value),
};

const strings = nullable(list(text));

/** A JSON list of texts. */
export const queryStrings: QueryCodec<readonly string[]> = {
  decode: (raw, name) => (raw === "" ? [] : (decodeJson(raw, strings, `query parameter ${name}`) ?? [])),
  encode: (value) => JSON.stringify(value),
};
