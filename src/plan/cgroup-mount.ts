/**
 * /sys/fs/cgroup. v2: a mount of cgroup2, whose root is the container's group by its cgroup namespace. v1 (and
 * v1 beside v2): a tmpfs with one bind per hierarchy in which the container has a group. A bind of the group
 * directory shows the same as a fresh cgroup mount in the namespace, takes half the calls, and needs no rights
 * over the hierarchy.
 */
import { missingTarget, slotNone } from "../abi/schema.ts";
import { cgroupPath, unifiedHierarchy } from "../linux/cgroup.ts";
import { type CgroupFacts, v1Hierarchy } from "../linux/host-facts.ts";
import { mountAttributes, mountPropagations, openTreeFlags } from "../linux/mount-flags.ts";
import { atFlags } from "../linux/open-flags.ts";
import { attach } from "./attach-mount.ts";
import { bindOfHost } from "./bind-mounts.ts";
import type { Compilation } from "./compilation.ts";
import { pathBelow } from "./container-path.ts";
import type { MountContext } from "./mount-context.ts";

/** Mounts it. Returns the slot of the tmpfs that holds the hierarchies of version 1. */
export function cgroupMount(compilation: Compilation, context: MountContext): number | undefined {
  const { facts, cgroups } = compilation;
  if (cgroups.directory === null) {
    if (hostShows(facts.cgroup)) {
      showHost(compilation, context);
      return undefined;
    }
    compilation.builder.warn(
      `${context.cause}: the container has no cgroup, ${context.destination} is left as it is`,
    );
    return undefined;
  }
  if (facts.cgroup.mode !== "v2") return hierarchyMounts(compilation, context, cgroups.directory);
  unifiedMount(compilation, context, cgroups.directory);
  return undefined;
}

/** What a container without groups is shown. */
export const hostGroupTree = "/sys/fs/cgroup";

/** The host has its hierarchies, or the one of version 2, where everybody looks for them. */
function hostShows({ v1, v2 }: CgroupFacts): boolean {
  const places = [...v1.map(({ mountPoint }) => mountPoint), ...(v2 === null ? [] : [v2.mountPoint])];
  return places.some((place) => place === hostGroupTree || pathBelow(hostGroupTree, place) !== undefined);
}

/** A container that stays in its caller's groups sees what the caller sees, where programs look for their limits. */
function showHost(compilation: Compilation, context: MountContext): void {
  const own = { ...context.request.own, clear: 0 };
  const request = { ...context.request, bind: "recursive", own, tree: own } as const;
  bindOfHost(compilation, { ...context, request }, hostGroupTree);
}

/** cgroup2 below the container's group: with a namespace of its own that is the root of a fresh mount. */
function unifiedMount(compilation: Compilation, context: MountContext, directory: string): void {
  const { builder, namespaces } = compilation;
  const { request, cause, destination } = context;
  if (!namespaces.has("cgroup")) {
    const tree = groupTree(compilation, context, unifiedHierarchy, directory);
    if (tree === undefined) return;
    const fields = {
      mount: tree,
      path: null,
      flags: 0,
      userns: slotNone,
      clear: 0,
      propagation: mountPropagations.private,
    };
    const op = { op: "mountSetattr", fields: { ...fields, set: request.own.set } } as const;
    builder.child(op, cause, destination);
    attach(compilation, context, tree);
    return;
  }
  const out = builder.slot();
  builder.child(
    {
      op: "fsMount",
      fields: { out, type: "cgroup2", source: "cgroup", options: [], attributes: request.own.set },
    },
    cause,
    `cgroup2 for ${destination}`,
  );
  attach(compilation, context, out);
}

function hierarchyMounts(compilation: Compilation, context: MountContext, directory: string): number {
  const { builder, cgroups, facts } = compilation;
  const { request, cause, destination } = context;
  const attributes = request.own.set & ~mountAttributes.readOnly;
  const top = builder.slot();
  builder.child(
    {
      op: "fsMount",
      fields: { out: top, type: "tmpfs", source: "cgroup", options: ["mode=0755"], attributes },
    },
    cause,
    `tmpfs for ${destination}`,
  );
  const names = [...cgroups.v1, ...(cgroups.v2 ? [unifiedHierarchy] : [])];
  for (const name of names) {
    // Controllers that share a hierarchy are found under each of their names.
    for (const alias of facts.cgroup.v1.find((each) => each.name === name)?.controllers ?? []) {
      if (alias === name || alias.includes("=")) continue;
      builder.child({ op: "symlink", fields: { root: top, path: alias, target: name } }, cause);
    }
  }
  attach(compilation, context, top);
  for (const name of names) {
    const tree = groupTree(compilation, context, name, directory);
    if (tree === undefined) continue;
    const path = name.replace(/^name=/, "");
    builder.child(
      {
        op: "moveMount",
        fields: { mount: tree, root: top, path, create: missingTarget.directory, mode: 0o755 },
      },
      cause,
    );
  }
  if ((request.own.set & mountAttributes.readOnly) !== 0) showProcessors(compilation, cause, top);
  builder.child(
    {
      op: "mountSetattr",
      fields: {
        mount: top,
        path: null,
        flags: atFlags.recursive,
        userns: slotNone,
        set: request.own.set,
        clear: 0,
        // Clones of shared mounts: what is mounted over them later would appear on the host.
        propagation: mountPropagations.private,
      },
    },
    cause,
    destination,
  );
  return top;
}

/**
 * cpuset, in which a container without such a limit has no group: the whole hierarchy, which is where it is then. The Java
 * machine looks for none of its limits where one of memory, cpu, cpuacct and cpuset is not mounted. Never writable.
 */
function showProcessors({ builder, cgroups, facts }: Compilation, cause: string, top: number): void {
  const hierarchy = v1Hierarchy(facts.cgroup, "cpuset");
  if (hierarchy === undefined || cgroups.v1.includes(hierarchy.name)) return;
  const out = builder.slot();
  const flags = openTreeFlags.clone | openTreeFlags.closeOnExec;
  const fields = { out, dir: slotNone, path: hierarchy.mountPoint, flags };
  builder.prepare({ op: "openTree", fields }, cause);
  builder.child(
    {
      op: "moveMount",
      fields: { mount: out, root: top, path: hierarchy.name, create: missingTarget.directory, mode: 0o755 },
    },
    cause,
  );
}

/** A detached clone of the container's directory in a hierarchy. */
function groupTree(
  { builder, facts }: Compilation,
  { cause }: MountContext,
  hierarchy: string,
  directory: string,
): number | undefined {
  const path = cgroupPath(facts.cgroup, hierarchy, directory);
  if (path === undefined) return undefined;
  const out = builder.slot();
  const flags = openTreeFlags.clone | openTreeFlags.closeOnExec;
  builder.prepare({ op: "openTree", fields: { out, dir: slotNone, path, flags } }, cause);
  return out;
}
