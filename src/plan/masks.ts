/** What is hidden or made read-only in the finished tree, and the injected files. */
import { slotNone } from "../abi/schema.ts";
import { mountAttributes, mountPropagations } from "../linux/mount-flags.ts";
import { atFlags } from "../linux/open-flags.ts";
import type { Compilation } from "./compilation.ts";
import { cleanPath } from "./container-path.ts";
import { readMountOptions } from "./mount-request.ts";
import type { Scratch } from "./private-mounts.ts";

/** Binds the injected files over the image's, except where the specification mounts something itself. */
export function coverFiles({ builder, spec }: Compilation, root: number, scratch: Scratch): void {
  const mounted = new Set((spec.mounts ?? []).map(({ destination }) => cleanPath(destination)));
  for (const [path, mount] of scratch.files) {
    if (mounted.has(path)) continue;
    builder.child({ op: "moveMount", fields: { mount, root, path, create: 2, mode: 0o644 } }, "files");
  }
}

/** `linux.maskedPaths` and `linux.readonlyPaths`. `nullDevice`: slot of a character device 1:3. */
export function hidePaths(
  { builder, linux }: Compilation,
  root: number,
  scratch: Scratch,
  nullDevice: number,
): void {
  const { empty } = scratch;
  if (empty !== undefined) {
    for (const path of linux.maskedPaths ?? []) {
      const fields = { root, path: cleanPath(path), empty, nullDevice };
      builder.child({ op: "maskPath", fields }, "linux.maskedPaths");
    }
  }
  for (const path of linux.readonlyPaths ?? []) {
    builder.child({ op: "readonlyPath", fields: { root, path: cleanPath(path) } }, "linux.readonlyPaths");
  }
}

/** `root.readonly`, once every target in it has been made. */
export function makeRootReadOnly({ builder, spec }: Compilation, root: number): void {
  if (spec.root?.readonly !== true) return;
  builder.child(
    {
      op: "mountSetattr",
      fields: {
        mount: root,
        path: null,
        flags: 0,
        userns: slotNone,
        set: mountAttributes.readOnly,
        clear: 0,
        propagation: 0,
      },
    },
    "root.readonly",
    "/",
  );
}

/** `linux.rootfsPropagation`. Everything is private until then, and pivot_root would refuse a shared root. */
export function setRootPropagation({ builder, linux }: Compilation, root: number): void {
  const wanted = linux.rootfsPropagation;
  if (wanted === undefined) return;
  const { propagation } = readMountOptions([wanted]);
  if (propagation === null || propagation.type === mountPropagations.private) return;
  const flags = propagation.recursive ? atFlags.recursive : 0;
  const fields = { mount: root, path: null, flags, userns: slotNone, set: 0, clear: 0 };
  builder.child(
    { op: "mountSetattr", fields: { ...fields, propagation: propagation.type } },
    "linux.rootfsPropagation",
    "/",
  );
}
