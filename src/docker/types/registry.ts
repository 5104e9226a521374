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

export const manifestPlatform = object({
  architecture: text,
  os: text,
  "os.version": optional(text),
  "os.features": optional(list(text)),
  variant: optional(text),
});
export interface ManifestPlatform extends Decoded<typeof manifestPlatform> {}

/** A manifest as a registry has it, and what it is an image for. */
export const registryManifest = object({
  /** Full: `localhost:5000/box:1`. */
  Ref: text,
  MediaType: text,
  Digest: text,
  Size: integer,
  Platform: nullable(manifestPlatform),
  /** base64 of its bytes; empty where nobody has asked for them. */
  Content: text,
});
export interface RegistryManifest extends Decoded<typeof registryManifest> {}

/** `GET /tiffin/registry/manifests/{name}`: the one manifest, or those of a list. */
export const registryManifests = object({ IsList: flag, Manifests: list(registryManifest) });
export interface RegistryManifests extends Decoded<typeof registryManifests> {}

/** `PUT /tiffin/registry/manifests/{name}`: a list with the manifests that it names. */
export const manifestListBody = object({
  MediaType: text,
  /** base64 of the list. */
  Content: text,
  Manifests: list(object({ Ref: text, MediaType: text, Digest: text, Content: text })),
});
export interface ManifestListBody extends Decoded<typeof manifestListBody> {}

export const manifestListPushed = object({
  Digest: text,
  /** The manifests that were not in the repository yet: `localhost:5000/list@sha256:...`. */
  Pushed: list(text),
});
export interface ManifestListPushed extends Decoded<typeof manifestListPushed> {}
