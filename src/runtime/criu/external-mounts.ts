/**
 * Mounts that come from outside of a container: criu saves only their places, and a restore says what to bind there.
 * At a checkpoint the places are read off the mount table; at a restore a source is offered for every place that the
 * configuration could have made, and criu takes what it needs.
 */
import { TiffinError } from "../../lib/errors.ts";
import { cgroupPath, unifiedHierarchy } from "../../linux/cgroup.ts";
import { type CgroupFacts, v1Hierarchy } from "../../linux/host-facts.ts";
import type { MountEntry } from "../../linux/mountinfo.ts";
import type { RuntimeSpec } from "../../oci/mod.ts";
import { hostGroupTree, readMountOptions } from "../../plan/mod.ts";
import type { Mapping } from "./messages.ts";

/** criu mounts a fresh one of these, whatever the old one was shared with. */
const ownTypes = new Set(["proc", "sysfs", "mqueue"]);

/**
 * Mount points of the container that show file systems of the host, or a part of one that the container itself has
 * nowhere as a whole. Throws `notImplemented` for what criu would restore as something else.
 */
export function externalMountPoints(container: readonly MountEntry[], host: readonly MountEntry[]): string[] {
  const idmapped = container.find(({ options }) => options.includes("idmapped"));
  if (idmapped !== undefined) {
    throw new TiffinError(
      "notImplemented",
      "runtime.checkpoint-idmap",
      `criu cannot save the id-mapped mount ${idmapped.mountPoint}`,
    );
  }
  const hostDevices = new Set(host.map(({ device }) => device));
  const isExternal = (mount: MountEntry): boolean => {
    if (mount.mountPoint === "/") return false;
    if (hostDevices.has(mount.device)) return !(ownTypes.has(mount.type) && mount.root === "/");
    return !container.some(({ device, root }) => device === mount.device && isAbove(root, mount.root));
  };
  return container.filter(isExternal).map(({ mountPoint }) => mountPoint);
}

/** True for `root` itself too only when it is the whole file system. */
function isAbove(root: string, path: string): boolean {
  return root === "/" || path.startsWith(`${root}/`);
}

export interface RestoreSources {
  readonly facts: CgroupFacts;
  /** The container's group; undefined when it has none of its own. */
  readonly group: string | undefined;
  /** Hierarchies in which it has that. */
  readonly joined: readonly string[];
  /** Mounts of the host, for what lies below a recursive bind. */
  readonly host: readonly MountEntry[];
  /** An empty directory, for masked ones. */
  readonly empty: string;
  /** Whether what is masked there is a directory. */
  readonly isDirectory: (path: string) => boolean;
  /** Where a path of the configuration is once its symlinks are followed: criu looks for it there. */
  readonly place: (path: string) => string;
  /** Devices of the container that may be binds. */
  readonly devices: readonly string[];
}

/** What to bind where, by mount point. Sources are paths of the host. */
export function externalSources(spec: RuntimeSpec, sources: RestoreSources): Mapping[] {
  const found = new Map<string, string>();
  for (const path of sources.devices) found.set(path, path);
  for (const { destination: path, type, source = "", options = [] } of spec.mounts ?? []) {
    const destination = sources.place(path);
    const { bind } = readMountOptions(options);
    if (type === "cgroup" || type === "cgroup2") {
      for (const { key, value } of groupSources(destination, sources)) found.set(key, value);
    } else if (type === "bind" || bind !== "no") {
      for (const { key, value } of treeSources(destination, source, sources.host)) found.set(key, value);
    }
  }
  for (const path of spec.linux?.maskedPaths ?? []) {
    found.set(sources.place(path), sources.isDirectory(path) ? sources.empty : "/dev/null");
  }
  return [...found].map(([key, value]) => ({ key, value }));
}

/** A recursive bind: the source, and what the host has mounted below it. */
function treeSources(destination: string, source: string, host: readonly MountEntry[]): Mapping[] {
  const below = host.filter(({ mountPoint }) => mountPoint.startsWith(`${source}/`));
  return [
    { key: destination, value: source },
    ...below.map(({ mountPoint }) => ({
      key: `${destination}${mountPoint.slice(source.length)}`,
      value: mountPoint,
    })),
  ];
}

function groupSources(destination: string, { facts, group, joined, host }: RestoreSources): Mapping[] {
  if (group === undefined) return treeSources(destination, hostGroupTree, host);
  // The one that is shown as a whole to a container without a group in it.
  const whole = v1Hierarchy(facts, "cpuset");
  const path = (name: string): string =>
    name === whole?.name && !joined.includes(name)
      ? whole.mountPoint
      : (cgroupPath(facts, name, group) ?? group);
  if (facts.mode === "v2") return [{ key: destination, value: path(unifiedHierarchy) }];
  const names = [...facts.v1.map(({ name }) => name), ...(facts.v2 === null ? [] : [unifiedHierarchy])];
  return names.map((name) => ({ key: `${destination}/${name.replace(/^name=/, "")}`, value: path(name) }));
}
