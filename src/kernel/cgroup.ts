/**
 * A container's cgroup directories: made, written, opened for a start, removed. A directory is named the same in
 * every hierarchy (`/tiffin/<id>`); which hierarchies take part was decided by `linux/cgroup.ts`.
 */
import { dirname } from "node:path";
import { TiffinError } from "../lib/errors.ts";
import { pause } from "../lib/timer.ts";
import {
  type CgroupDecision,
  type CgroupWrite,
  type CurrentMemory,
  cgroupPath,
  unifiedHierarchy,
} from "../linux/cgroup.ts";
import { parseLimit } from "../linux/cgroup-stats.ts";
import { errno, errnoName, errnoText } from "../linux/errno.ts";
import { type CgroupFacts, hasController, v1Hierarchy } from "../linux/host-facts.ts";
import { atFlags } from "../linux/open-flags.ts";
import { attachDeviceProgram } from "./bpf.ts";
import { listDirectory } from "./directory.ts";
import { openFile, openFlags, readTextIfPossible, tryOpenFile, writeKernelFile, writeOnce } from "./files.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { cString, SyscallError, trySyscall } from "./syscall.ts";

/** Names of all mounted hierarchies, v2 last. */
export function cgroupHierarchies(facts: CgroupFacts): string[] {
  const names = facts.v1.map((hierarchy) => hierarchy.name);
  return facts.v2 === null ? names : [...names, unifiedHierarchy];
}

function pathOf(facts: CgroupFacts, hierarchy: string, directory: string): string {
  const path = cgroupPath(facts, hierarchy, directory);
  if (path !== undefined) return path;
  throw new TiffinError(
    "unavailable",
    "cgroup.not-mounted",
    `cgroup hierarchy "${hierarchy}" is not mounted`,
  );
}

/**
 * Makes `directory` in one hierarchy, with missing parents. True when this call made it; false when it was there.
 * Throws `SyscallError`.
 */
export function createCgroup(facts: CgroupFacts, hierarchy: string, directory: string): boolean {
  const path = pathOf(facts, hierarchy, directory);
  const result = trySyscall("mkdirat", atFlags.fdcwd, cString(path), 0o755);
  if (result === -errno.EEXIST) return false;
  if (result === -errno.ENOENT) {
    const parent = dirname(directory);
    if (parent === directory) throw new SyscallError("mkdirat", errno.ENOENT, path);
    createCgroup(facts, hierarchy, parent);
    return createCgroup(facts, hierarchy, directory);
  }
  if (result < 0) throw new SyscallError("mkdirat", -result, path);
  if (v1Hierarchy(facts, "cpuset")?.name === hierarchy) inheritCpuset(path);
  if (hierarchy === unifiedHierarchy) completeControllers(facts, directory);
  return true;
}

/** v2: a parent that somebody else has made hands on what they needed, which may be less than a container does. */
function completeControllers(facts: CgroupFacts, directory: string): void {
  if (facts.mode !== "v2" || facts.v2 === null) return;
  const given =
    readTextIfPossible(`${facts.v2.mountPoint}${directory}/cgroup.controllers`)?.trim().split(" ") ?? [];
  if (facts.v2.controllers.some((controller) => !given.includes(controller))) {
    enableControllers(facts, dirname(directory));
  }
}

/** A new v1 cpuset is empty and takes no process, unless its parent passes values on. */
function inheritCpuset(path: string): void {
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    const own = readTextIfPossible(`${path}/${file}`)?.trim();
    if (own !== "") continue;
    const above = readTextIfPossible(`${dirname(path)}/${file}`)?.trim() ?? "";
    const failed = writeKernelFile(`${path}/${file}`, above);
    if (failed !== 0) throw new SyscallError("write", failed, `${path}/${file}`);
  }
  // Groups that the container makes below inherit without our help.
  writeKernelFile(`${path}/cgroup.clone_children`, "1");
}

/** v2: lets every available controller work in the children of `directory`, from the top down. */
function enableControllers(facts: CgroupFacts, directory: string): void {
  const mountPoint = facts.v2?.mountPoint;
  if (facts.mode !== "v2" || mountPoint === undefined) return;
  const parts = directory.split("/").filter((part) => part !== "");
  for (let depth = 0; depth <= parts.length; depth += 1) {
    const path = `${mountPoint}/${parts.slice(0, depth).join("/")}`;
    const enabled = new Set(readTextIfPossible(`${path}/cgroup.subtree_control`)?.trim().split(" "));
    for (const controller of facts.v2?.controllers ?? []) {
      if (enabled.has(controller)) continue;
      // One by one: a controller that cannot be had here (cpu with real-time tasks) must not cost the others.
      writeKernelFile(`${path}/cgroup.subtree_control`, `+${controller}`);
    }
  }
}

