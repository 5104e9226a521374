/**
 * From the files of an archive to the images in it: by Docker's `manifest.json` (in archives of every version of it, and in
 * podman's and skopeo's), or by the index of an OCI layout. All that the documents claim of each other is checked here, before
 * anything becomes an image. Pure, apart from asking which layers there are.
 */
import { decodeJson, list, nullable, object, text } from "../../../docker/decode.ts";
import { normaliseReference, parseReference } from "../../../docker/reference.ts";
import { messageOf, TiffinError } from "../../../lib/errors.ts";
import { decodeImageConfig, decodeImageDocument, decodeIndex } from "../../../oci/decode/image-spec.ts";
import {
  choosePlatform,
  formatPlatform,
  type OciDescriptor,
  type Platform,
  platformOf,
  runsOn,
} from "../../../oci/mod.ts";
import type { ImageManifest } from "../image.ts";
import { blobPath, type ImageFiles, malformed } from "./image-files.ts";

export interface ArchivedImage {
  readonly configuration: Uint8Array;
  /** Full references. */
  readonly references: readonly string[];
  readonly manifests: readonly ImageManifest[];
}

export interface ChoiceOptions {
  /** As the user gave it. */
  readonly platform: Platform | undefined;
  /** Of this machine. */
  readonly host: Platform;
  readonly hasLayer: (diffId: string) => boolean;
}

const archiveManifest = list(object({ Config: text, RepoTags: nullable(list(text)), Layers: list(text) }));
const limitDepth = 3;
const containerdName = "io.containerd.image.name";
const refName = "org.opencontainers.image.ref.name";

/** Errors: `archive.bad-image` and the decoders'; `notFound` when nothing is for the platform. */
export function archivedImages(files: ImageFiles, options: ChoiceOptions): ArchivedImage[] {
  if (files.find("manifest.json") !== undefined) return dockerImages(files, options);
  if (files.find("index.json") !== undefined) return layoutImages(files, options);
  if (files.find("repositories") !== undefined) {
    throw malformed(
      "it was saved by a docker older than 1.10, whose images have no configuration that could name them",
    );
  }
  throw malformed("it has neither a manifest.json nor an index.json, so it holds no image");
}

function dockerImages(files: ImageFiles, options: ChoiceOptions): ArchivedImage[] {
  const { bytes } = files.document("manifest.json");
  const rows = inArchive("manifest.json", () =>
    decodeJson(new TextDecoder().decode(bytes), archiveManifest, "manifest.json"),
  );
  const documents = manifestsOf(files);
  const images = rows.flatMap((row): ArchivedImage[] => {
    const config = files.document(row.Config);
    const hex = /(?:^|\/|sha256:)([0-9a-f]{64})(?:\.json)?$/.exec(row.Config)?.[1];
    if (hex !== undefined && `sha256:${hex}` !== config.digest) {
      throw malformed(`${row.Config} has the digest ${config.digest}`);
    }
    const layers = row.Layers.map((path) => layerAt(files, path));
    if (!checkImage(config, layers, options)) return [];
    const references = (row.RepoTags ?? []).map((tag) => normaliseReference(parseReference(tag)));
    const manifests = documents.filter((document) => document.config === config.digest);
    return [
      { configuration: config.bytes, references, manifests: manifests.map(({ manifest }) => manifest) },
    ];
  });
  if (rows.length > 0 && images.length === 0) throw noPlatform(options);
  return images;
}

interface LayerAt {
  readonly path: string;
  /** Undefined where the archive does not have it. */
  readonly diffId: string | undefined;
}

function layerAt(files: ImageFiles, path: string): LayerAt {
  const file = files.find(path);
  if (file !== undefined && file.kind !== "layer") throw malformed(`${JSON.stringify(path)} is no layer`);
  return { path, diffId: file?.diffId };
}

/** False when the image is for another platform than the one that is wanted. */
function checkImage(
  config: { readonly bytes: Uint8Array; readonly digest: string },
  layers: readonly LayerAt[],
  { platform, hasLayer }: ChoiceOptions,
): boolean {
  const decoded = inArchive(config.digest, () => decodeImageConfig(config.bytes));
  if (platform !== undefined && !runsOn(platformOf(decoded), platform)) return false;
  const wanted = decoded.rootfs.diff_ids;
  if (wanted.length !== layers.length) {
    throw malformed(
      `the configuration ${config.digest} has ${wanted.length} layers, its manifest ${layers.length}`,
    );
  }
  for (const [index, { path, diffId }] of layers.entries()) {
    const id = wanted[index] ?? "";
    if (diffId === undefined && !hasLayer(id.replace("sha256:", ""))) {
      throw malformed(
        `layer ${index + 1} of ${config.digest} is not in it: nothing at ${JSON.stringify(path)}`,
      );
    }
    if (diffId !== undefined && id !== `sha256:${diffId}`) {
      throw malformed(
        `layer ${index + 1} of ${config.digest} has the digest sha256:${diffId}, its configuration says ${id}`,
      );
    }
  }
  return true;
}

