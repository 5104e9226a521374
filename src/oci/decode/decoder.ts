/**
 * The border where JSON becomes OCI types. As in Go, where these documents come from, `null` means absent and
 * unknown fields are ignored; a wrong type is an `invalid` error that names the field, what was found and what was
 * wanted. Text never contains NUL characters and integers are within what the kernel takes.
 */
import { TiffinError } from "../../lib/errors.ts";

/** Turns a value into `T`, or throws TiffinError invalid `oci.invalid-document`. `path` names the value. */
export type Decoder<T> = (value: unknown, path: string) => T;

interface Required<T> {
  readonly needed: true;
  readonly decode: Decoder<T>;
}
interface Optional<T> {
  readonly needed: false;
  readonly decode: Decoder<T>;
}

/** One row per field of `T`, no more and no fewer; optional exactly where `T` says so. */
type Fields<T> = {
  readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K>
    ? Optional<Exclude<T[K], undefined>>
    : Required<T[K]>;
};

const shownLength = 60;
/** How many elements a list or map may have; documents are bounded in bytes before they come here. */
const limitElements = 100_000;

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  const text = typeof value === "bigint" ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > shownLength ? `${text.slice(0, shownLength)}...` : text;
}

export function wrong(path: string, value: unknown, wanted: string): TiffinError {
  const where = path === "" ? "the document" : path;
  return new TiffinError(
    "invalid",
    "oci.invalid-document",
    `invalid ${where}: found ${describe(value)}, wanted ${wanted}`,
  );
}

export function required<T>(decode: Decoder<T>): Required<T> {
  return { needed: true, decode };
}

export function optional<T>(decode: Decoder<T>): Optional<T> {
  return { needed: false, decode };
}

export const text: Decoder<string> = (value, path) => {
  if (typeof value !== "string") throw wrong(path, value, "text");
  if (value.includes("\0")) throw wrong(path, value, "text without NUL characters");
  return value;
};

/** Text that begins with a slash. */
export const absolutePath: Decoder<string> = (value, path) => {
  const found = text(value, path);
  if (!found.startsWith("/")) throw wrong(path, value, "an absolute path");
  return found;
};

export const flag: Decoder<boolean> = (value, path) => {
  if (typeof value === "boolean") return value;
  throw wrong(path, value, "true or false");
};

export function integer(least: number, most: number): Decoder<number> {
  return (value, path) => {
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    throw wrong(path, value, `a whole number from ${least} to ${most}`);
  };
}

const highest32 = 0xffff_ffff;
export const uint32 = integer(0, highest32);
export const int32 = integer(-0x8000_0000, 0x7fff_ffff);
/** A user or group id; the last value means "no id" to the kernel. */
export const id = integer(0, highest32 - 1);

/** A 64-bit number; beyond 2^53 it becomes the nearest double, which is close enough for limits. */
function wide(least: bigint, most: bigint): Decoder<number> {
  return (value, path) => {
    const whole = typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value));
    if (whole && BigInt(value) >= least && BigInt(value) <= most) return Number(value);
    throw wrong(path, value, `a whole number from ${least} to ${most}`);
  };
}
export const int64 = wide(-(2n ** 63n), 2n ** 63n - 1n);
export const uint64 = wide(0n, 2n ** 64n - 1n);

/** A 64-bit number kept exactly: a bigint beyond 2^53. */
export const exactUint64: Decoder<number | bigint> = (value, path) => {
  uint64(value, path);
  return typeof value === "bigint" ? value : Number(value);
};

export function oneOf<const W extends string>(words: readonly W[]): Decoder<W> {
  return (value, path) => {
    const word = words.find((each) => each === value);
    if (word === undefined) throw wrong(path, value, `one of ${words.join(", ")}`);
    return word;
  };
}

export function list<T>(element: Decoder<T>): Decoder<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw wrong(path, value, "a list");
    if (value.length > limitElements) throw wrong(path, value.length, `at most ${limitElements} elements`);
    return value.map((item: unknown, index) => element(item, `${path}[${index}]`));
  };
}

/** An object with free keys. Keys are text without NUL too. */
export function mapOf<T>(element: Decoder<T>): Decoder<Readonly<Record<string, T>>> {
  return (value, path) => {
    const entries = Object.entries(record(value, path));
    if (entries.length > limitElements) throw wrong(path, entries.length, `at most ${limitElements} entries`);
    // fromEntries defines own properties, so a key such as __proto__ stays data.
    return Object.fromEntries(
      entries
        .filter(([, item]) => item !== null)
        .map(([key, item]) => [
          text(key, `key of ${path}`),
          element(item, `${path}[${JSON.stringify(key)}]`),
        ]),
    );
  };
}

/** An object whose fields are `fields`. */
export function object<T>(fields: Fields<T>): Decoder<T> {
  const rows = Object.entries<Required<unknown> | Optional<unknown>>(fields);
  return (value, path) => {
    const source = record(value, path);
    const result: Record<string, unknown> = {};
    for (const [name, { needed, decode }] of rows) {
      const found = Object.hasOwn(source, name) ? source[name] : undefined;
      const where = path === "" ? name : `${path}.${name}`;
      if (found !== undefined && found !== null) result[name] = decode(found, where);
      else if (needed) throw wrong(where, found, "a value");
    }
    // A decode border: the loop set every field of `T` that is required, each decoded to its own type.
    return result as T;
  };
}

function record(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw wrong(path, value, "an object");
  // A decode border: any object has text keys and unknown values.
  return value as Readonly<Record<string, unknown>>;
}
