/**
 * The decoders of OCI documents (`lib/decoders.ts`). Text never contains NUL characters and integers are within what the
 * kernel takes.
 */
import { type Decoder, decoderKit, type Optional, type Shape } from "../../lib/decoders.ts";

export { type Decoder, optional } from "../../lib/decoders.ts";

const kit = decoderKit({
  code: "oci.invalid-document",
  whole: "the document",
  shownLength: 60,
  limitElements: 100_000,
  allowsNul: false,
  nullIsEmpty: false,
});

export const { wrong, text, flag, list, mapOf, integerWithin: integer } = kit;

/** One row per field of `T`, no more and no fewer; optional exactly where `T` says so. */
type Fields<T> = {
  readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K>
    ? Optional<Exclude<T[K], undefined>>
    : Decoder<T[K]>;
};

/** An object whose fields are `fields`, for types that are written down already. */
export function object<T>(fields: Fields<T>): Decoder<T> {
  // A decode border: `Fields<T>` has a row for every field of `T`, each decoded to its own type.
  return kit.object(fields as Shape) as Decoder<unknown> as Decoder<T>;
}

export function required<T>(decode: Decoder<T>): Decoder<T> {
  return decode;
}

/** Text that begins with a slash. */
export const absolutePath: Decoder<string> = (value, path) => {
  const found = text(value, path);
  if (!found.startsWith("/")) throw wrong(path, value, "an absolute path");
  return found;
};

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
