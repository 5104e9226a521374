/**
 * Whose the container's cgroup v2 group is. A container that sees its own group writable gets the group itself and
 * the files that the kernel lists as safe to delegate, and nothing else: limits stay the host's. The specification's
 * "cgroup ownership"; cgroups(7)
 */
import { readTextIfPossible } from "../../kernel/files.ts";
import { SyscallError, syscall } from "../../kernel/syscall.ts";
import { cgroupPath, unifiedHierarchy } from "../../linux/cgroup.ts";
import type { CgroupFacts } from "../../linux/host-facts.ts";
import type { RuntimeSpec } from "../../oci/mod.ts";
import { mappedId } from "../../oci/mod.ts";

const listOfKernel = "/sys/kernel/cgroup/delegate";
const listWithoutKernel = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n";
const workingDirectory = -100;
const sameGroup = 0xffff_ffff;
const encoder = new TextEncoder();

/** The user of the host that the group is to belong to; undefined where it stays the runtime's. */
export function groupOwner(
  { linux = {}, mounts = [], process }: RuntimeSpec,
  facts: CgroupFacts,
): number | undefined {
  if (facts.mode !== "v2") return undefined;
  const isOwn = (linux.namespaces ?? []).some(({ type, path = "" }) => type === "cgroup" && path === "");
  const isWritable = mounts.some(
    ({ source, destination, options = [] }) =>
      source === "cgroup" && destination === "/sys/fs/cgroup" && !options.includes("ro"),
  );
  if (!isOwn || !isWritable) return undefined;
  const owner = mappedId(linux.uidMappings, process?.user.uid ?? 0);
  return owner === 0 ? undefined : owner;
}

/** Gives the group in `directory` to `owner`. A listed file that the group does not have is no failure. */
export function giveGroup(facts: CgroupFacts, directory: string, owner: number): void {
  const group = cgroupPath(facts, unifiedHierarchy, directory);
  if (group === undefined) return;
  const list = readTextIfPossible(listOfKernel) ?? listWithoutKernel;
  const files = list.split("\n").filter((name) => name !== "" && !name.includes("/"));
  give(group, owner);
  for (const name of files) {
    try {
      give(`${group}/${name}`, owner);
    } catch (thrown) {
      if (!(thrown instanceof SyscallError) || thrown.code !== "ENOENT") throw thrown;
    }
  }
}

function give(path: string, owner: number): void {
  syscall("fchownat", path, workingDirectory, encoder.encode(`${path}\0`), owner, sameGroup, 0);
}