/** The image manifests of an OCI layout beside a `manifest.json`, by the configuration that each names. */
function manifestsOf(files: ImageFiles): { readonly config: string; readonly manifest: ImageManifest }[] {
  if (files.find("index.json")?.kind !== "document") return [];
  const found: { config: string; manifest: ImageManifest }[] = [];
  for (const entry of entriesOf(files, decodeIndex(files.document("index.json").bytes).manifests)) {
    const file = files.blob(entry.digest);
    if (file?.kind !== "document") continue;
    const document = decodeImageDocument(file.bytes, entry.mediaType);
    if (document.kind !== "manifest") continue;
    const { mediaType } = document;
    found.push({
      config: document.manifest.config.digest,
      manifest: { digest: entry.digest, mediaType, content: file.bytes },
    });
  }
  return found;
}

/** The entries of an index with those of the indexes in it. */
function entriesOf(files: ImageFiles, entries: readonly OciDescriptor[], depth = 0): OciDescriptor[] {
  return entries.flatMap((entry) => {
    const file = files.blob(entry.digest);
    if (file?.kind !== "document") return [];
    const document = decodeImageDocument(file.bytes, entry.mediaType);
    if (document.kind === "manifest") return [entry];
    return depth < limitDepth ? entriesOf(files, document.index.manifests, depth + 1) : [];
  });
}

function layoutImages(files: ImageFiles, options: ChoiceOptions): ArchivedImage[] {
  const { manifests } = inArchive("index.json", () => decodeIndex(files.document("index.json").bytes));
  const byId = new Map<string, ArchivedImage>();
  for (const entry of manifests) {
    const image = layoutImage(files, entry, options, []);
    if (image === undefined) continue;
    const before = byId.get(image.id);
    const references = [...new Set([...(before?.references ?? []), ...namesOf(entry)])];
    byId.set(image.id, { ...image, references });
  }
  if (byId.size === 0)
    throw manifests.length === 0 ? malformed("its index.json names no image") : noPlatform(options);
  return [...byId.values()];
}

function namesOf({ annotations }: OciDescriptor): string[] {
  const name = annotations?.[containerdName] ?? annotations?.[refName];
  // A tag alone says nothing about whose it is.
  if (name === undefined || !/[/:]/.test(name)) return [];
  return [normaliseReference(parseReference(name))];
}

function layoutImage(
  files: ImageFiles,
  entry: OciDescriptor,
  options: ChoiceOptions,
  above: readonly ImageManifest[],
): (ArchivedImage & { readonly id: string }) | undefined {
  const { bytes } = files.document(blobPath(entry.digest));
  const document = inArchive(entry.digest, () => decodeImageDocument(bytes, entry.mediaType));
  const manifests = [...above, { digest: entry.digest, mediaType: document.mediaType, content: bytes }];
  if (document.kind === "index") {
    if (above.length >= limitDepth)
      throw malformed(`its indexes are in each other more than ${limitDepth} deep`);
    const chosen = choosePlatform(document.index.manifests, options.platform ?? options.host);
    return layoutImage(files, chosen, options, manifests);
  }
  const { config, layers } = document.manifest;
  // Signatures and other artefacts lie beside images.
  if (document.manifest.artifactType !== undefined && !config.mediaType.includes("image")) return undefined;
  const configuration = files.document(blobPath(config.digest));
  const found = layers.map(({ digest }) => layerAt(files, blobPath(digest)));
  if (!checkImage(configuration, found, options)) return undefined;
  return { id: configuration.digest, configuration: configuration.bytes, references: [], manifests };
}

function noPlatform({ platform, host }: ChoiceOptions): TiffinError {
  return new TiffinError(
    "notFound",
    "archive.no-platform",
    `the archive holds no image for the platform ${formatPlatform(platform ?? host)}`,
  );
}

/** Says in which of the archive's documents something is wrong. */
function inArchive<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    if (!(thrown instanceof TiffinError)) throw thrown;
    throw new TiffinError(
      thrown.kind,
      "archive.bad-image",
      `cannot load the archive: ${what}: ${messageOf(thrown)}`,
      {
        cause: thrown,
      },
    );
  }
}
