/**
 * The part of a plan that TypeScript performs on the host, and the descriptors that come out of it. Every group
 * made here pushes its removal before the next step.
 */

import {
  CgroupWriter,
  createCgroup,
  openCgroupDirectory,
  openCgroupTasks,
  openOomFile,
  removeCgroup,
  setDeviceProgram,
} from "../kernel/cgroup.ts";
import type { OwnedFd } from "../kernel/owned-fd.ts";
import type { UndoStack } from "../lib/undo-stack.ts";
import { unifiedHierarchy } from "../linux/cgroup.ts";
import type { CgroupFacts, HostFacts } from "../linux/host-facts.ts";
import type { HostOp, Plan } from "../plan/plan.ts";

/**
 * Performs `plan.hostOps` in order and returns warnings, one sentence each. `undo` removes the groups. Throws
 * `SyscallError` of the first op that fails and is not tolerated; what was made until then is in `undo`.
 */
export function applyHostOps(plan: Plan, facts: HostFacts, undo: UndoStack): string[] {
  const warnings: string[] = [];
  const made = new Set<string>();
  using writer = new CgroupWriter(facts.cgroup);
  for (const op of plan.hostOps) {
    if (!made.has(op.directory)) {
      made.add(op.directory);
      undo.push(`cgroup ${op.directory}`, () => removeCgroup(facts.cgroup, op.directory));
    }
    const warning = applyHostOp(op, facts.cgroup, writer);
    if (warning !== undefined && !(op.op === "cgroupWrite" && op.isOneOfSeveral === true))
      warnings.push(warning);
  }
  return warnings;
}

function applyHostOp(op: HostOp, facts: CgroupFacts, writer: CgroupWriter): string | undefined {
  switch (op.op) {
    case "cgroupCreate":
      createCgroup(facts, op.hierarchy, op.directory);
      return undefined;
    case "cgroupWrite":
      return writer.write(op.hierarchy, op.directory, op.file, op.value, op.tolerate);
    case "cgroupDeviceProgram":
      setDeviceProgram(facts, op.directory, op.program);
      return undefined;
  }
}

/** Takes the groups of a container away after its end; for removal and for what a crash left. */
export function removeCgroups(facts: HostFacts, directory: string): Promise<void> {
  return removeCgroup(facts.cgroup, directory);
}

const hierarchySlot = "cgroup:";

/**
 * Opens the descriptors that the plan receives from its container's groups: `cgroup`, `cgroup:<hierarchy>`, `oom`.
 * `directory` is the container's group (`/tiffin/<id>`); left out, it is the one that the plan's host ops made. `others`:
 * directories of single hierarchies that differ from it. The caller owns the result; a failure closes what was opened.
 */
export function openCgroupSlots(
  plan: Plan,
  facts: Pick<HostFacts, "cgroup">,
  directory?: string,
  others?: ReadonlyMap<string, string>,
): Map<string, OwnedFd> {
  const group = directory ?? plan.hostOps[0]?.directory;
  const fds = new Map<string, OwnedFd>();
  if (group === undefined) return fds;
  try {
    for (const { name } of plan.receives) {
      const fd = openSlot(name, facts.cgroup, others?.get(hierarchyOf(name)) ?? group);
      if (fd !== undefined) fds.set(name, fd);
    }
    return fds;
  } catch (thrown) {
    for (const fd of fds.values()) fd[Symbol.dispose]();
    throw thrown;
  }
}

function hierarchyOf(name: string): string {
  return name === "cgroup" ? unifiedHierarchy : name.slice(hierarchySlot.length);
}

function openSlot(name: string, facts: CgroupFacts, group: string): OwnedFd | undefined {
  if (name === "oom") return openOomFile(facts, group);
  if (name === "cgroup") return openCgroupDirectory(facts, group);
  if (name.startsWith(hierarchySlot)) return openCgroupTasks(facts, name.slice(hierarchySlot.length), group);
  return undefined;
}
