/** Which groups the process of an `exec` joins: the container's, or what `--cgroup` names below them. */
import { exists } from "../../kernel/files.ts";
import { cgroupPath } from "../../linux/cgroup.ts";
import { cleanPath } from "../../plan/container-path.ts";
import { type ContainerGroup, processGroups } from "../../runtime/groups/mod.ts";
import { usage } from "../flags.ts";

/** Directory by hierarchy: where the process goes. */
export type ExecGroups = ReadonlyMap<string, string>;

/**
 * `pid`: the main process. `wanted`: the values of `--cgroup`, each `[CONTROLLER[,CONTROLLER...]:]PATH`. Throws `invalid` for
 * a path that is not below the container's group.
 */
export function execGroups(
  cgroup: ContainerGroup | null,
  pid: number,
  wanted: readonly string[],
): ExecGroups {
  if (cgroup === null) {
    if (wanted.length > 0) throw usage("--cgroup is given, but the container has no cgroup");
    return new Map();
  }
  const groups = processGroups(cgroup, pid);
  for (const word of wanted) goBelow(groups, cgroup, word, wanted.length);
  return groups;
}

function goBelow(groups: Map<string, string>, cgroup: ContainerGroup, word: string, count: number): void {
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
function namedHierarchy(groups: ExecGroups, { facts }: ContainerGroup, name: string, word: string): string {
  const found = facts.v1.find((each) => each.name === name || each.controllers.includes(name))?.name ?? name;
  if (groups.has(found)) return found;
  throw usage(`--cgroup ${word}: the container has no group of controller ${JSON.stringify(name)}`);
}
