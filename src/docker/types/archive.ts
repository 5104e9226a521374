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

/** Docker's numbers. */
export const changeKinds = { modified: 0, added: 1, deleted: 2 } as const;

/** Something that a container has changed over its image. */
export const containerChange = object({
  Path: text,
  Kind: integerWithin(0, 2),
});
export type ContainerChange = Decoded<typeof containerChange>;

export const headerPathStatus: QueryCodec<PathStatus> = {
  decode: (raw, name) => pathStatus(parseJson(Buffer.from(raw, "base64").toString(), name), name),
  encode: (value) => Buffer.from(JSON.stringify(value)).toString("base64"),
};
