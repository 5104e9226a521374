/** The built-in image `base`: made from the host's busybox, without a network, equal wherever busybox is equal. */
import { createHash } from "node:crypto";
import type { LayerStore } from "../layer/mod.ts";
import { archiveOf } from "./base-archive.ts";
import { baseTree, type TreeEntry } from "./base-tree.ts";
import { readBusybox } from "./busybox.ts";
import type { ImageConfig } from "./image.ts";

export const baseName = "docker.io/library/base:latest";
export const defaultBusybox = "/bin/busybox";

const config: ImageConfig = {
  Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
  Cmd: ["sh"],
};

const encoder = new TextEncoder();

/**
 * Makes the layer if the store lacks it, and returns the configuration document whose digest is the image's id. Blocks for some
 * tens of milliseconds, once in the life of a root directory. `keep` hears of the layer before it is there. Throws `unavailable`
 * when there is no usable busybox.
 */
export function makeBaseImage(
  layers: LayerStore,
  busyboxPath: string,
  keep: (layer: string) => void,
): Uint8Array {
  const busybox = readBusybox(busyboxPath);
  const entries = baseTree(busybox.content, busybox.applets);
  const layer = digestOf(entries, busybox.mtimeSeconds);
  keep(layer);
  if (!layers.hasLayer(layer)) {
    using ingest = layers.ingest();
    for (const chunk of archiveOf(entries, busybox.mtimeSeconds)) ingest.push(chunk);
    ingest.finish();
  }
  return encoder.encode(configurationOf(layer, busybox.mtimeSeconds));
}

function digestOf(entries: readonly TreeEntry[], mtimeSeconds: number): string {
  const hash = createHash("sha256");
  for (const chunk of archiveOf(entries, mtimeSeconds)) hash.update(chunk);
  return hash.digest("hex");
}

/** An OCI image configuration; key order and spacing are part of the digest. */
function configurationOf(layer: string, mtimeSeconds: number): string {
  const created = new Date(mtimeSeconds * 1000).toISOString();
  return JSON.stringify({
    created,
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    config,
    rootfs: { type: "layers", diff_ids: [`sha256:${layer}`] },
    history: [{ created, created_by: "tiffin: base from busybox" }],
  });
}
