/**
 * Manifests and lists of them as Docker's client keeps, shows and pushes them: field for field in its order, so that a list which
 * either of the two makes has the same digest. Pure.
 */
import { type Decoded, decodeJson, integer, object, optional, parseJson, text } from "../../docker/decode.ts";
import {
  type ManifestPlatform,
  manifestPlatform,
  type RegistryManifest,
} from "../../docker/types/registry.ts";
import { formatExactJson } from "../../lib/exact-json.ts";

const keptManifest = object({
  Ref: text,
  Descriptor: object({
    mediaType: text,
    digest: text,
    size: integer,
    platform: optional(manifestPlatform),
  }),
  /** base64 */
  Raw: optional(text),
});
/** One file of the client's store. What it says of the manifest's own fields is in `Raw`, too. */
export interface KeptManifest extends Decoded<typeof keptManifest> {}

const ociManifest = "application/vnd.oci.image.manifest.v1+json";
const ociIndex = "application/vnd.oci.image.index.v1+json";
const dockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
/** Docker indents lists by three blanks, and by tabs what it only shows. */
const listIndent = 3;

export function decodeKept(json: string, path: string): KeptManifest {
  return decodeJson(json, keptManifest, path);
}

export function keptOf({ Ref, MediaType, Digest, Size, Platform, Content }: RegistryManifest): KeptManifest {
  return {
    Ref,
    Descriptor: {
      mediaType: MediaType,
      digest: Digest,
      size: Size,
      ...(Platform === null ? {} : { platform: Platform }),
    },
    Raw: Content,
  };
}

function inOrder(platform: ManifestPlatform): ManifestPlatform {
  const { architecture, os, variant = "" } = platform;
  const version = platform["os.version"] ?? "";
  const features = platform["os.features"] ?? [];
  return {
    architecture,
    os,
    ...(version === "" ? {} : { "os.version": version }),
    ...(features.length === 0 ? {} : { "os.features": features }),
    ...(variant === "" ? {} : { variant }),
  };
}

function contentOf({ Ref, Raw = "" }: KeptManifest): unknown {
  return parseJson(Buffer.from(Raw, "base64").toString(), `the manifest of ${Ref}`);
}

/** With everything that is known of it, in Docker's form. */
export function fullDocument(kept: KeptManifest): unknown {
  const { mediaType, digest, size, platform } = kept.Descriptor;
  return {
    Ref: kept.Ref,
    Descriptor: {
      mediaType,
      digest,
      size,
      ...(platform === undefined ? {} : { platform: inOrder(platform) }),
    },
    Raw: kept.Raw,
    [mediaType === ociManifest ? "OCIManifest" : "SchemaV2Manifest"]: contentOf(kept),
  };
}

/** For people, by tabs. */
export function shownJson(value: unknown): string {
  return formatExactJson(value, 1).replace(/^ +/gm, (blanks) => "\t".repeat(blanks.length));
}

export function shownManifest(kept: KeptManifest): string {
  return shownJson(contentOf(kept));
}

export interface ManifestList {
  readonly mediaType: string;
  readonly content: string;
}

/** The list of these, as it is pushed and shown. */
export function manifestList(manifests: readonly KeptManifest[]): ManifestList {
  const mediaType = manifests[0]?.Descriptor.mediaType === ociManifest ? ociIndex : dockerList;
  const document = {
    schemaVersion: 2,
    mediaType,
    manifests: manifests.map(({ Descriptor }) => ({
      mediaType: Descriptor.mediaType,
      size: Descriptor.size,
      digest: Descriptor.digest,
      platform: inOrder(Descriptor.platform ?? { architecture: "", os: "" }),
    })),
  };
  return { mediaType, content: formatExactJson(document, listIndent) };
}
