/**
 * Header fields that a route reads, as data, like query parameters: one codec per field serves the server, which decodes text,
 * and the typed client, which writes it. Every field may be absent.
 */
import type { QueryCodec } from "./query.ts";

/** Codecs by field name, in lower case. */
export type HeaderShape = Readonly<Record<string, QueryCodec<unknown>>>;

type ValueOf<C> = C extends { decode(raw: string, name: string): infer T } ? T : never;

/** What a handler receives and a client gives. */
export type HeadersOf<H extends HeaderShape> = { readonly [K in keyof H]?: ValueOf<H[K]> | undefined };

/** The media types that a client takes, best first, in lower case and without parameters but `q`, which orders them. */
export const headerAccept: QueryCodec<readonly string[]> = {
  decode(raw) {
    const types = raw.split(",").flatMap((item, index) => {
      const [type = "", ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
      const quality = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
      const weight = quality === undefined ? 1 : Number(quality);
      return type === "" || !(weight > 0) ? [] : [{ type, weight, index }];
    });
    return types.sort((a, b) => b.weight - a.weight || a.index - b.index).map(({ type }) => type);
  },
  encode: (types) => types.join(", "),
};

/** Decodes the fields of `shape` out of a request's head. */
export function decodeHeaders<H extends HeaderShape>(
  shape: H,
  fields: ReadonlyMap<string, string>,
): HeadersOf<H> {
  const found: Record<string, unknown> = {};
  for (const [name, codec] of Object.entries(shape)) {
    const raw = fields.get(name);
    if (raw !== undefined) found[name] = codec.decode(raw, name);
  }
  // Each property was made by the codec of that name, which is what HeadersOf<H> says.
  return found as HeadersOf<H>;
}

/** The fields of a request's or an answer's head, those that are set. */
export function encodeHeaders<H extends HeaderShape>(
  shape: H,
  values: HeadersOf<H>,
): readonly (readonly [name: string, value: string])[] {
  return Object.entries(shape).flatMap(([name, codec]) => {
    const value: unknown = values[name];
    if (value === undefined) return [];
    // HeadersOf<H> ties the value of `name` to the codec of `name`; the loop loses that tie.
    const encode = codec.encode as (value: unknown) => string;
    return [[name, encode(value)] as const];
  });
}