/** v2: lets every available controller work in `directory`, which somebody else has made. */
export function delegateControllers(facts: CgroupFacts, directory: string): void {
  enableControllers(facts, dirname(directory));
}

/**
 * Makes the parent of all containers' groups in every hierarchy and delegates controllers to it. Idempotent; done
 * once per engine so that a start only makes its own directories.
 */
export function prepareCgroupParent(facts: CgroupFacts, parent: string): void {
  for (const hierarchy of cgroupHierarchies(facts)) {
    if (hierarchy.startsWith("name=")) continue;
    createCgroup(facts, hierarchy, parent);
  }
  if (facts.v2 !== null) enableControllers(facts, parent);
}

/** One file of one group. */
export interface GroupWrite extends Omit<CgroupWrite, "cause"> {
  readonly directory: string;
}

/**
 * Writes files of groups one after another; values that go to the same file in a row (device rules) share one
 * open file, which `using` closes.
 */
export class CgroupWriter implements Disposable {
  readonly #facts: CgroupFacts;
  #path = "";
  #file: OwnedFd | undefined;

  constructor(facts: CgroupFacts) {
    this.#facts = facts;
  }

  /**
   * Undefined on success; a sentence when it failed with a tolerated errno; otherwise throws `SyscallError`.
   */
  write(
    hierarchy: string,
    directory: string,
    file: string,
    value: string,
    tolerate: readonly string[] = [],
  ): string | undefined {
    const path = `${pathOf(this.#facts, hierarchy, directory)}/${file}`;
    const failed = this.#writeTo(path, value);
    if (failed === 0) return undefined;
    if (!tolerate.includes(errnoName(failed))) {
      if (failed === errno.ENOENT && hierarchy === unifiedHierarchy) checkEnabled(path);
      throw new SyscallError("write", failed, `"${value}" to ${path}`);
    }
    return `${file} was not set to ${value}: ${errnoText(failed)}`;
  }

  /**
   * Writes all of them and returns warnings. Limits bound each other, so the kernel may refuse one (EINVAL) while another still
   * has its old value: a shorter period before a smaller quota, below a group that allows little; a memory limit above
   * the old sum of memory and swap; a quota below the old burst. Whatever was refused is written again after the
   * others, until nothing changes any more. `written` hears of each that has been tried, and whether its failure was let pass. Throws as `write` does, for the first
   * that is refused for good.
   */
  writeAll(
    writes: readonly GroupWrite[],
    written: (write: GroupWrite, isTolerated: boolean) => void = () => {},
  ): string[] {
    const warnings: string[] = [];
    let left = writes;
    for (;;) {
      const refused: { readonly write: GroupWrite; readonly reason: SyscallError }[] = [];
      for (const write of left) {
        let isTolerated = false;
        try {
          const warning = this.write(
            write.hierarchy,
            write.directory,
            write.file,
            write.value,
            write.tolerate,
          );
          isTolerated = warning !== undefined;
          if (warning !== undefined && write.isOneOfSeveral !== true) warnings.push(warning);
        } catch (thrown) {
          if (!(thrown instanceof SyscallError) || thrown.errno !== errno.EINVAL) throw thrown;
          refused.push({ write, reason: thrown });
        }
        written(write, isTolerated);
      }
      const [first] = refused;
      if (first === undefined) return warnings;
      if (refused.length === left.length) throw first.reason;
      left = refused.map(({ write }) => write);
    }
  }

  #writeTo(path: string, value: string): number {
    if (path !== this.#path) {
      this[Symbol.dispose]();
      const opened = tryOpenFile(path, openFlags.writeOnly);
      if (typeof opened === "number") return opened;
      this.#path = path;
      this.#file = opened;
    }
    return this.#file === undefined ? errno.EBADF : writeOnce(this.#file, value);
  }

  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
    this.#path = "";
  }
}

/** v2: a limit's file that is not there. Throws `unavailable` when its controller is off in the group. */
function checkEnabled(path: string): void {
  const cut = path.lastIndexOf("/");
  const [group, file] = [path.slice(0, cut), path.slice(cut + 1)];
  const controller = file.slice(0, file.indexOf("."));
  const enabled = readTextIfPossible(`${group}/cgroup.controllers`)?.trim().split(" ") ?? [controller];
  if (controller === "cgroup" || enabled.includes(controller)) return;
  throw new TiffinError(
    "unavailable",
    "cgroup.controller-off",
    `${file} cannot be set in ${group}: the controller ${controller} is off there`,
    { remedy: "cgroup v2 turns controllers on only below groups that have no processes of their own" },
  );
}

