/**
 * Manifests as registries have them, without an image of this host: shown, and joined to lists. A client keeps a list until it is
 * pushed; here it comes and goes.
 */
import {
  familiarName,
  normaliseReference,
  parseReference,
  type Reference,
} from "../../../docker/reference.ts";
import type {
  AuthConfig,
  ManifestListBody,
  ManifestListPushed,
  RegistryManifest,
  RegistryManifests,
} from "../../../docker/types/registry.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { decodeImageConfig, decodeImageDocument } from "../../../oci/decode/image-spec.ts";
import { indexTypes, limitImageDocumentBytes, manifestTypes, type OciPlatform } from "../../../oci/mod.ts";
import type { FetchedManifest, ManifestOptions, RegistryClient } from "../../registry/mod.ts";
import { credentialsFor } from "./registry-host.ts";

export interface ManifestsRequest {
  readonly name: string;
  /** The contents of the manifests of a list, too. */
  readonly contents: boolean;
  /** The registry may do without TLS, or without a certificate that is known. */
  readonly insecure: boolean;
  readonly auth: AuthConfig | undefined;
}

/** Each is a question to the registry. */
const limitMembers = 200;

/** Errors: `notFound`, `registry.*`. */
export async function registryManifests(
  registry: RegistryClient,
  { name, contents, insecure, auth }: ManifestsRequest,
  signal: AbortSignal,
): Promise<RegistryManifests> {
  const reference = parseReference(name);
  const options = { ...credentialsFor(reference.domain, auth), insecure, signal };
  const found = await registry.manifest(reference, options);
  const document = decodeImageDocument(found.bytes, found.mediaType);
  if (document.kind === "manifest") {
    const blob = await registry.smallBlob(reference, document.manifest.config, options);
    const platform = decodeImageConfig(blob);
    return { IsList: false, Manifests: [shown(normaliseReference(reference), found, platform, true)] };
  }
  const { manifests } = document.index;
  if (manifests.length > limitMembers) throw tooMany(name, manifests.length);
  const members: RegistryManifest[] = [];
  for (const { digest, mediaType, size, platform } of manifests) {
    const member = { ...withTag(reference), digest };
    const bytes = contents
      ? (await registry.manifest({ ...reference, digest }, options)).bytes
      : new Uint8Array();
    const manifest = { digest, mediaType, bytes };
    members.push({ ...shown(normaliseReference(member), manifest, platform, contents), Size: size });
  }
  return { IsList: true, Manifests: members };
}

function withTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined
    ? { ...reference, tag: "latest" }
    : reference;
}

function shown(
  reference: string,
  { digest, mediaType, bytes }: FetchedManifest,
  platform: OciPlatform | undefined,
  contents: boolean,
): RegistryManifest {
  return {
    Ref: reference,
    MediaType: mediaType,
    Digest: digest,
    Size: bytes.length,
    Platform: platform === undefined ? null : shownPlatform(platform),
    Content: contents ? Buffer.from(bytes).toString("base64") : "",
  };
}

function shownPlatform(platform: OciPlatform): RegistryManifest["Platform"] {
  const { architecture, os, variant } = platform;
  const features = platform["os.features"];
  return {
    architecture,
    os,
    ...(platform["os.version"] === undefined ? {} : { "os.version": platform["os.version"] }),
    ...(features === undefined ? {} : { "os.features": [...features] }),
    ...(variant === undefined || variant === "" ? {} : { variant }),
  };
}

export interface ManifestListRequest {
  readonly name: string;
  readonly list: ManifestListBody;
  readonly insecure: boolean;
  readonly auth: AuthConfig | undefined;
}

/**
 * Pushes a list. Manifests that are in other repositories of the registry come into the list's own first, their blobs are mounted.
 * Errors: `invalid` for what does not fit together, `registry.*`.
 */
export async function pushManifestList(
  registry: RegistryClient,
  { name, list, insecure, auth }: ManifestListRequest,
  signal: AbortSignal,
): Promise<ManifestListPushed> {
  const reference = parseReference(name);
  const options = { ...credentialsFor(reference.domain, auth), insecure, signal };
  const content = decoded(list.Content, `the list ${name}`);
  if (!indexTypes.includes(list.MediaType)) throw noList(name, list.MediaType);
  const document = decodeImageDocument(content, list.MediaType);
  if (document.kind !== "index") throw noList(name, document.mediaType);
  if (list.Manifests.length > limitMembers) throw tooMany(name, list.Manifests.length);
  const pushed: string[] = [];
  for (const member of list.Manifests) {
    const from = parseReference(member.Ref);
    if (from.domain !== reference.domain) {
      throw new TiffinError(
        "invalid",
        "image.other-registry",
        `cannot use source images from a different registry than the target image: ${from.domain} != ${reference.domain}`,
      );
    }
    if (from.path === reference.path) continue;
    pushed.push(await pushMember(registry, reference, from, member, options));
  }
  return { Digest: await registry.putManifest(reference, content, list.MediaType, options), Pushed: pushed };
}

async function pushMember(
  registry: RegistryClient,
  { domain, path }: Reference,
  from: Reference,
  { Ref, MediaType, Digest, Content }: ManifestListBody["Manifests"][number],
  options: ManifestOptions,
): Promise<string> {
  const target = { domain, path, digest: Digest };
  const content = decoded(Content, `manifest ${Ref}`);
  if (!manifestTypes.includes(MediaType)) {
    throw new TiffinError(
      "invalid",
      "image.bad-list",
      `manifest ${Ref} is of type ${MediaType}, of no image`,
    );
  }
  const document = decodeImageDocument(content, MediaType);
  if (document.kind !== "manifest") {
    throw new TiffinError("invalid", "image.bad-list", `${Ref} is a manifest list`);
  }
  const { config, layers } = document.manifest;
  for (const { digest, urls = [] } of [config, ...layers]) {
    // Layers that are elsewhere by what they are, as those of Windows were.
    if (urls.length > 0 || (await registry.mountBlob(target, digest, from, options))) continue;
    throw new TiffinError(
      "unavailable",
      "registry.not-mounted",
      `cannot push ${familiarName(target)}: ${domain} does not mount blob ${digest} of ${from.path} there`,
      { remedy: `push an image with this layer to ${domain}/${path} first` },
    );
  }
  return normaliseReference({
    domain,
    path,
    digest: await registry.putManifest(target, content, MediaType, options),
  });
}

function decoded(content: string, what: string): Uint8Array {
  const bytes = Buffer.from(content, "base64");
  if (bytes.length > 0 && bytes.length <= limitImageDocumentBytes) return bytes;
  throw new TiffinError(
    "invalid",
    "image.bad-list",
    `${what} has ${bytes.length} bytes, wanted 1 to ${limitImageDocumentBytes}`,
  );
}

function noList(name: string, mediaType: string): TiffinError {
  return new TiffinError(
    "invalid",
    "image.bad-list",
    `cannot push ${name}: ${mediaType} is the type of no list`,
  );
}

function tooMany(name: string, count: number): TiffinError {
  return new TiffinError(
    "invalid",
    "image.bad-list",
    `${name} lists ${count} manifests, at most ${limitMembers} are taken`,
  );
}
