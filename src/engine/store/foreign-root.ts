/** A directory that another engine keeps its state in is left as it is, for some names in it would be ours too. */
import { existsSync } from "node:fs";
import { TiffinError } from "../../lib/errors.ts";

/** Names that these engines make in theirs, and this one never does. */
const marks: Readonly<Record<string, readonly string[]>> = {
  Docker: ["engine-id", "overlay2", "fuse-overlayfs", "image", "swarm"],
  Podman: ["storage.lock", "libpod", "overlay-containers", "overlay-images", "db.sql"],
  containerd: ["io.containerd.metadata.v1.bolt", "io.containerd.content.v1.content"],
};

/** Throws `store.foreign` when `root` is another engine's. One that holds a database of ours is ours. */
export function refuseForeignRoot(root: string): void {
  if (existsSync(`${root}/tiffin.db`)) return;
  for (const [engine, its] of Object.entries(marks)) {
    const found = its.find((name) => existsSync(`${root}/${name}`));
    if (found === undefined) continue;
    throw new TiffinError(
      "invalid",
      "store.foreign",
      `${root} holds the state of ${engine} (there is ${found}), which Tiffin does not share`,
      {
        remedy: "use another --root; tiffin system migrate copies what docker or podman has",
        exitCode: 125,
      },
    );
  }
}