/** Performs a whole decision on `directory`, making the directories: warnings come back. */
export function applyCgroup(facts: CgroupFacts, directory: string, decision: CgroupDecision): string[] {
  const warnings: string[] = [...decision.warnings];
  for (const hierarchy of decision.directories) createCgroup(facts, hierarchy, directory);
  using writer = new CgroupWriter(facts);
  warnings.push(...writer.writeAll(decision.writes.map((write) => ({ ...write, directory }))));
  if (decision.deviceProgram !== null) setDeviceProgram(facts, directory, decision.deviceProgram);
  return warnings;
}

/** What a live group has been told, and how to take that back. */
export interface GroupChange {
  readonly warnings: string[];
  /** The files have what they had; best effort. */
  readonly revert: () => void;
}

/**
 * The same for a live group: when a write fails, the files that were written before get back what they had, so that a
 * refused update changes nothing. (Not device rules, which are written last.)
 */
export function changeCgroup(facts: CgroupFacts, directory: string, decision: CgroupDecision): GroupChange {
  for (const hierarchy of decision.directories) createCgroup(facts, hierarchy, directory);
  const before = decision.writes.flatMap(({ hierarchy, file }): GroupWrite[] => {
    const value = readTextIfPossible(`${pathOf(facts, hierarchy, directory)}/${file}`)?.trim();
    if (value === undefined || value.includes("\n")) return [];
    // Of some files nothing is a value, and it takes a line to write that.
    return [{ hierarchy, directory, file, value: value === "" ? "\n" : value, tolerate: [] }];
  });
  const revert = (): void => restore(facts, before.toReversed());
  try {
    return { warnings: applyCgroup(facts, directory, { ...decision, directories: [] }), revert };
  } catch (thrown) {
    revert();
    throw thrown;
  }
}

/** Best effort: what is told is why the update was refused. */
function restore(facts: CgroupFacts, before: readonly GroupWrite[]): void {
  const changed = before.filter(
    ({ hierarchy, directory, file, value }) =>
      readTextIfPossible(`${pathOf(facts, hierarchy, directory)}/${file}`)?.trim() !== value.trim(),
  );
  try {
    using writer = new CgroupWriter(facts);
    writer.writeAll(changed);
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
  }
}

/** v2: makes `program` the device rules of the group, in place of an earlier one. */
export function setDeviceProgram(facts: CgroupFacts, directory: string, program: Uint8Array): void {
  using group = openCgroupDirectory(facts, directory);
  attachDeviceProgram(group, program);
}

/** v1: the `tasks` file, opened for a process to move itself by writing `0`. */
export function openCgroupTasks(facts: CgroupFacts, hierarchy: string, directory: string): OwnedFd {
  const path = `${pathOf(facts, hierarchy, directory)}/tasks`;
  return openFile(undefined, path, openFlags.writeOnly);
}

/** v2: the directory, for CLONE_INTO_CGROUP and for attaching programs. */
export function openCgroupDirectory(facts: CgroupFacts, directory: string): OwnedFd {
  const path = pathOf(facts, unifiedHierarchy, directory);
  return openFile(undefined, path, openFlags.readOnly | openFlags.directory);
}

/** What counts OOM kills: memory.oom_control (v1) or memory.events (v2), opened for reading. */
export function openOomFile(facts: CgroupFacts, directory: string): OwnedFd | undefined {
  const path = oomPath(facts, directory);
  return path === undefined ? undefined : openFile(undefined, path, openFlags.readOnly);
}

function oomPath(facts: CgroupFacts, directory: string): string | undefined {
  if (!hasController(facts, "memory")) return undefined;
  if (facts.mode === "v2") return `${pathOf(facts, unifiedHierarchy, directory)}/memory.events`;
  const memory = v1Hierarchy(facts, "memory");
  return memory === undefined ? undefined : `${memory.mountPoint}${directory}/memory.oom_control`;
}

/** How many processes of the group the OOM killer has killed; 0 when the group is gone. */
export function readOomKills(facts: CgroupFacts, directory: string): number {
  const path = oomPath(facts, directory);
  const text = path === undefined ? undefined : readTextIfPossible(path);
  return Number(/^oom_kill (\d+)$/m.exec(text ?? "")?.[1] ?? "0");
}

