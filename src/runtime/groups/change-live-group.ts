/** New limits for a group with processes in it. */
import { changeCgroup, type GroupChange, moveIntoCgroup } from "../../kernel/cgroup.ts";
import { listCgroupProcesses } from "../../kernel/cgroup-processes.ts";
import { exists } from "../../kernel/files.ts";
import { type CgroupDecision, cgroupPath } from "../../linux/cgroup.ts";
import type { ContainerGroup } from "./container-group.ts";

type LiveGroup = Pick<ContainerGroup, "directory" | "facts">;

/**
 * Performs a decision; a refused one changes nothing, and throws. The first limit of a kind (cpuset, say) may need a group of a
 * further hierarchy, which the processes then join. Device rules stay as they are.
 */
export function changeLiveGroup({ directory, facts }: LiveGroup, decision: CgroupDecision): GroupChange {
  // Those would be the defaults.
  const writes = decision.writes.filter(({ file }) => !file.startsWith("devices."));
  const named = new Set(writes.map(({ hierarchy }) => hierarchy));
  const added = [...named].filter((name) => !exists(cgroupPath(facts, name, directory) ?? "/"));
  const changes = { ...decision, directories: added, writes, deviceProgram: null };
  const change = changeCgroup(facts, directory, changes);
  for (const pid of added.length === 0 ? [] : listCgroupProcesses(facts, directory)) {
    for (const hierarchy of added) moveIntoCgroup(facts, hierarchy, directory, pid);
  }
  return change;
}
