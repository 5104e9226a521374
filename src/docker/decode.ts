/**
 * The decoders of Docker's documents (`lib/decoders.ts`), requests and answers. A list or map that is null is an empty one, as Go
 * writes nil.
 */
import { type Decoder, decoderKit } from "../lib/decoders.ts";
import { TiffinError } from "../lib/errors.ts";
import { parseExactJson } from "../lib/exact-json.ts";

export {
  anything,
  type Decoded,
  type Decoder,
  type ObjectOf,
  type Optional,
  optional,
  type Shape,
  type Structure,
  structureOf,
} from "../lib/decoders.ts";

/** What Docker answers: every optional field may also be null. */
export type WithNulls<T> = { readonly [K in keyof T]: undefined extends T[K] ? T[K] | null : T[K] };

export const {
  wrong: wrongType,
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
} = decoderKit({
  code: "api.body-invalid",
  whole: "request body",
  shownLength: 40,
  limitElements: 65_536,
  allowsNul: true,
  nullIsEmpty: true,
});

/** Text or a list of text, always returned as a list (Docker's strslice: `"sh"` is `["sh"]`). */
export const textOrList: Decoder<readonly string[]> = (value, path) =>
  typeof value === "string" ? [value] : list(text)(value, path);

/** Go's `struct{}` as a map value, e.g. in `ExposedPorts`. */
export const emptyObject: Decoder<Readonly<Record<string, never>>> = (value, path) => {
  if (value === null || (typeof value === "object" && !Array.isArray(value))) return {};
  throw wrongType(path, value, "an object");
};

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
