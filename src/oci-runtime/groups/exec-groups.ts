/** Which groups the process of an `exec` joins: the container's, or what `--cgroup` names below them. */
import { exists, readTextIfPossible } from "../../kernel/files.ts";
import { cgroupPath, unifiedHierarchy } from "../../linux/cgroup.ts";
import { parseProcessCgroups } from "../../linux/proc.ts";
import { cleanPath } from "../../plan/container-path.ts";
import type { RecordedCgroup } from "../container/container-record.ts";
import { usage } from "../flags.ts";

/** Directory by hierarchy: where the process goes. */
export type ExecGroups = ReadonlyMap<string, string>;

/**
 * `pid`: the main process. Where it is now includes what an update has added; in cgroup v2 it may have gone into a group below
 * (an init system does), and then the container's own takes no process any more. `wanted`: the values of `--cgroup`,
 * each `[CONTROLLER[,CONTROLLER...]:]PATH`. Throws `invalid` for a path that is not below the container's group.
 */
export function execGroups(
  cgroup: RecordedCgroup | null,
  pid: number,
  wanted: readonly string[],
): ExecGroups {
  const groups = new Map<string, string>();
  if (cgroup === null) {
    if (wanted.length > 0) throw usage("--cgroup is given, but the container has no cgroup");
    return groups;
  }
  const { directory, facts, joined } = cgroup;
  const current = parseProcessCgroups(readTextIfPossible(`/proc/${pid}/cgroup`) ?? "");
  for (const { name, controllers } of facts.v1) {
    const own = current.find((each) => each.controllers.some((one) => controllers.includes(one)));
    if (joined.includes(name) || own?.path === directory) groups.set(name, directory);
  }
  if (joined.includes(unifiedHierarchy)) {
    const own = current.find(({ hierarchyId }) => hierarchyId === 0)?.path ?? "";
    groups.set(unifiedHierarchy, own.startsWith(`${directory}/`) ? own : directory);
  }
  for (const word of wanted) goBelow(groups, cgroup, word, wanted.length);
  return groups;
}

function goBelow(groups: Map<string, string>, cgroup: RecordedCgroup, word: string, count: number): void {
  const colon = word.indexOf(":");
  const path = word.slice(colon + 1);
  if (path.split("/").includes("..")) throw usage(`--cgroup ${word}: ${path} is not a sub cgroup path`);
  const below = cleanPath(`/${path}`);
  const target = `${cgroup.directory}${below === "/" ? "" : below}`;
  if (colon < 0 && count > 1) throw usage(`--cgroup ${word}: one of several needs its controller`);
  const has = (hierarchy: string): boolean => exists(cgroupPath(cgroup.facts, hierarchy, target) ?? "");
  // Without a controller's name it need not be in every hierarchy, but it must be somewhere.
  const hierarchies =
    colon < 0
      ? [...groups.keys()].filter(has)
      : word
          .slice(0, colon)
          .split(",")
          .map((name) => namedHierarchy(groups, cgroup, name, word));
  if (hierarchies.length === 0 || !hierarchies.every(has)) {
    throw usage(`--cgroup ${word}: there is no group ${target}`);
  }
  for (const hierarchy of hierarchies) groups.set(hierarchy, target);
}

/** By the hierarchy's own name, or by a controller in it. */
function namedHierarchy(groups: ExecGroups, { facts }: RecordedCgroup, name: string, word: string): string {
  const found = facts.v1.find((each) => each.name === name || each.controllers.includes(name))?.name ?? name;
  if (groups.has(found)) return found;
  throw usage(`--cgroup ${word}: the container has no group of controller ${JSON.stringify(name)}`);
}
