/** The processes of a cgroup: listed, frozen, thawed, killed to the last one. */

import { pause } from "../lib/timer.ts";
import { cgroupPath, unifiedHierarchy } from "../linux/cgroup.ts";
import { errno } from "../linux/errno.ts";
import { type CgroupFacts, v1Hierarchy } from "../linux/host-facts.ts";
import { subdirectories } from "./cgroup.ts";
import { readTextIfPossible, writeKernelFile } from "./files.ts";
import { openPidfd, signalPidfd } from "./pidfd.ts";
import { SyscallError } from "./syscall.ts";

const sigkill = 9;
/** A group is frozen or empty within milliseconds, unless its processes hang in the kernel. */
const waitLimitMs = 10_000;
const waitStepMs = 1;
const depthLimit = 32;

/** Where processes are listed: v2 when there is one, else a hierarchy that every container is in. */
function processDirectory(facts: CgroupFacts, directory: string): string | undefined {
  const unified = cgroupPath(facts, unifiedHierarchy, directory);
  if (unified !== undefined && readTextIfPossible(`${unified}/cgroup.procs`) !== undefined) return unified;
  for (const controller of ["pids", "memory", "devices"]) {
    const hierarchy = v1Hierarchy(facts, controller);
    if (hierarchy !== undefined) return hierarchy.mountPoint + directory;
  }
  return undefined;
}

function processesBelow(path: string, depth: number, found: Set<number>): void {
  for (const line of readTextIfPossible(`${path}/cgroup.procs`)?.split("\n") ?? []) {
    // 0 is a process that this pid namespace cannot see.
    if (line !== "" && line !== "0") found.add(Number(line));
  }
  if (depth === depthLimit) return;
  for (const name of subdirectories(path)) processesBelow(`${path}/${name}`, depth + 1, found);
}

/** Whether there is a process in that one hierarchy's `directory`, or in a group below it. */
export function isCgroupOccupied(facts: CgroupFacts, hierarchy: string, directory: string): boolean {
  const path = cgroupPath(facts, hierarchy, directory);
  const found = new Set<number>();
  if (path !== undefined) processesBelow(path, 0, found);
  return found.size > 0;
}

/** The pids in `directory` and all groups below it, as this process's pid namespace numbers them, ascending. */
export function listCgroupProcesses(facts: CgroupFacts, directory: string): number[] {
  const path = processDirectory(facts, directory);
  const found = new Set<number>();
  if (path !== undefined) processesBelow(path, 0, found);
  return [...found].sort((a, b) => a - b);
}

/** Sends `signal` to each process that is in the group now; how many took it. */
export function signalCgroup(facts: CgroupFacts, directory: string, signal: number): number {
  const held = listCgroupProcesses(facts, directory).map((pid) => ({ pid, pidfd: openPidfd(pid) }));
  // Between listing and opening a number may have passed to a stranger, who would not be in the group.
  const still = new Set(held.length === 0 ? [] : listCgroupProcesses(facts, directory));
  let reached = 0;
  for (const { pid, pidfd } of held) {
    if (pidfd === undefined) continue;
    using owned = pidfd;
    if (still.has(pid) && signalPidfd(owned, signal)) reached += 1;
  }
  return reached;
}

/**
 * SIGKILL for every process of the group, those that fork meanwhile included, and the groups below. Returns when
 * none is left; throws `SyscallError` ETIMEDOUT when some hang in the kernel for 10 s.
 */
export async function killCgroup(facts: CgroupFacts, directory: string): Promise<void> {
  const unified = cgroupPath(facts, unifiedHierarchy, directory);
  const deadline = performance.now() + waitLimitMs;
  for (;;) {
    // Linux 5.14 kills the whole group in one write; before that, fork races are met by repetition.
    if (unified === undefined || writeKernelFile(`${unified}/cgroup.kill`, "1") !== 0) {
      signalCgroup(facts, directory, sigkill);
      // A process that the v1 freezer holds dies only once it is let go.
      const freezer = v1Hierarchy(facts, "freezer");
      if (freezer !== undefined) writeKernelFile(`${freezer.mountPoint}${directory}/freezer.state`, "THAWED");
    }
    const left = listCgroupProcesses(facts, directory);
    if (left.length === 0) return;
    if (performance.now() > deadline) {
      throw new SyscallError(
        "kill",
        errno.ETIMEDOUT,
        `${directory}: processes ${left.slice(0, 5).join(" ")} do not end`,
      );
    }
    await pause(waitStepMs);
  }
}

interface Freezer {
  readonly file: string;
  readonly frozen: string;
  readonly thawed: string;
  /** Somebody has asked for it, and not taken it back. */
  readonly asked: () => boolean;
  /** True when the group has reached the state. */
  readonly reached: (frozen: boolean) => boolean;
}

function freezerOf(facts: CgroupFacts, directory: string): Freezer | undefined {
  const unified = cgroupPath(facts, unifiedHierarchy, directory);
  if (unified !== undefined && readTextIfPossible(`${unified}/cgroup.freeze`) !== undefined) {
    const state = (): boolean => /^frozen 1$/m.test(readTextIfPossible(`${unified}/cgroup.events`) ?? "");
    return {
      file: `${unified}/cgroup.freeze`,
      frozen: "1",
      thawed: "0",
      asked: () => readTextIfPossible(`${unified}/cgroup.freeze`)?.trim() === "1",
      reached: (want) => state() === want,
    };
  }
  const v1 = v1Hierarchy(facts, "freezer");
  if (v1 === undefined) return undefined;
  const file = `${v1.mountPoint}${directory}/freezer.state`;
  const reached = (want: boolean): boolean =>
    readTextIfPossible(file)?.trim() === (want ? "FROZEN" : "THAWED");
  return { file, frozen: "FROZEN", thawed: "THAWED", asked: () => !reached(false), reached };
}

async function setFrozen(facts: CgroupFacts, directory: string, frozen: boolean): Promise<void> {
  const freezer = freezerOf(facts, directory);
  if (freezer === undefined) throw new SyscallError("freeze", errno.ENOENT, directory);
  const deadline = performance.now() + waitLimitMs;
  for (;;) {
    // A v1 group that a new process joins while it freezes stays FREEZING until it is told again.
    const failed = writeKernelFile(freezer.file, frozen ? freezer.frozen : freezer.thawed);
    if (failed !== 0) throw new SyscallError("write", failed, freezer.file);
    for (let attempt = 0; attempt < 20; attempt += 1) {
      if (freezer.reached(frozen)) return;
      await pause(waitStepMs);
    }
    if (performance.now() < deadline) continue;
    // Half frozen helps nobody.
    if (frozen) writeKernelFile(freezer.file, freezer.thawed);
    throw new SyscallError("freeze", errno.ETIMEDOUT, directory);
  }
}

/** Stops every process of the group where it is; returns when all have stopped. Throws ETIMEDOUT after 10 s, thawed. */
export function freezeCgroup(facts: CgroupFacts, directory: string): Promise<void> {
  return setFrozen(facts, directory, true);
}

/** Whether it is frozen, or was told to be. */
export function isCgroupFrozen(facts: CgroupFacts, directory: string): boolean {
  return freezerOf(facts, directory)?.reached(true) === true;
}

/** Takes `freezeCgroup` back. */
export function thawCgroup(facts: CgroupFacts, directory: string): Promise<void> {
  return setFrozen(facts, directory, false);
}
