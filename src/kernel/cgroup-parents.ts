/**
 * Groups that a user names as the parent of a container's (`--cgroup-parent`). What is missing of them is made and bears
 * the engine's mark, an extended attribute, so that the last container to leave takes away what an engine made and
 * nothing that somebody else did; the mark outlives the engine as the group does.
 */
import { cgroupPath } from "../linux/cgroup.ts";
import type { CgroupFacts } from "../linux/host-facts.ts";
import { atFlags } from "../linux/open-flags.ts";
import { cgroupHierarchies, createCgroup } from "./cgroup.ts";
import { cString, trySyscall } from "./syscall.ts";

const markName = "trusted.tiffin.made";

/** `/a/b/c` -> `/a`, `/a/b`, `/a/b/c`. */
function chainTo(directory: string): string[] {
  const names = directory.split("/").filter((name) => name !== "");
  return names.map((_, index) => `/${names.slice(0, index + 1).join("/")}`);
}

/** Makes `directory` in one hierarchy; what was missing of it bears `mark`. Throws `SyscallError`. */
export function makeCgroupParents(
  facts: CgroupFacts,
  hierarchy: string,
  directory: string,
  mark: string,
): void {
  const value = new TextEncoder().encode(mark);
  for (const each of chainTo(directory)) {
    if (!createCgroup(facts, hierarchy, each)) continue;
    const path = cgroupPath(facts, hierarchy, each);
    // Where the kernel keeps no attributes the group stays behind, empty.
    if (path !== undefined) trySyscall("setxattr", cString(path), cString(markName), value, value.length, 0);
  }
}

/** Takes `directory` and what is above it away in every hierarchy, as far as it is empty and bears `mark`. */
export function releaseCgroupParents(facts: CgroupFacts, directory: string, mark: string): void {
  for (const hierarchy of cgroupHierarchies(facts)) {
    for (const each of chainTo(directory).reverse()) {
      const path = cgroupPath(facts, hierarchy, each);
      if (path === undefined || !bears(path, mark)) break;
      if (trySyscall("unlinkat", atFlags.fdcwd, cString(path), atFlags.removeDirectory) < 0) break;
    }
  }
}

function bears(path: string, mark: string): boolean {
  const value = new Uint8Array(64);
  const length = trySyscall("getxattr", cString(path), cString(markName), value, value.length);
  return length >= 0 && new TextDecoder().decode(value.subarray(0, length)) === mark;
}
