/** Small images as OCI layouts, for real tools to push. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { emptyFile, endOfArchive, headerOf, padding } from "../../src/archive/mod.ts";

export const sha256 = (bytes: Uint8Array): string =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** A tar with one file. */
export function tarWith(path: string, content: Uint8Array): Uint8Array {
  const header = headerOf({
    ...emptyFile,
    path,
    mode: 0o644,
    sizeBytes: content.length,
    modifiedAtNs: 1_600_000_000_000_000_000n,
  });
  return Buffer.concat([header, content, padding(content.length), endOfArchive]);
}

export interface MadeImage {
  readonly configBytes: Uint8Array;
  readonly manifestBytes: Uint8Array;
  /** Uncompressed, lowest first. */
  readonly layers: readonly Uint8Array[];
  /** All blobs by digest. */
  readonly blobs: ReadonlyMap<string, Uint8Array>;
}

export interface ImageOptions {
  readonly architecture?: string;
  readonly compress?: (tar: Uint8Array) => Uint8Array;
  readonly mediaType?: string;
}

export function makeImage(layers: readonly Uint8Array[], options: ImageOptions = {}): MadeImage {
  const compress = options.compress ?? ((tar) => gzipSync(tar));
  const blobs = new Map<string, Uint8Array>();
  const add = (bytes: Uint8Array, mediaType: string): object => {
    blobs.set(sha256(bytes), bytes);
    return { mediaType, digest: sha256(bytes), size: bytes.length };
  };
  const configBytes = Buffer.from(
    JSON.stringify({
      architecture: options.architecture ?? (process.arch === "arm64" ? "arm64" : "amd64"),
      os: "linux",
      config: { Env: ["A=1"], Cmd: ["sh"] },
      rootfs: { type: "layers", diff_ids: layers.map(sha256) },
    }),
  );
  const config = add(configBytes, "application/vnd.oci.image.config.v1+json");
  const manifestBytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config,
      layers: layers.map((tar) =>
        add(compress(tar), options.mediaType ?? "application/vnd.oci.image.layer.v1.tar+gzip"),
      ),
    }),
  );
  blobs.set(sha256(manifestBytes), manifestBytes);
  return { configBytes, manifestBytes, layers, blobs };
}

/** Writes the images as a layout whose index has them all. */
export function writeLayout(directory: string, images: readonly MadeImage[], tag: string): void {
  mkdirSync(join(directory, "blobs", "sha256"), { recursive: true });
  writeFileSync(join(directory, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  for (const [digest, bytes] of images.flatMap(({ blobs }) => [...blobs])) {
    writeFileSync(join(directory, "blobs", "sha256", digest.slice("sha256:".length)), bytes);
  }
  const manifests = images.map(({ manifestBytes }) => ({
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: sha256(manifestBytes),
    size: manifestBytes.length,
    annotations: { "org.opencontainers.image.ref.name": tag },
  }));
  writeFileSync(join(directory, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
}
