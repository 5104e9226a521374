/** What is left of builds (Docker's API 1.50). */
import {
  type Decoded,
  decodeJson,
  flag,
  integer,
  list,
  mapOf,
  nullable,
  object,
  optional,
  text,
} from "../decode.ts";
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

const cachePlace = object({
  Type: text,
  Reference: text,
  Max: optional(flag),
  Mounts: optional(flag),
  IgnoreError: optional(flag),
});

/**
 * An addition: what Docker's classic route has no words for. A header, because secrets belong neither into an address nor into the
 * context.
 */
export const buildExtras = object({
  /** By id, in base64. */
  Secrets: optional(mapOf(text)),
  /** Sockets of ssh agents on the engine's host, by id. */
  Agents: optional(mapOf(text)),
  /** Further contexts by name: an image (`docker-image://...`) or an address. */
  Contexts: optional(mapOf(text)),
  Allow: optional(list(text)),
  NoCacheStages: optional(list(text)),
  Platforms: optional(list(text)),
  /** `image`, `registry`, `local`, `tar`, `oci`, `docker`, `cacheonly`, with BuildKit's options; archives come as `aux` messages. */
  Outputs: optional(list(object({ Type: text, Attributes: optional(mapOf(text)) }))),
  CacheFrom: optional(list(cachePlace)),
  CacheTo: optional(list(cachePlace)),
  /** Why steps are done again is told. */
  Why: optional(flag),
  /** What the outputs came to is told. */
  Metadata: optional(flag),
  /** A failed step's files stay as an image of this name. */
  KeepFailed: optional(text),
});
export interface BuildExtras extends Decoded<typeof buildExtras> {}

export const headerBuildExtras: QueryCodec<BuildExtras> = {
  decode: (raw, name) =>
    decodeJson(Buffer.from(raw, "base64url").toString() || "{}", buildExtras, `header ${name}`),
  encode: (value) => Buffer.from(JSON.stringify(value)).toString("base64url"),
};

/** A directory that a client names instead of sending it: what it sees there, so that nobody takes another one for it. */
const namedDirectory = object({
  Path: text,
  Device: text,
  Inode: text,
});
const namedDirectories = object({
  /** Of the machine's start, so that a path that comes from another machine by a tunnel is told apart. */
  Boot: text,
  /** By the context's name; the empty one is the main context. */
  Directories: mapOf(namedDirectory),
});
export interface NamedDirectories extends Decoded<typeof namedDirectories> {}
export type NamedDirectory = Decoded<typeof namedDirectory>;

export const headerDirectories: QueryCodec<NamedDirectories> = {
  decode: (raw, name) =>
    decodeJson(Buffer.from(raw, "base64url").toString() || "{}", namedDirectories, `header ${name}`),
  encode: (value) => Buffer.from(JSON.stringify(value)).toString("base64url"),
};

/** A piece of an output's archive, among the messages of a build. */
export const outputPiece = object({ TiffinOutput: integer, Data: text });
