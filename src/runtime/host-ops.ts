/**
 * The part of a plan that TypeScript performs on the host, and the descriptors that come out of it. Every group
 * made here pushes its removal before the next step.
 */

import {
  createCgroup,
  openCgroupDirectory,
  openCgroupTasks,
  openOomFile,
  removeCgroup,
  setDeviceProgram,
  writeCgroupFile,
} from "../kernel/cgroup.ts";
import { openFile, openFlags } from "../kernel/files.ts";
import type { OwnedFd } from "../kernel/owned-fd.ts";
import { TiffinError } from "../lib/errors.ts";
import type { UndoStack } from "../lib/undo-stack.ts";
import type { CgroupFacts, HostFacts } from "../linux/host-facts.ts";
import type { HostOp, Plan } from "../plan/plan.ts";

/**
 * Performs `plan.hostOps` in order and returns warnings, one sentence each. `undo` removes the groups. Throws
 * `SyscallError` of the first op that fails and is not tolerated; what was made until then is in `undo`.
 */
export function applyHostOps(plan: Plan, facts: HostFacts, undo: UndoStack): string[] {
  const warnings: string[] = [];
  const made = new Set<string>();
  for (const op of plan.hostOps) {
    if (!made.has(op.directory)) {
      made.add(op.directory);
      undo.push(`cgroup ${op.directory}`, () => removeCgroup(facts.cgroup, op.directory));
    }
    const warning = applyHostOp(op, facts.cgroup);
    if (warning !== undefined) warnings.push(warning);
  }
  return warnings;
}

function applyHostOp(op: HostOp, facts: CgroupFacts): string | undefined {
  switch (op.op) {
    case "cgroupCreate":
      createCgroup(facts, op.hierarchy, op.directory);
      return undefined;
    case "cgroupWrite":
      return writeCgroupFile(facts, op.hierarchy, op.directory, op.file, op.value, op.tolerate);
    case "cgroupDeviceProgram":
      setDeviceProgram(facts, op.directory, op.program);
      return undefined;
  }
}

/** Takes the groups of a container away after its end; for removal and for what a crash left. */
export function removeCgroups(facts: HostFacts, directory: string): Promise<void> {
  return removeCgroup(facts.cgroup, directory);
}

/** Where the descriptors of a plan are to be had. */
export interface SlotSources {
  /** The container's group in every hierarchy, `/tiffin/<id>`. */
  readonly cgroupDirectory?: string;
  /** Directory for log files. */
  readonly logs?: string;
  /** The preallocated record file. */
  readonly record?: string;
}

const cgroupSlot = "cgroup:";

/**
 * Opens the descriptors that the plan receives and that follow from its container's own directories: `cgroup`,
 * `cgroup:<hierarchy>`, `oom`, `logs`, `record`. Others are left to the caller. The caller owns the result; a
 * failure closes what was opened.
 */
export function openSlots(plan: Plan, facts: HostFacts, sources: SlotSources): Map<string, OwnedFd> {
  const fds = new Map<string, OwnedFd>();
  try {
    for (const { name } of plan.receives) {
      const fd = openSlot(name, facts.cgroup, sources);
      if (fd !== undefined) fds.set(name, fd);
    }
    return fds;
  } catch (thrown) {
    closeSlots(fds);
    throw thrown;
  }
}

/** Closes what `openSlots` opened. */
export function closeSlots(fds: ReadonlyMap<string, OwnedFd>): void {
  for (const fd of fds.values()) fd[Symbol.dispose]();
}

function openSlot(name: string, facts: CgroupFacts, sources: SlotSources): OwnedFd | undefined {
  if (name.startsWith(cgroupSlot)) {
    return openCgroupTasks(facts, name.slice(cgroupSlot.length), given(name, sources.cgroupDirectory));
  }
  switch (name) {
    case "cgroup":
      return openCgroupDirectory(facts, given(name, sources.cgroupDirectory));
    case "oom":
      return openOomFile(facts, given(name, sources.cgroupDirectory));
    case "logs":
      return openFile(undefined, given(name, sources.logs), openFlags.readOnly | openFlags.directory);
    case "record":
      return openFile(undefined, given(name, sources.record), openFlags.readWrite);
    default:
      return undefined;
  }
}

function given(name: string, source: string | undefined): string {
  if (source !== undefined) return source;
  throw new TiffinError(
    "internal",
    "runtime.slot-missing",
    `nothing says where slot ${JSON.stringify(name)} comes from`,
  );
}
