/** What `HEAD` and `GET` of a container's archive say of a path, as base64 of JSON in a header field. */
import { type Decoded, integer, integerWithin, object, parseJson, text } from "../decode.ts";
import type { QueryCodec } from "../query.ts";

export const pathStatus = object({
  name: text,
  size: integer,
  /** Go's io/fs.FileMode. */
  mode: integerWithin(0, 2 ** 32 - 1),
  mtime: text,
  linkTarget: text,
});
export type PathStatus = Decoded<typeof pathStatus>;

export const headerPathStatus: QueryCodec<PathStatus> = {
  decode: (raw, name) => pathStatus(parseJson(Buffer.from(raw, "base64").toString(), name), name),
  encode: (value) => Buffer.from(JSON.stringify(value)).toString("base64"),
};
