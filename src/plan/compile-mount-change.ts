/**
 * Mounts that come and go while a container runs become a plan. Pure. A process of the executor's enters the container's mount
 * namespace, and nothing else of it, attaches what was made outside and takes off what is to go, and ends: no program of
 * the container's is run, and none of its files decides anything. Paths are resolved inside its root.
 */
import { slotNone } from "../abi/schema.ts";
import { cloneFlags } from "../linux/clone-flags.ts";
import type { HostFacts } from "../linux/host-facts.ts";
import { umountFlags } from "../linux/mount-flags.ts";
import { openFlagsOf } from "../linux/open-flags.ts";
import type { LinuxSpec, OciMount } from "../oci/mod.ts";
import { bindIdmapSlot } from "./bind-mounts.ts";
import { PlanBuilder } from "./builder.ts";
import type { Compilation } from "./compilation.ts";
import { cleanPath } from "./container-path.ts";
import { readMountOptions } from "./mount-request.ts";
import { compileMounts } from "./mounts.ts";
import { decideNamespaces } from "./namespaces.ts";
import type { BindSource, ContainerOptions } from "./options.ts";
import type { Plan } from "./plan.ts";
import { noEnds } from "./stdio.ts";
import { finishParent } from "./supervise.ts";

export interface MountChange {
  readonly id: string;
  /** Attached in this order. */
  readonly add: readonly OciMount[];
  /** Where the topmost mount is taken off, before anything is attached. */
  readonly remove: readonly string[];
  /** By index into `add`. */
  readonly bindSources: ReadonlyMap<number, BindSource>;
  /** The container's, for its mappings. */
  readonly linux: LinuxSpec;
}

/** The plan receives `pidfd` of the container's main process, and binds and mappings as a start does. */
export function compileMountChange(change: MountChange, facts: HostFacts): Plan {
  const builder = new PlanBuilder(["pidfd", ...receivedNames(change)]);
  const open = openFlagsOf(facts.kernel.machine);
  const cause = "mounts";
  const openDirectory = (path: string, what: string): number => {
    const out = builder.slot();
    const flags = open.path | open.directory | open.closeOnExec;
    builder.child(
      { op: "open", fields: { out, dir: slotNone, path, flags, mode: 0, resolve: 0 } },
      cause,
      what,
    );
    return out;
  };
  // The host's, as long as it is in reach: the container's /proc knows nothing of this process, or lies.
  const descriptors =
    change.remove.length === 0 ? undefined : openDirectory("/proc/self/fd", "own descriptors");
  const enter = { slot: builder.received("pidfd"), nstype: cloneFlags.newMount };
  builder.child({ op: "setns", fields: enter }, cause, "mount namespace of the container");
  const root = openDirectory("/", "root of the container");
  for (const path of change.remove) {
    const flags = umountFlags.detach | umountFlags.noFollow;
    const fields = { root, path: cleanPath(path), flags, descriptors: descriptors ?? slotNone };
    builder.child({ op: "umount", fields }, cause);
  }
  compileMounts(compilationOf(change, facts, builder), root);
  builder.child({ op: "finish", fields: {} }, cause);
  finishParent(builder, options(change), noEnds);
  builder.prepare({ op: "clone", fields: { flags: 0, cgroup: slotNone } }, cause, "new process");
  return builder.finish();
}

function receivedNames({ add, bindSources, linux }: MountChange): string[] {
  const names = new Set<string>();
  for (const [index, mount] of add.entries()) {
    if (bindSources.get(index)?.received === true) names.add(`bind:${index}`);
    const idmap = bindIdmapSlot({ linux }, { mount, request: readMountOptions(mount.options ?? []) });
    if (idmap !== undefined) names.add(idmap);
  }
  return [...names];
}

function options({ id, bindSources }: MountChange): ContainerOptions {
  return {
    id,
    cgroupParent: null,
    rootfs: { kind: "directory", path: "/" },
    network: { kind: "host" },
    stdio: { kind: "pipes", stdin: false },
    supervise: { kind: "supervise", stdinOnce: false, attachClients: [] },
    bindSources,
  };
}

/** As that of a start, with nothing but mounts. */
function compilationOf(change: MountChange, facts: HostFacts, builder: PlanBuilder): Compilation {
  const { add, linux } = change;
  const process = { args: [], cwd: "/", user: { uid: 0, gid: 0 } };
  const all = options(change);
  return {
    spec: { ociVersion: "", process, linux, mounts: add },
    process,
    linux,
    facts,
    options: all,
    namespaces: decideNamespaces({ linux, options: all }),
    cgroups: { directory: null, v1: [], v2: false, decision: null },
    builder,
    open: openFlagsOf(facts.kernel.machine),
  };
}
