/** Whether this process may make cgroups: root may, an ordinary user only where groups were handed to it. */
import { isWritable } from "../../kernel/files.ts";
import { trySyscall } from "../../kernel/syscall.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { CgroupFacts } from "../../linux/host-facts.ts";
import type { OciResources } from "../../oci/mod.ts";

/**
 * False: the container stays in the caller's groups. Throws `unavailable` when limits are asked for that could then
 * not be kept.
 */
export function mayMakeGroups(facts: CgroupFacts, resources: OciResources | undefined): boolean {
  if (trySyscall("geteuid") === 0) return true;
  const tops = [
    ...facts.v1.map(({ mountPoint }) => mountPoint),
    ...(facts.v2 === null ? [] : [facts.v2.mountPoint]),
  ];
  if (tops.length > 0 && tops.every((top) => isWritable(top))) return true;
  const { devices: _devices, ...limits } = resources ?? {};
  const [limit] = Object.keys(limits);
  if (limit === undefined) return false;
  throw new TiffinError(
    "unavailable",
    "runtime.no-group-rights",
    `linux.resources.${limit} cannot be kept: this user may not make cgroups`,
    { remedy: "run as root, or leave the limits out" },
  );
}
