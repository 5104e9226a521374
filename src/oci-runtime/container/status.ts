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

interface FreezerFile {
  readonly path: string;
  /** What it says of a group that is frozen. */
  readonly frozen: readonly string[];
}

/** Where it may be written whether a group is frozen; the first that is there decides. */
export function freezerFiles(cgroup: ContainerGroup | null): FreezerFile[] {
  if (cgroup === null) return [];
  const unified = cgroupPath(cgroup.facts, unifiedHierarchy, cgroup.directory);
  const freezer = v1Hierarchy(cgroup.facts, "freezer");
  return [
    ...(unified === undefined ? [] : [{ path: `${unified}/cgroup.freeze`, frozen: ["1"] }]),
    ...(freezer === undefined
      ? []
      : [
          {
            path: `${freezer.mountPoint}${cgroup.directory}/freezer.state`,
            frozen: ["FROZEN", "FREEZING"],
          },
        ]),
  ];
}

function isFrozen(cgroup: ContainerGroup | null): boolean {
  for (const { path, frozen } of freezerFiles(cgroup)) {
    const text = readTextIfPossible(path);
    if (text !== undefined) return frozen.includes(text.trim());
  }
  return false;
}

/** What a state is made of; a function where asking costs something and may not be needed. */
export interface Signs {
  readonly isAlive: () => boolean;
  readonly isFrozen: () => boolean;
  readonly isThere: (startSocket: string) => boolean;
}

export function statusBy(
  { process, creating, record: { startSocket } }: StoredContainer,
  signs: Signs,
): ContainerStatus {
  if (process === undefined) return "creating";
  if (!signs.isAlive()) return "stopped";
  if (creating === true) return "creating";
  if (signs.isFrozen()) return "paused";
  return startSocket !== undefined && signs.isThere(startSocket) ? "created" : "running";
}

export function signsOf(root: string, { process, record }: StoredContainer): Signs {
  return {
    isAlive: () => isAlive(process),
    isFrozen: () => isFrozen(record.cgroup),
    isThere: (startSocket) => exists(`${root}/${startSocket}`),
  };
}

export function statusOf(root: string, container: StoredContainer): ContainerStatus {
  return statusBy(container, signsOf(root, container));
}

/** The state document of the specification, with what the other runtimes add. */
export function stateDocument(
  root: string,
  container: StoredContainer,
  status = statusOf(root, container),
): Readonly<Record<string, unknown>> {
  const { id, process, record } = container;
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
