/** Which groups a further process of a container joins. */
import { readTextIfPossible } from "../../kernel/files.ts";
import { unifiedHierarchy } from "../../linux/cgroup.ts";
import { parseProcessCgroups } from "../../linux/proc.ts";
import type { ContainerGroup } from "./container-group.ts";

/**
 * Directory by hierarchy. `pid`: the main process. Where it is now includes what an update has added; in cgroup v2 it may
 * have gone into a group below (an init system does), and then the container's own takes no process any more.
 */
export function processGroups(
  { directory, facts, joined }: ContainerGroup,
  pid: number,
): Map<string, string> {
  const groups = new Map<string, string>();
  const current = parseProcessCgroups(readTextIfPossible(`/proc/${pid}/cgroup`) ?? "");
  for (const { name, controllers } of facts.v1) {
    const own = current.find((each) => each.controllers.some((one) => controllers.includes(one)));
    if (joined.includes(name) || own?.path === directory) groups.set(name, directory);
  }
  if (joined.includes(unifiedHierarchy)) {
    const own = current.find(({ hierarchyId }) => hierarchyId === 0)?.path ?? "";
    groups.set(unifiedHierarchy, own.startsWith(`${directory}/`) ? own : directory);
  }
  return groups;
}
