/** What is hidden or made read-only in the finished tree, and the injected files. */
import { missingTarget, slotNone } from "../abi/schema.ts";
import { mountAttributes, mountPropagations } from "../linux/mount-flags.ts";
import { atFlags } from "../linux/open-flags.ts";
import type { Compilation } from "./compilation.ts";
import { cleanPath, pathBelow } from "./container-path.ts";
import { readMountOptions } from "./mount-request.ts";
import type { AttachedMount } from "./mounts.ts";
import type { Scratch } from "./private-mounts.ts";

/** Binds the injected files over the image's, except where the specification mounts something itself. */
export function coverFiles({ builder, spec }: Compilation, root: number, scratch: Scratch): void {
  const mounted = new Set((spec.mounts ?? []).map(({ destination }) => cleanPath(destination)));
  for (const [path, mount] of scratch.files) {
    if (mounted.has(path)) continue;
    builder.child(
      { op: "moveMount", fields: { mount, root, path, create: missingTarget.file, mode: 0o644 } },
      "files",
    );
  }
}

/**
 * Where a path is looked up: below the mount that it leads into when a slot holds that one, else from the root. The
 * way to /proc and /sys leads through the image, which somebody else may be changing meanwhile (CVE-2023-27561).
 */
function placeOf(
  path: string,
  root: number,
  attached: readonly AttachedMount[],
): { root: number; path: string } {
  const clean = cleanPath(path);
  const last = attached.findLast(
    ({ destination }) => clean === destination || pathBelow(destination, clean) !== undefined,
  );
  const below = last === undefined ? undefined : pathBelow(last.destination, clean);
  if (last?.slot === undefined || below === undefined) return { root, path: clean };
  return { root: last.slot, path: below };
}

/** `linux.maskedPaths` and `linux.readonlyPaths`. `nullDevice`: slot of a character device 1:3. */
export function hidePaths(
  { builder, linux }: Compilation,
  root: number,
  scratch: Scratch,
  attached: readonly AttachedMount[],
  nullDevice: number,
): void {
  const { empty } = scratch;
  if (empty !== undefined) {
    for (const path of linux.maskedPaths ?? []) {
      const fields = { ...placeOf(path, root, attached), empty, nullDevice };
      builder.child({ op: "maskPath", fields }, "linux.maskedPaths", cleanPath(path));
    }
  }
  for (const path of linux.readonlyPaths ?? []) {
    const fields = placeOf(path, root, attached);
    builder.child({ op: "readonlyPath", fields }, "linux.readonlyPaths", cleanPath(path));
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
