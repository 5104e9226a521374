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
  removeEmptyCgroup,
  setDeviceProgram,
} from "../kernel/cgroup.ts";
import { isCgroupOccupied } from "../kernel/cgroup-processes.ts";
import type { OwnedFd } from "../kernel/owned-fd.ts";
import { monotonicMs } from "../lib/clock.ts";
import { TiffinError } from "../lib/errors.ts";
import type { UndoStack } from "../lib/undo-stack.ts";
import { unifiedHierarchy } from "../linux/cgroup.ts";
import type { CgroupFacts, HostFacts } from "../linux/host-facts.ts";
import type { Plan } from "../plan/mod.ts";

export interface HostOpsOptions {
  /** Throw `conflict` for a group in which there are processes already. They would share limits, and the end. */
  readonly refuseOccupied?: boolean;
  /** Gets how long each op has taken, milliseconds, in the order of the ops. */
  readonly times?: number[];
  /** Gets the places of writes that failed in a way that the plan lets pass. */
  readonly tolerated?: number[];
}

/**
 * Performs `plan.hostOps` in order and returns warnings, one sentence each. `undo` removes the groups. Throws
 * `SyscallError` of the first op that fails and is not tolerated; what was made until then is in `undo`.
 */
export function applyHostOps(
  plan: Plan,
  facts: HostFacts,
  undo: UndoStack,
  { refuseOccupied = false, times = [], tolerated = [] }: HostOpsOptions = {},
): string[] {
  const warnings: string[] = [];
  const seen = new Set<string>();
  const made: { readonly hierarchy: string; readonly directory: string }[] = [];
  let isOurs = true;
  using writer = new CgroupWriter(facts.cgroup);
  const writes = plan.hostOps.filter((op) => op.op === "cgroupWrite");
  const places = new Map<object, number>(plan.hostOps.map((op, index) => [op, index]));
  let since = monotonicMs();
  const note = (op: object, isTolerated = false): void => {
    const now = monotonicMs();
    const place = places.get(op) ?? 0;
    times[place] = (times[place] ?? 0) + now - since;
    if (isTolerated) tolerated.push(place);
    since = now;
  };
  for (const op of plan.hostOps) {
    if (!seen.has(op.directory)) {
      seen.add(op.directory);
      undo.push(`cgroup ${op.directory}`, () =>
        isOurs ? removeCgroup(facts.cgroup, op.directory) : undefined,
      );
    }
    if (op.op === "cgroupCreate") {
      if (createCgroup(facts.cgroup, op.hierarchy, op.directory)) made.push(op);
      else if (refuseOccupied && isCgroupOccupied(facts.cgroup, op.hierarchy, op.directory)) {
        isOurs = false;
        for (const { hierarchy, directory } of made) removeEmptyCgroup(facts.cgroup, hierarchy, directory);
        throw occupied(op.directory);
      }
      note(op);
      continue;
    }
    if (op.op === "cgroupDeviceProgram") {
      setDeviceProgram(facts.cgroup, op.directory, op.program);
      note(op);
    }
    // All at once, since the kernel may want them in another order.
    else if (op === writes[0]) warnings.push(...writer.writeAll(writes, note));
  }
  return warnings;
}

function occupied(directory: string): TiffinError {
  return new TiffinError(
    "conflict",
    "runtime.cgroup-occupied",
    `the cgroup ${directory} has processes already, which are not this container's`,
    { remedy: "give linux.cgroupsPath another value, or end them" },
  );
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
