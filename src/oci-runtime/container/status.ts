/** In which of the specification's states a container is, seen from outside: nothing about it is stored. */

import { exists, readTextIfPossible } from "../../kernel/files.ts";
import { cgroupPath, unifiedHierarchy } from "../../linux/cgroup.ts";
import { v1Hierarchy } from "../../linux/host-facts.ts";
import { parseStat } from "../../linux/proc.ts";
import { specificationVersion } from "../../oci/version.ts";
import type { ContainerGroup } from "../../runtime/groups/mod.ts";
import type { MainProcess, StoredContainer } from "./container-record.ts";

export type ContainerStatus = "creating" | "created" | "running" | "paused" | "stopped";

/** Start time of a process that lives; undefined for one that is gone or only waits to be reaped. */
export function startTicksOf(pid: number): number | undefined {
  const stat = parseStat(readTextIfPossible(`/proc/${pid}/stat`) ?? "");
  return stat === undefined || stat.state === "Z" || stat.state === "X" ? undefined : Number(stat.startTicks);
}

export function isAlive(process: MainProcess | undefined): process is MainProcess {
  return process !== undefined && startTicksOf(process.pid) === process.startTicks;
}

function isFrozen(cgroup: ContainerGroup | null): boolean {
  if (cgroup === null) return false;
  const unified = cgroupPath(cgroup.facts, unifiedHierarchy, cgroup.directory);
  if (unified !== undefined) {
    const text = readTextIfPossible(`${unified}/cgroup.freeze`);
    if (text !== undefined) return text.trim() === "1";
  }
  const freezer = v1Hierarchy(cgroup.facts, "freezer");
  if (freezer === undefined) return false;
  const state = readTextIfPossible(`${freezer.mountPoint}${cgroup.directory}/freezer.state`)?.trim();
  return state === "FROZEN" || state === "FREEZING";
}

export function statusOf(root: string, { process, creating, record }: StoredContainer): ContainerStatus {
  if (process === undefined) return "creating";
  if (!isAlive(process)) return "stopped";
  if (creating === true) return "creating";
  if (isFrozen(record.cgroup)) return "paused";
  const { startSocket } = record;
  return startSocket !== undefined && exists(`${root}/${startSocket}`) ? "created" : "running";
}

/** The state document of the specification, with what the other runtimes add. */
export function stateDocument(root: string, container: StoredContainer): Readonly<Record<string, unknown>> {
  const { id, process, record } = container;
  const status = statusOf(root, container);
  return {
    ociVersion: specificationVersion,
    id,
    pid: status === "stopped" ? 0 : (process?.pid ?? 0),
    status,
    bundle: record.bundle,
    rootfs: record.rootfs,
    created: record.created,
    ...(record.annotations !== undefined && { annotations: record.annotations }),
    owner: "",
  };
}
