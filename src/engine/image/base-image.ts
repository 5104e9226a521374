/** The built-in image `base`: made from the host's busybox, without a network, equal wherever busybox is equal. */
import { createHash } from "node:crypto";
import { chmodSync, lutimesSync, mkdirSync, symlinkSync } from "node:fs";
import { writeDurable } from "../layer/durable.ts";
import type { LayerStore } from "../layer/mod.ts";
import { baseTree, type TreeEntry } from "./base-tree.ts";
import { readBusybox } from "./busybox.ts";
import type { ImageConfig } from "./image.ts";
import { tarOf } from "./tree-tar.ts";

export const baseName = "docker.io/library/base:latest";
export const defaultBusybox = "/bin/busybox";

const config: ImageConfig = {
  Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
  Cmd: ["sh"],
};

export interface MadeImage {
  readonly id: string;
  /** The configuration document whose digest is the id. */
  readonly configuration: string;
  readonly size: number;
}

/**
 * Makes the layer if the store lacks it, and the configuration. Blocks for some tens of milliseconds, once in the
 * life of a root directory. Throws `unavailable` when there is no usable busybox.
 */
export function makeBaseImage(layers: LayerStore, busyboxPath: string): MadeImage {
  const busybox = readBusybox(busyboxPath);
  const entries = baseTree(busybox.content, busybox.applets);
  const size = entries.reduce((sum, entry) => sum + (entry.kind === "file" ? entry.content.length : 0), 0);
  const layer = digestOf(entries, busybox.mtimeSeconds);
  if (!layers.hasLayer(layer)) {
    const draft = layers.draft();
    try {
      for (const entry of entries) writeEntry(draft.directory, entry);
      // From the leaves up: writing into a directory changes its time.
      for (const entry of entries.toReversed()) {
        lutimesSync(`${draft.directory}/${entry.path}`, busybox.mtimeSeconds, busybox.mtimeSeconds);
      }
      draft.commit(layer, { bytes: size });
    } catch (thrown) {
      draft.abort();
      throw thrown;
    }
  }
  const configuration = configurationOf(layer, busybox.mtimeSeconds);
  return { id: `sha256:${createHash("sha256").update(configuration).digest("hex")}`, configuration, size };
}

function digestOf(entries: readonly TreeEntry[], mtimeSeconds: number): string {
  const hash = createHash("sha256");
  for (const chunk of tarOf(entries, mtimeSeconds)) hash.update(chunk);
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

function writeEntry(root: string, entry: TreeEntry): void {
  const path = `${root}/${entry.path}`;
  switch (entry.kind) {
    case "directory":
      mkdirSync(path);
      // mkdir subtracts the process's umask.
      chmodSync(path, entry.mode);
      return;
    case "file":
      writeDurable(path, entry.content, entry.mode);
      chmodSync(path, entry.mode);
      return;
    case "symlink":
      symlinkSync(entry.target, path);
      return;
  }
}
