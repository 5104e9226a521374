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
  type OciImageConfig,
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

/**
 * The documents of an archive, each understood once: those that name others can name one as often as they like, and so on
 * down, so that a small archive would have work for hours.
 */
class Documents {
  readonly files: ImageFiles;
  readonly #configs = new Map<string, OciImageConfig>();
  readonly #documents = new Map<string, ReturnType<typeof decodeImageDocument>>();
  readonly #chosen = new Map<string, OciDescriptor>();

  constructor(files: ImageFiles) {
    this.files = files;
  }

  config(bytes: Uint8Array, digest: string): OciImageConfig {
    return once(this.#configs, digest, () => inArchive(digest, () => decodeImageConfig(bytes)));
  }

  document(bytes: Uint8Array, { digest, mediaType }: OciDescriptor): ReturnType<typeof decodeImageDocument> {
    return once(this.#documents, `${digest} ${mediaType}`, () => decodeImageDocument(bytes, mediaType));
  }

  chosen(digest: string, entries: readonly OciDescriptor[], platform: Platform): OciDescriptor {
    return once(this.#chosen, digest, () => choosePlatform(entries, platform));
  }
}

function once<T>(known: Map<string, T>, key: string, work: () => T): T {
  const before = known.get(key);
  if (before !== undefined) return before;
  const value = work();
  known.set(key, value);
  return value;
}

/** Errors: `archive.bad-image` and the decoders'; `notFound` when nothing is for the platform. */
export function archivedImages(files: ImageFiles, options: ChoiceOptions): ArchivedImage[] {
  const documents = new Documents(files);
  if (files.find("manifest.json") !== undefined) return dockerImages(documents, options);
  if (files.find("index.json") !== undefined) return layoutImages(documents, options);
  if (files.find("repositories") !== undefined) {
    throw malformed(
      "it was saved by a docker older than 1.10, whose images have no configuration that could name them",
    );
  }
  throw malformed("it has neither a manifest.json nor an index.json, so it holds no image");
}

function dockerImages(known: Documents, options: ChoiceOptions): ArchivedImage[] {
  const { files } = known;
  const { bytes } = files.document("manifest.json");
  const rows = inArchive("manifest.json", () =>
    decodeJson(new TextDecoder().decode(bytes), archiveManifest, "manifest.json"),
  );
  const manifests = manifestsOf(known);
  const images = new Map<string, { readonly configuration: Uint8Array; readonly references: Set<string> }>();
  for (const row of rows) {
    const config = files.document(row.Config);
    const hex = /(?:^|\/|sha256:)([0-9a-f]{64})(?:\.json)?$/.exec(row.Config)?.[1];
    if (hex !== undefined && `sha256:${hex}` !== config.digest) {
      throw malformed(`${row.Config} has the digest ${config.digest}`);
    }
    const layers = row.Layers.map((path) => layerAt(files, path));
    if (!checkImage(known, config, layers, options)) continue;
    const { references } = once(images, config.digest, () => ({
      configuration: config.bytes,
      references: new Set<string>(),
    }));
    for (const tag of row.RepoTags ?? []) references.add(normaliseReference(parseReference(tag)));
  }
  if (rows.length > 0 && images.size === 0) throw noPlatform(options);
  return Array.from(images, ([digest, { configuration, references }]) => ({
    configuration,
    references: [...references],
    manifests: manifests.get(digest) ?? [],
  }));
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
  known: Documents,
  config: { readonly bytes: Uint8Array; readonly digest: string },
  layers: readonly LayerAt[],
  { platform, hasLayer }: ChoiceOptions,
): boolean {
  const decoded = known.config(config.bytes, config.digest);
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
function manifestsOf(known: Documents): Map<string, ImageManifest[]> {
  const { files } = known;
  const found = new Map<string, ImageManifest[]>();
  if (files.find("index.json")?.kind !== "document") return found;
  const seen = new Set<string>();
  const visit = (entries: readonly OciDescriptor[], depth: number): void => {
    for (const entry of entries) {
      const file = seen.has(entry.digest) ? undefined : files.blob(entry.digest);
      if (file?.kind !== "document") continue;
      seen.add(entry.digest);
      const document = known.document(file.bytes, entry);
      if (document.kind === "manifest") {
        const { mediaType, manifest } = document;
        once(found, manifest.config.digest, () => []).push({
          digest: entry.digest,
          mediaType,
          content: file.bytes,
        });
      } else if (depth < limitDepth) visit(document.index.manifests, depth + 1);
    }
  };
  visit(decodeIndex(files.document("index.json").bytes).manifests, 0);
  return found;
}

function layoutImages(known: Documents, options: ChoiceOptions): ArchivedImage[] {
  const { files } = known;
  const { manifests } = inArchive("index.json", () => decodeIndex(files.document("index.json").bytes));
  const byId = new Map<string, { readonly image: ArchivedImage; readonly references: Set<string> }>();
  for (const entry of manifests) {
    const image = layoutImage(known, entry, options, []);
    if (image === undefined) continue;
    const { references } = byId.get(image.id) ?? { references: new Set<string>() };
    for (const name of namesOf(entry)) references.add(name);
    byId.set(image.id, { image, references });
  }
  if (byId.size === 0)
    throw manifests.length === 0 ? malformed("its index.json names no image") : noPlatform(options);
  return Array.from(byId.values(), ({ image, references }) => ({ ...image, references: [...references] }));
}

function namesOf({ annotations }: OciDescriptor): string[] {
  const name = annotations?.[containerdName] ?? annotations?.[refName];
  // A tag alone says nothing about whose it is.
  if (name === undefined || !/[/:]/.test(name)) return [];
  return [normaliseReference(parseReference(name))];
}

function layoutImage(
  known: Documents,
  entry: OciDescriptor,
  options: ChoiceOptions,
  above: readonly ImageManifest[],
): (ArchivedImage & { readonly id: string }) | undefined {
  const { files } = known;
  const { bytes } = files.document(blobPath(entry.digest));
  const document = inArchive(entry.digest, () => known.document(bytes, entry));
  const manifests = [...above, { digest: entry.digest, mediaType: document.mediaType, content: bytes }];
  if (document.kind === "index") {
    if (above.length >= limitDepth)
      throw malformed(`its indexes are in each other more than ${limitDepth} deep`);
    const platform = options.platform ?? options.host;
    return layoutImage(
      known,
      known.chosen(entry.digest, document.index.manifests, platform),
      options,
      manifests,
    );
  }
  const { config, layers } = document.manifest;
  // Signatures and other artefacts lie beside images.
  if (document.manifest.artifactType !== undefined && !config.mediaType.includes("image")) return undefined;
  const configuration = files.document(blobPath(config.digest));
  const found = layers.map(({ digest }) => layerAt(files, blobPath(digest)));
  if (!checkImage(known, configuration, found, options)) return undefined;
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
