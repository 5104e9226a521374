/**
 * Sources of binds as a user namespace sees them: their mounts came from a namespace with more rights, and what those are
 * restricted to (`ro`, `nosuid` ...) is locked for good.
 */
import { mountAttributesOf } from "../../kernel/mount-attributes.ts";
import type { RuntimeSpec } from "../../oci/mod.ts";
import type { BindSource } from "../../plan/options.ts";

/** `sources` with the attributes that each must keep. */
export function lockedSources(
  { mounts = [] }: RuntimeSpec,
  sources: ReadonlyMap<number, BindSource>,
): ReadonlyMap<number, BindSource> {
  const rows = [...sources].map(([index, source]): [number, BindSource] => {
    const path = mounts[index]?.source;
    return [index, path === undefined ? source : { ...source, keeps: mountAttributesOf(path) }];
  });
  return new Map(rows);
}
