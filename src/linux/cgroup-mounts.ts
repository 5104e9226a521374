/** Which cgroup hierarchies are mounted where, from mountinfo and /proc/self/cgroup. */
import type { CgroupFacts, CgroupV1Hierarchy, CgroupV2Hierarchy } from "./host-facts.ts";
import type { MountEntry } from "./mountinfo.ts";
import type { ProcessCgroup } from "./proc.ts";

/** Mount options of a v1 hierarchy that are not controllers. */
const notControllers = new Set([
  "rw",
  "ro",
  "xattr",
  "noprefix",
  "clone_children",
  "cpuset_v2_mode",
  "favordynmods",
  "none",
  "all",
]);

/**
 * Decides the mode. `v2Controllers` is the content of cgroup.controllers at the v2 mount, `swapAccounting` what
 * the probe found. A hierarchy that is mounted several times counts once, at its first full mount.
 */
export function cgroupFactsOf(
  mounts: readonly MountEntry[],
  own: readonly ProcessCgroup[],
  v2Controllers: readonly string[],
  swapAccounting: boolean,
): CgroupFacts {
  const v1 = new Map<string, CgroupV1Hierarchy>();
  let v2: CgroupV2Hierarchy | null = null;
  for (const mount of mounts) {
    if (mount.type === "cgroup2" && v2 === null) {
      const path = own.find((group) => group.hierarchyId === 0)?.path ?? "/";
      v2 = { mountPoint: mount.mountPoint, ownPath: pathBelow(path, mount.root), controllers: v2Controllers };
    }
    if (mount.type !== "cgroup") continue;
    const controllers = mount.superOptions.filter(
      (option) => !notControllers.has(option) && !option.startsWith("release_agent="),
    );
    const name = controllers.join(",");
    if (name === "" || v1.has(name)) continue;
    const group = own.find((each) => each.controllers.some((controller) => controllers.includes(controller)));
    v1.set(name, {
      name,
      controllers,
      mountPoint: mount.mountPoint,
      ownPath: pathBelow(group?.path ?? "/", mount.root),
    });
  }
  const list = [...v1.values()];
  const hasControllers = list.some((hierarchy) => !hierarchy.name.startsWith("name="));
  const mode = hasControllers ? (v2 === null ? "v1" : "hybrid") : v2 === null ? "none" : "v2";
  return { mode, v1: list, v2, swapAccounting };
}

/** Where the mount shows only a part of the hierarchy, paths are counted from that part. */
function pathBelow(path: string, root: string): string {
  if (root === "/") return path;
  if (path === root) return "/";
  return path.startsWith(`${root}/`) ? path.slice(root.length) : path;
}
