/** What clients and registries have to do with each other, on the wire (Docker's API 1.50). */
import {
  type Decoded,
  decodeJson,
  flag,
  integer,
  list,
  nullable,
  object,
  optional,
  text,
} from "../decode.ts";
import type { QueryCodec } from "../query.ts";

/** What lets a user in, as clients send it. */
export const authConfig = object({
  username: optional(text),
  password: optional(text),
  email: optional(text),
  serveraddress: optional(text),
  identitytoken: optional(text),
  registrytoken: optional(text),
});
export interface AuthConfig extends Decoded<typeof authConfig> {}

/** `X-Registry-Auth`: JSON in base64, of either alphabet. What is none of that counts as nothing, as in Docker. */
export const headerAuth: QueryCodec<AuthConfig> = {
  decode(raw) {
    try {
      return decodeJson(Buffer.from(raw, "base64url").toString() || "{}", authConfig);
    } catch {
      return {};
    }
  },
  encode: (value) => Buffer.from(JSON.stringify(value)).toString("base64url"),
};

export const authResponse = object({ Status: text, IdentityToken: optional(text) });
export interface AuthResponse extends Decoded<typeof authResponse> {}

export const searchResult = object({
  name: text,
  description: text,
  star_count: integer,
  is_official: flag,
  is_automated: flag,
});
export interface SearchResult extends Decoded<typeof searchResult> {}

export const distributionInspect = object({
  Descriptor: object({ mediaType: text, digest: text, size: integer }),
  Platforms: nullable(
    list(
      object({
        architecture: text,
        os: text,
        "os.version": optional(text),
        variant: optional(text),
      }),
    ),
  ),
});
export interface DistributionInspect extends Decoded<typeof distributionInspect> {}
