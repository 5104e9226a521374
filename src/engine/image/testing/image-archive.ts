/** Archives for tests, member by member. */
import { createHash } from "node:crypto";
import { endOfArchive, headerOf, padding, type TarEntry } from "../../../archive/mod.ts";

const encoder = new TextEncoder();

export type Content = string | Uint8Array | { readonly link: string };

function entryOf(path: string, content: Content): { readonly entry: TarEntry; readonly bytes: Uint8Array } {
  const isLink = typeof content === "object" && "link" in content;
  const bytes = isLink ? new Uint8Array(0) : typeof content === "string" ? encoder.encode(content) : content;
  return {
    bytes,
    entry: {
      type: isLink ? "symlink" : "file",
      path,
      mode: 0o644,
      uid: 0,
      gid: 0,
      sizeBytes: bytes.length,
      modifiedAtNs: 0n,
      linkTarget: isLink ? content.link : "",
      deviceMajor: 0,
      deviceMinor: 0,
      attributes: new Map(),
    },
  };
}

export function tarOf(members: Readonly<Record<string, Content>>): Uint8Array<ArrayBuffer> {
  const parts = Object.entries(members).flatMap(([path, content]) => {
    const { entry, bytes } = entryOf(path, content);
    return [headerOf(entry), bytes, padding(bytes.length)];
  });
  return new Uint8Array(Buffer.concat([...parts, endOfArchive]));
}

export function digestOf(content: string | Uint8Array): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

/** The configuration of an image with these layers. */
export function configOf(
  layers: readonly Uint8Array[],
  more: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify({
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: layers.map(digestOf) },
    ...more,
  });
}

/** As `docker save` wrote it before it wrote OCI layouts: manifest last. */
export function dockerArchive(
  layers: readonly Uint8Array[],
  tags: readonly string[] | null,
  config = configOf(layers),
): Record<string, Content> {
  const hex = digestOf(config).slice("sha256:".length);
  const paths = layers.map((layer) => `${digestOf(layer).slice("sha256:".length)}/layer.tar`);
  return {
    ...Object.fromEntries(layers.map((layer, index) => [paths[index] ?? "", layer])),
    [`${hex}.json`]: config,
    "manifest.json": JSON.stringify([{ Config: `${hex}.json`, RepoTags: tags, Layers: paths }]),
  };
}

export function blobOf(content: string | Uint8Array): Record<string, Content> {
  return { [`blobs/${digestOf(content).replace(":", "/")}`]: content };
}

/** An OCI layout; `blobs` are the layers as they are stored. */
export function ociLayout(
  layers: readonly Uint8Array[],
  blobs: readonly Uint8Array[] = layers,
  options: { readonly name?: string; readonly config?: string } = {},
): Record<string, Content> {
  const config = options.config ?? configOf(layers);
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: digestOf(config),
      size: config.length,
    },
    layers: blobs.map((blob) => ({
      mediaType: "application/vnd.oci.image.layer.v1.tar",
      digest: digestOf(blob),
      size: blob.length,
    })),
  });
  const annotations = options.name === undefined ? {} : { "org.opencontainers.image.ref.name": options.name };
  const entry = {
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: digestOf(manifest),
    size: manifest.length,
    annotations,
  };
  return {
    "oci-layout": JSON.stringify({ imageLayoutVersion: "1.0.0" }),
    "index.json": JSON.stringify({ schemaVersion: 2, manifests: [entry] }),
    ...Object.assign({}, ...blobs.map(blobOf)),
    ...blobOf(manifest),
    ...blobOf(config),
  };
}