/** The memory limits in force, for `decideCgroup` of an update. */
export function readCurrentMemory(facts: CgroupFacts, directory: string): CurrentMemory {
  const v1 = facts.mode === "v2" ? undefined : v1Hierarchy(facts, "memory");
  const base = v1 === undefined ? cgroupPath(facts, unifiedHierarchy, directory) : v1.mountPoint + directory;
  const limit = (file: string): number => parseLimit(readTextIfPossible(`${base}/${file}`)) ?? Infinity;
  if (v1 !== undefined) {
    return {
      limitBytes: limit("memory.limit_in_bytes"),
      memoryAndSwapBytes: limit("memory.memsw.limit_in_bytes"),
    };
  }
  const limitBytes = limit("memory.max");
  return { limitBytes, memoryAndSwapBytes: limitBytes + limit("memory.swap.max") };
}

/** The names directly below `parent`, in any hierarchy: what an engine finds at its start. */
export function listCgroups(facts: CgroupFacts, parent: string): string[] {
  const names = new Set<string>();
  for (const hierarchy of cgroupHierarchies(facts)) {
    const path = cgroupPath(facts, hierarchy, parent);
    if (path !== undefined) for (const name of subdirectories(path)) names.add(name);
  }
  return [...names].sort();
}

/** Names of the directories in `path`; none when it is gone. */
export function subdirectories(path: string): string[] {
  const fd = trySyscall(
    "openat",
    atFlags.fdcwd,
    cString(path),
    openFlags.directory | openFlags.closeOnExec,
    0,
  );
  if (fd < 0) return [];
  try {
    return listDirectory(fd, path)
      .filter((entry) => entry.type === "directory")
      .map((entry) => entry.name);
  } catch (thrown) {
    // Somebody else (systemd) has removed it since it was opened.
    if (thrown instanceof SyscallError && thrown.code === "ENOENT") return [];
    throw thrown;
  } finally {
    trySyscall("close", fd);
  }
}

/** How long a group whose processes have just ended may still be busy, and how often that is looked at. */
const busyLimitMs = 5000;
const busyStepMs = 2;

/**
 * Removes `directory` with everything below it from every hierarchy. A group whose last process is still on its
 * way out is tried again for up to 5 s; then throws `SyscallError` EBUSY. Groups that are gone are fine.
 */
export async function removeCgroup(facts: CgroupFacts, directory: string): Promise<void> {
  const waited = performance.now();
  for (;;) {
    const busy = tryRemoveCgroup(facts, directory);
    if (busy === undefined) return;
    if (performance.now() - waited > busyLimitMs) throw new SyscallError("rmdir", errno.EBUSY, busy);
    await pause(busyStepMs);
  }
}

/** Takes one directory away where it is empty, without a word where it is not. */
export function removeEmptyCgroup(facts: CgroupFacts, hierarchy: string, directory: string): void {
  const path = cString(pathOf(facts, hierarchy, directory));
  trySyscall("unlinkat", atFlags.fdcwd, path, atFlags.removeDirectory);
}

/** One attempt, without waiting: undefined when nothing is left, else a path that is still busy. */
export function tryRemoveCgroup(facts: CgroupFacts, directory: string): string | undefined {
  let busy: string | undefined;
  for (const hierarchy of cgroupHierarchies(facts)) {
    const path = cgroupPath(facts, hierarchy, directory);
    if (path !== undefined) busy = removeTree(path, 0) ?? busy;
  }
  return busy;
}

const depthLimit = 32;

function removeTree(path: string, depth: number): string | undefined {
  const result = trySyscall("unlinkat", atFlags.fdcwd, cString(path), atFlags.removeDirectory);
  if (result === 0 || result === -errno.ENOENT) return undefined;
  if (result !== -errno.EBUSY && result !== -errno.ENOTEMPTY) throw new SyscallError("rmdir", -result, path);
  // Busy has two reasons: processes, or groups below, which have to go first.
  const below = depth < depthLimit ? subdirectories(path) : [];
  if (below.length === 0) return path;
  for (const name of below) {
    const busy = removeTree(`${path}/${name}`, depth + 1);
    if (busy !== undefined) return busy;
  }
  return trySyscall("unlinkat", atFlags.fdcwd, cString(path), atFlags.removeDirectory) === 0
    ? undefined
    : path;
}

/** Moves a process that is not ours to ask into every group of `directory` (the OCI command line's exec). */
export function moveIntoCgroup(facts: CgroupFacts, hierarchy: string, directory: string, pid: number): void {
  const path = `${pathOf(facts, hierarchy, directory)}/cgroup.procs`;
  const failed = writeKernelFile(path, String(pid));
  if (failed !== 0) throw new SyscallError("write", failed, path);
}
