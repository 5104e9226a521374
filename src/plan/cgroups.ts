/**
 * The container's groups: what TypeScript makes on the host before the start (host ops), and how the process
 * gets in. v1: it writes "0" into each `tasks` file, which moves one thread and takes no global lock; v2: clone3
 * puts it there at birth.
 */
import { slotNone } from "../abi/schema.ts";
import { TiffinError } from "../lib/errors.ts";
import { cgroupPath, decideCgroup, unifiedHierarchy } from "../linux/cgroup.ts";
import { cloneFlags } from "../linux/clone-flags.ts";
import type { HostFacts } from "../linux/host-facts.ts";
import { mountAttributes } from "../linux/mount-flags.ts";
import type { OciMount, OciResources } from "../oci/mod.ts";
import type { PlanBuilder } from "./builder.ts";
import type { CgroupPlan, Compilation } from "./compilation.ts";
import { cleanPath, pathBelow } from "./container-path.ts";
import { limitRefused } from "./limit-refused.ts";
import { readMountOptions } from "./mount-request.ts";
import type { ContainerOptions, ExecTarget } from "./options.ts";

const selfMove = new TextEncoder().encode("0");

const none: CgroupPlan = { directory: null, v1: [], v2: false, decision: null };

/** Which groups a container with these resources gets on this host. Also what an exec into it must know. */
export function decideContainerCgroups(
  resources: OciResources | undefined,
  facts: HostFacts,
  options: Pick<ContainerOptions, "id" | "cgroupParent" | "cgroupDirectory">,
  mounts: readonly OciMount[] = [],
): CgroupPlan {
  if (options.cgroupParent === null || facts.cgroup.mode === "none") return none;
  const limits = decideCgroup(resources ?? {}, facts.cgroup);
  const decision = { ...limits, directories: [...limits.directories, ...managedHierarchies(mounts, facts)] };
  const parent = options.cgroupParent === "/" ? "" : options.cgroupParent;
  return {
    directory: options.cgroupDirectory ?? `${parent}/${options.id}`,
    v1: decision.directories.filter((name) => name !== unifiedHierarchy),
    v2: decision.directories.includes(unifiedHierarchy),
    decision,
  };
}

/**
 * Hierarchies without controllers (name=systemd) that the container is shown to work in. An init system there takes the
 * group that it finds itself in for its own, and that must not be the host's.
 */
function managedHierarchies(mounts: readonly OciMount[], { cgroup }: HostFacts): string[] {
  return cgroup.v1
    .filter(
      ({ name, mountPoint }) => name.startsWith("name=") && mounts.some((each) => shows(each, mountPoint)),
    )
    .map(({ name }) => name);
}

function shows({ type, source, options = [] }: OciMount, hierarchy: string): boolean {
  const { bind, own } = readMountOptions(options);
  if (bind === "no" && type !== "bind") {
    return (type === "cgroup" || type === "cgroup2") && (own.set & mountAttributes.readOnly) === 0;
  }
  const path = cleanPath(source ?? "");
  return (
    path === hierarchy || pathBelow(path, hierarchy) !== undefined || pathBelow(hierarchy, path) !== undefined
  );
}

/** Names of the slots through which a process gets into the groups. */
export function cgroupSlotNames(v1: readonly string[], v2: boolean): string[] {
  return [...v1.map((name) => `cgroup:${name}`), ...(v2 ? ["cgroup"] : [])];
}

/** Host ops: make the groups, write the limits. */
export function compileCgroupHostOps({ builder, cgroups, facts, options }: Compilation): void {
  const { directory, decision } = cgroups;
  if (directory === null || decision === null) return;
  const [refusal] = options.refuseLimits === true ? decision.refusals : [];
  if (refusal !== undefined) throw limitRefused(refusal);
  if (decision.losesDeviceRules && mayMakeDevices(facts)) throw devicesUnlimited();
  for (const hierarchy of decision.directories) {
    builder.host({
      op: "cgroupCreate",
      hierarchy,
      directory,
      cause: "linux.resources",
      target: cgroupPath(facts.cgroup, hierarchy, directory) ?? directory,
      inverse: "rmdir",
    });
  }
  for (const { cause, ...write } of decision.writes) {
    const target = `${cgroupPath(facts.cgroup, write.hierarchy, directory) ?? directory}/${write.file}`;
    builder.host({ op: "cgroupWrite", directory, ...write, cause, target, inverse: "rmdir of the group" });
  }
  if (decision.deviceProgram !== null) {
    builder.host({
      op: "cgroupDeviceProgram",
      directory,
      program: decision.deviceProgram,
      cause: "linux.resources.devices",
      target: cgroupPath(facts.cgroup, unifiedHierarchy, directory) ?? directory,
      inverse: "rmdir of the group",
    });
  }
  for (const warning of decision.warnings) builder.warn(warning);
}

/** Other users' containers cannot open what they may make, whatever the rules say. */
function mayMakeDevices({ identity }: HostFacts): boolean {
  return !identity.inUserNamespace && identity.effective.includes("CAP_MKNOD");
}

function devicesUnlimited(): TiffinError {
  return new TiffinError(
    "unavailable",
    "plan.devices-unlimited",
    "access to devices cannot be limited: neither the cgroup controller devices nor cgroup2 is mounted",
    { remedy: "mount one of them, or allow all devices (--privileged)" },
  );
}

/** The slot for clone3's CLONE_INTO_CGROUP. */
export function cloneCgroupSlot(builder: PlanBuilder, v2: boolean): number {
  return v2 ? builder.received("cgroup") : slotNone;
}

/** The child moves itself into its v1 groups. */
export function joinV1Groups(builder: PlanBuilder, hierarchies: ExecTarget["cgroupHierarchies"]): void {
  for (const name of hierarchies) {
    const dir = builder.received(`cgroup:${name}`);
    builder.child(
      { op: "write", fields: { dir, path: null, data: selfMove } },
      "linux.cgroupsPath",
      `tasks of ${name}`,
    );
  }
}

/** Joins the groups and then makes the namespace whose root they are. */
export function enterCgroups({ builder, cgroups, namespaces }: Compilation): void {
  joinV1Groups(builder, cgroups.v1);
  if (!namespaces.created.has("cgroup")) return;
  builder.child(
    { op: "unshare", fields: { flags: cloneFlags.newCgroup } },
    "linux.namespaces",
    "cgroup namespace",
  );
}
