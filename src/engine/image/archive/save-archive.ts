/**
 * `GET /images/get`: images as one tar that is an archive of Docker's and an OCI layout at the same time. Every layer and document is in
 * it once, under its digest, whichever images need it; equal images give equal bytes.
 */
import { createHash } from "node:crypto";
import { endOfArchive, headerOf, padding, type TarEntryType } from "../../../archive/mod.ts";
import { familiarName, parseReference } from "../../../docker/reference.ts";
import { mediaTypes, type OciDescriptor } from "../../../oci/mod.ts";
import type { LayerStore, LayerTar } from "../../layer/mod.ts";
import type { Image, ImageStore } from "../image.ts";

export interface SavedImage {
  readonly image: Image;
  /** Full references by tag. */
  readonly references: readonly string[];
}

export interface SaveContext {
  readonly images: ImageStore;
  readonly layers: LayerStore;
}

const encoder = new TextEncoder();
const nameAnnotation = "io.containerd.image.name";
const refAnnotation = "org.opencontainers.image.ref.name";

/**
 * `asIndex`: the images are one for several platforms; then only the layout is there, for Docker's archive knows no such thing.
 * Holds the images' layers until it has been read or left. Errors: `layer.other-tar` within the stream.
 */
export async function* saveArchive(
  context: SaveContext,
  saved: readonly SavedImage[],
  { asIndex = false }: { readonly asIndex?: boolean } = {},
): AsyncGenerator<Uint8Array> {
  const { images, layers } = context;
  using hold = images.hold();
  for (const { image } of saved) for (const layer of image.chain) hold.keep(layer);
  const blobs = new Map<string, LayerTar | Uint8Array>();
  const sizes = new Map<string, number>();
  for (const layer of new Set(saved.flatMap(({ image }) => image.chain))) {
    const tar = layers.openTar(layer);
    blobs.set(layer, tar);
    sizes.set(layer, await tar.bytes());
  }
  const documents = saved.map((one) => documentsOf(images, one, sizes));
  for (const { config, manifest } of documents) {
    blobs.set(hexOf(config), config);
    blobs.set(hexOf(manifest), manifest);
  }
  const index = asIndex ? indexOf(saved, documents) : undefined;
  if (index !== undefined) blobs.set(hexOf(index.bytes), index.bytes);
  yield* directory("blobs");
  yield* directory("blobs/sha256");
  for (const [hex, blob] of [...blobs].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const path = `blobs/sha256/${hex}`;
    if (blob instanceof Uint8Array) yield* file(path, blob);
    else yield* streamed(path, sizes.get(hex) ?? 0, blob.read());
  }
  yield* file(
    "index.json",
    json({
      schemaVersion: 2,
      mediaType: mediaTypes.index,
      manifests: index?.entries ?? documents.flatMap(({ entries }) => entries),
    }),
  );
  if (index === undefined) yield* file("manifest.json", json(documents.map(({ row }) => row)));
  yield* file("oci-layout", json({ imageLayoutVersion: "1.0.0" }));
  const repositories = index === undefined ? repositoriesOf(saved) : {};
  if (Object.keys(repositories).length > 0) yield* file("repositories", json(repositories));
  yield endOfArchive;
}

function documentsOf(
  images: ImageStore,
  { image, references }: SavedImage,
  sizes: ReadonlyMap<string, number>,
) {
  const config = new Uint8Array(images.configuration(image.id));
  const layers = image.chain.map((layer) => ({
    mediaType: mediaTypes.layer,
    digest: `sha256:${layer}`,
    size: sizes.get(layer) ?? 0,
  }));
  const manifest = json({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest: image.id, size: config.length },
    layers,
  });
  const descriptor = {
    mediaType: mediaTypes.manifest,
    digest: `sha256:${hexOf(manifest)}`,
    size: manifest.length,
  };
  const row = {
    Config: `blobs/sha256/${image.id.slice("sha256:".length)}`,
    RepoTags: references.length === 0 ? null : references.map((one) => familiarName(parseReference(one))),
    Layers: image.chain.map((layer) => `blobs/sha256/${layer}`),
    LayerSources: Object.fromEntries(layers.map((layer) => [layer.digest, layer])),
  };
  return { config, manifest, row, descriptor, entries: entriesOf(descriptor, references) };
}

/** One for each name. */
function entriesOf(descriptor: OciDescriptor, references: readonly string[]): OciDescriptor[] {
  if (references.length === 0) return [descriptor];
  return references.map((reference) => ({
    ...descriptor,
    annotations: { [nameAnnotation]: reference, [refAnnotation]: parseReference(reference).tag ?? "" },
  }));
}

/** One image for several platforms: a list that has them all, by the names of the first. */
function indexOf(
  saved: readonly SavedImage[],
  documents: readonly { readonly descriptor: OciDescriptor }[],
): { readonly bytes: Uint8Array; readonly entries: readonly OciDescriptor[] } {
  const manifests = documents.map(({ descriptor }, index): OciDescriptor => {
    const image = saved[index]?.image;
    if (image === undefined) return descriptor;
    const { os, architecture, variant } = image;
    return { ...descriptor, platform: { os, architecture, ...(variant !== "" && { variant }) } };
  });
  const bytes = json({ schemaVersion: 2, mediaType: mediaTypes.index, manifests });
  const descriptor = {
    mediaType: mediaTypes.index,
    digest: `sha256:${hexOf(bytes)}`,
    size: bytes.length,
  };
  return { bytes, entries: entriesOf(descriptor, saved[0]?.references ?? []) };
}

/** What docker before 1.10 read: repository -> tag -> topmost layer. */
function repositoriesOf(saved: readonly SavedImage[]): Record<string, Record<string, string>> {
  const found = new Map<string, Map<string, string>>();
  for (const { image, references } of saved) {
    const top = image.chain.at(-1);
    if (top === undefined) continue;
    for (const reference of references) {
      const name = familiarName(parseReference(reference));
      const colon = name.lastIndexOf(":");
      const repository = name.slice(0, colon);
      const tags = found.get(repository) ?? new Map<string, string>();
      found.set(repository, tags.set(name.slice(colon + 1), top));
    }
  }
  return Object.fromEntries([...found].map(([repository, tags]) => [repository, Object.fromEntries(tags)]));
}

function json(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

function hexOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function header(type: TarEntryType, path: string, mode: number, sizeBytes: number): Uint8Array {
  return headerOf({
    type,
    path,
    mode,
    uid: 0,
    gid: 0,
    sizeBytes,
    modifiedAtNs: 0n,
    linkTarget: "",
    deviceMajor: 0,
    deviceMinor: 0,
    attributes: new Map(),
  });
}

function* directory(path: string): Generator<Uint8Array> {
  yield header("directory", path, 0o755, 0);
}

function* file(path: string, content: Uint8Array): Generator<Uint8Array> {
  yield header("file", path, 0o644, content.length);
  yield content;
  yield padding(content.length);
}

async function* streamed(
  path: string,
  bytes: number,
  content: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield header("file", path, 0o644, bytes);
  yield* content;
  yield padding(bytes);
}
