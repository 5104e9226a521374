/**
 * What a container's limits mean on this machine's cgroups: which directories are made and what is written
 * where, in order. Pure; `kernel/cgroup.ts` performs it. Version 1 and 2 differ in files, units and what exists
 * at all; callers see one decision.
 */

import { type CgroupDecision, type CurrentMemory, unifiedHierarchy } from "./cgroup-decision.ts";
import type { CgroupResources } from "./cgroup-resources.ts";
import { decideV1 } from "./cgroup-v1.ts";
import { decideV2 } from "./cgroup-v2.ts";
import type { CgroupFacts } from "./host-facts.ts";

export type { CgroupDecision, CgroupRefusal, CgroupWrite, CurrentMemory } from "./cgroup-decision.ts";
export { unifiedHierarchy } from "./cgroup-decision.ts";

/**
 * Decides directories and writes. `current` is given for an update of a live group; a new group starts
 * unlimited. Device rules of an update replace the old ones.
 */
export function decideCgroup(
  resources: CgroupResources,
  facts: CgroupFacts,
  current?: CurrentMemory,
): CgroupDecision {
  switch (facts.mode) {
    case "v2":
      return decideV2(resources, facts, current);
    case "v1":
    case "hybrid":
      return decideV1(resources, facts, current);
    case "none":
      return {
        ...decideV1(resources, facts, current),
        directories: [],
        warnings: ["No cgroup is mounted: no limit is enforced"],
      };
  }
}

/** The absolute path of `directory` (such as `/tiffin/<id>`) in a hierarchy; undefined when it is not mounted. */
export function cgroupPath(facts: CgroupFacts, hierarchy: string, directory: string): string | undefined {
  const mountPoint =
    hierarchy === unifiedHierarchy
      ? facts.v2?.mountPoint
      : facts.v1.find((each) => each.name === hierarchy)?.mountPoint;
  return mountPoint === undefined ? undefined : mountPoint + directory;
}
