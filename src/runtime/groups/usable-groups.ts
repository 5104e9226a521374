/**
 * In which cgroup hierarchies this process may give a container its group. Root may in all of them; an ordinary user,
 * and the root of a user namespace, only where a directory was handed to it.
 */

import { exists, isWritable } from "../../kernel/files.ts";
import { TiffinError } from "../../lib/errors.ts";
import { own } from "../../lib/own.ts";
import { type CgroupFacts, type HostFacts, type IdentityFacts, v1Hierarchy } from "../../linux/host-facts.ts";
import type { OciResources } from "../../oci/mod.ts";

export interface WantedGroup {
  /** Below the top of each hierarchy. */
  readonly directory: string;
  /** `linux.cgroupsPath` as it was given. */
  readonly path: string | undefined;
  readonly resources: OciResources | undefined;
}

/** The v1 controllers (and in v2 the names) behind each limit. Device rules are not among them: nobody but the host's root can set any. */
const controllersOf: Readonly<Record<string, readonly string[]>> = {
  memory: ["memory"],
  cpu: ["cpu"],
  pids: ["pids"],
  blockIO: ["blkio"],
  hugepageLimits: ["hugetlb"],
  network: ["net_cls", "net_prio"],
  rdma: ["rdma"],
  unified: [],
};

/**
 * The hierarchies to use; null when there is none, and the container stays in the caller's groups. Throws `unavailable`
 * for a path or a limit that was asked for and could then not be kept.
 */
export function usableCgroups(facts: HostFacts, wanted: WantedGroup): CgroupFacts | null {
  const { cgroup, identity } = facts;
  if (isHostRoot(identity)) return cgroup;
  const v1 = cgroup.v1.filter(({ mountPoint }) => mayMake(mountPoint, wanted.directory));
  const v2 = cgroup.v2 !== null && mayEnter(cgroup.v2, wanted.directory) ? cgroup.v2 : null;
  const usable = { ...cgroup, v1, v2 };
  const isNone = v2 === null && !v1.some(({ name }) => !name.startsWith("name="));
  if (isNone && (wanted.path ?? "") !== "") {
    throw new TiffinError(
      "unavailable",
      "runtime.no-group-rights",
      `linux.cgroupsPath is ${JSON.stringify(wanted.path)}, and this user may not make cgroups there`,
      { remedy: "leave it out, or have a directory above it handed to this user" },
    );
  }
  checkLimits(wanted.resources, usable);
  return isNone ? null : usable;
}

/**
 * Where the groups of a caller without rights over all of them begin: v2, beside its own, which has members and therefore
 * hands on no controllers. Empty: at the top.
 */
export function groupAboveCaller({ cgroup, identity }: HostFacts): string {
  if (isHostRoot(identity) || cgroup.mode !== "v2" || cgroup.v2 === null) return "";
  return cgroup.v2.ownPath.slice(0, Math.max(0, cgroup.v2.ownPath.lastIndexOf("/")));
}

/** The root of the host, not the one of a user namespace. */
export function isHostRoot({ uid, inUserNamespace }: IdentityFacts): boolean {
  return uid === 0 && !inUserNamespace;
}

function checkLimits(resources: OciResources | undefined, usable: CgroupFacts): void {
  const lost = Object.entries(resources ?? {}).find(([limit, value]) => {
    const controllers = own(controllersOf, limit);
    if (controllers === undefined || asksNothing(value)) return false;
    if (usable.mode === "v2" || limit === "unified") return usable.v2 === null;
    return controllers.every((controller) => v1Hierarchy(usable, controller) === undefined);
  });
  if (lost === undefined) return;
  throw new TiffinError(
    "unavailable",
    "runtime.no-group-rights",
    `linux.resources.${lost[0]} cannot be kept: this user may not make cgroups`,
    { remedy: "run as root, or leave the limits out" },
  );
}

/** Engines write sections without a limit in them. */
function asksNothing(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.values(value).every(asksNothing);
  return value === undefined || value === null || value === false || value === "" || Number(value) <= 0;
}

/** The nearest directory above that exists is what a new one is made in. */
function mayMake(mountPoint: string, directory: string): boolean {
  let path = directory;
  while (path !== "" && !exists(`${mountPoint}${path}`)) path = path.slice(0, path.lastIndexOf("/"));
  return isWritable(`${mountPoint}${path}`);
}

/** v2 also asks for rights over the lowest group that the old and the new place have in common (cgroups(7)). */
function mayEnter({ mountPoint, ownPath }: NonNullable<CgroupFacts["v2"]>, directory: string): boolean {
  if (!mayMake(mountPoint, directory)) return false;
  const [own, target] = [ownPath.split("/"), directory.split("/")];
  const different = own.findIndex((part, index) => part !== target[index]);
  const common = (different < 0 ? own : own.slice(0, different)).join("/");
  return isWritable(`${mountPoint}${common === "/" ? "" : common}/cgroup.procs`);
}
