/**
 * A container without a mount namespace of its own is in its caller's, and still has a root and mounts. They are made in a
 * namespace that lasts as long as the start does, cloned there as one detached tree, and the process goes back to the
 * caller's namespace with that tree as its root. So nothing is mounted on the host, not even while the container is made:
 * the tree goes with the last process that is rooted in it, whatever ends how. What is in the tree keeps its parts
 * together but is attached nowhere, so no mount of it is listed in mountinfo and none can be taken off or remounted.
 *
 * Mounting into a tree that is detached already would save the namespace, and needs Linux 6.15.
 */
import { slotNone } from "../abi/schema.ts";
import { TiffinError } from "../lib/errors.ts";
import { cloneFlags, namespaceKinds } from "../linux/clone-flags.ts";
import { mountPropagations, openTreeFlags } from "../linux/mount-flags.ts";
import type { LinuxSpec, RuntimeSpec } from "../oci/mod.ts";
import type { Compilation, Namespaces } from "./compilation.ts";
import { readMountOptions } from "./mount-request.ts";

const cause = "linux.namespaces";
const remedy = 'add {"type": "mount"} to linux.namespaces';

function refuse(what: string): never {
  throw new TiffinError(
    "invalid",
    "plan.needs-mount-namespace",
    `${what}, which needs a mount namespace of the container's own`,
    { remedy },
  );
}

/** Refuses what a namespace that is shared with the caller cannot give. */
export function checkInheritedMounts(
  { mounts = [] }: Pick<RuntimeSpec, "mounts">,
  linux: LinuxSpec,
  namespaces: Namespaces,
): void {
  if (!namespaces.inheritsMounts) return;
  if (namespaces.has("user")) refuse("linux.namespaces has a user namespace");
  for (const list of ["maskedPaths", "readonlyPaths"] as const) {
    // In the mount namespace of the host, the host's own /proc is one step away.
    if ((linux[list] ?? []).length > 0) refuse(`linux.${list} hides parts of the kernel's files`);
  }
  const { rootfsPropagation } = linux;
  if (rootfsPropagation !== undefined && propagates([rootfsPropagation])) {
    refuse(`linux.rootfsPropagation is ${JSON.stringify(rootfsPropagation)}`);
  }
  for (const [index, { options = [] }] of mounts.entries()) {
    if (propagates(options)) refuse(`mounts[${index}] propagates or is unbindable`);
  }
}

/** What is attached nowhere has no peers, and what is unbindable is left out of a clone. */
function propagates(options: readonly string[]): boolean {
  const { propagation } = readMountOptions(options);
  return propagation !== null && propagation.type !== mountPropagations.private;
}

/** The child leaves the namespace of its mounts for the caller's and takes the tree at `root` along as its root. */
export function takeRootAlong({ builder, open }: Compilation, root: number): void {
  const host = builder.slot();
  const path = `/proc/self/ns/${namespaceKinds.mount.file}`;
  const flags = open.readOnly | open.closeOnExec;
  builder.prepare(
    { op: "open", fields: { out: host, dir: slotNone, path, flags, mode: 0, resolve: 0 } },
    cause,
  );
  const out = builder.slot();
  const how = openTreeFlags.clone | openTreeFlags.recursive | openTreeFlags.closeOnExec;
  builder.child({ op: "openTree", fields: { out, dir: root, path: null, flags: how } }, cause, "/");
  const fields = { slot: host, nstype: cloneFlags.newMount };
  builder.child({ op: "setns", fields }, cause, "mount namespace of the caller");
  builder.child({ op: "chroot", fields: { root: out } }, "root");
}
