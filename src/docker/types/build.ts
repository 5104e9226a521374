/** What is left of builds (Docker's API 1.50). */
import { type Decoded, decodeJson, integer, list, mapOf, nullable, object, text } from "../decode.ts";
import type { QueryCodec } from "../query.ts";
import { type Ulimit, ulimit } from "./host-config.ts";
import { type AuthConfig, authConfig } from "./registry.ts";

export const buildPruneReport = object({ CachesDeleted: nullable(list(text)), SpaceReclaimed: integer });
export interface BuildPruneReport extends Decoded<typeof buildPruneReport> {}

const ulimits = nullable(list(ulimit));

export type { Ulimit };

/** A JSON list of limits. */
export const queryUlimits: QueryCodec<readonly Ulimit[]> = {
  decode: (raw, name) => (raw === "" ? [] : (decodeJson(raw, ulimits, `query parameter ${name}`) ?? [])),
  encode: (value) => JSON.stringify(value),
};

const registries = nullable(mapOf(authConfig));

/** `X-Registry-Config`: what lets a user in, by registry; JSON in base64. What is none of that counts as nothing, as in Docker. */
export const headerRegistries: QueryCodec<Readonly<Record<string, AuthConfig>>> = {
  decode(raw) {
    try {
      return decodeJson(Buffer.from(raw, "base64url").toString() || "{}", registries) ?? {};
    } catch {
      return {};
    }
  },
  encode: (value) => Buffer.from(JSON.stringify(value)).toString("base64url"),
};
