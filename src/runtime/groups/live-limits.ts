/** What a change of limits has to know of the group as it is: version 2 keeps pairs of values in one file. */
import { readTextIfPossible } from "../../kernel/files.ts";
import { TiffinError } from "../../lib/errors.ts";
import { cgroupPath, unifiedHierarchy } from "../../linux/cgroup.ts";
import type { OciResources } from "../../oci/mod.ts";
import type { ContainerGroup } from "./container-group.ts";

/**
 * `resources` with what the group's files would lose otherwise: the quota beside a new period. Throws `conflict` where
 * `memory.checkBeforeUpdate` asks for a refusal: the kernel would rather kill than refuse (version 1 refuses itself).
 */
export function withLiveLimits(
  resources: OciResources,
  { directory, facts }: Pick<ContainerGroup, "directory" | "facts">,
): OciResources {
  const path = facts.mode === "v2" ? cgroupPath(facts, unifiedHierarchy, directory) : undefined;
  if (path === undefined) return resources;
  const read = (file: string): string => readTextIfPossible(`${path}/${file}`)?.trim() ?? "";
  const { cpu, memory } = resources;
  const limit = memory?.limit ?? 0;
  if (memory?.checkBeforeUpdate === true && limit > 0) {
    const used = Number(read("memory.current"));
    if (used > limit) {
      throw new TiffinError(
        "conflict",
        "runtime.memory-in-use",
        `linux.resources.memory.limit is ${limit}, less than the ${used} bytes in use`,
      );
    }
  }
  if (cpu?.period === undefined || cpu.period === 0 || (cpu.quota ?? 0) !== 0) return resources;
  const quota = Number(read("cpu.max").split(" ")[0]);
  return Number.isInteger(quota) ? { ...resources, cpu: { ...cpu, quota } } : resources;
}
