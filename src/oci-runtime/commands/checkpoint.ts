/** `checkpoint`: the container's processes are saved into files by criu(8), and end, unless they are left running. */

import { readLink, readTextIfPossible } from "../../kernel/files.ts";
import { TiffinError } from "../../lib/errors.ts";
import { cgroupPath, unifiedHierarchy } from "../../linux/cgroup.ts";
import { v1Hierarchy } from "../../linux/host-facts.ts";
import { type MountEntry, parseMountInfo } from "../../linux/mountinfo.ts";
import type { CriuFeatures, CriuOptions, Mapping } from "../../runtime/criu/mod.ts";
import {
  type CriuAbilities,
  CriuSession,
  checkCriu,
  criuFailure,
  externalMountPoints,
  isOutside,
  joinableNamespaces,
  standardConnections,
  writeConnections,
} from "../../runtime/criu/mod.ts";
import type { ContainerGroup } from "../../runtime/groups/mod.ts";
import { type CommandContext, idOf } from "../command.ts";
import {
  type ContainerRecord,
  lockContainer,
  type MainProcess,
  type StoredContainer,
} from "../container/container-record.ts";
import { destroyContainer } from "../container/destroy-container.ts";
import { statusOf } from "../container/status.ts";
import { findCriu } from "../criu/find-criu.ts";
import { criuOptions, type ImageDirectories, openDirectories } from "../criu/options.ts";
import { usage } from "../flags.ts";

const logFile = "dump.log";

export async function checkpoint(context: CommandContext): Promise<number> {
  const { flags, root } = context;
  using container = await lockContainer(root, idOf(context), context.host);
  const process = savedProcess(root, container);
  const program = findCriu(context);
  const preDump = flags.switch("pre-dump");
  const abilities = await checkCriu(program);
  checkFeatures(context, abilities);
  using directories = openDirectories(context, true);
  const mounts = parseMountInfo(readTextIfPossible(`/proc/${process.pid}/mountinfo`) ?? "");
  const connections = standardConnections(process.pid, mounts);
  const options: CriuOptions = {
    ...dumpOptions(context, container, directories, abilities),
    pid: process.pid,
    externalMounts: externalMounts(mounts),
    external: [...externalNamespaces(container.record, process), ...connections.filter(isOutside)],
  };
  if (!preDump) writeConnections(directories.image, connections);
  using session = new CriuSession(program, []);
  const response = await session.request({ type: preDump ? "preDump" : "dump", options });
  session.finish();
  if (response?.success !== true) {
    throw criuFailure(`save container ${container.id}`, response, `${directories.workPath}/${logFile}`);
  }
  if (!preDump && !flags.switch("leave-running")) await destroyContainer(root, container, context);
  return 0;
}

function savedProcess(root: string, container: StoredContainer): MainProcess {
  if (!container.record.namespaces.includes("mount")) {
    throw new TiffinError(
      "invalid",
      "runtime.checkpoint-mounts",
      `container ${container.id} cannot be checkpointed: it has no mount namespace, so criu would not find its mounts`,
      { remedy: 'create it with {"type": "mount"} in linux.namespaces' },
    );
  }
  const status = statusOf(root, container);
  if (container.process !== undefined && (status === "running" || status === "paused"))
    return container.process;
  throw new TiffinError(
    "conflict",
    "runtime.not-running",
    `container ${container.id} cannot be checkpointed: it is ${status}`,
  );
}

function checkFeatures({ flags }: CommandContext, features: CriuFeatures): void {
  if (flags.switch("pre-dump") && flags.switch("lazy-pages"))
    throw usage("--lazy-pages with --pre-dump is not possible");
  const missing = (flag: string, what: string): TiffinError =>
    new TiffinError("unavailable", "runtime.criu-feature", `checkpoint --${flag}: ${what}`);
  if (flags.switch("pre-dump") && features.memoryTracking !== true) {
    throw missing("pre-dump", "this kernel does not track which memory has changed (CONFIG_MEM_SOFT_DIRTY)");
  }
  if (flags.switch("lazy-pages") && features.lazyPages !== true) {
    throw missing("lazy-pages", "this kernel cannot give memory on demand (userfaultfd)");
  }
}

function dumpOptions(
  context: CommandContext,
  { record }: StoredContainer,
  directories: ImageDirectories,
  abilities: CriuAbilities,
): CriuOptions {
  const freezer = freezerOf(record.cgroup);
  return {
    ...criuOptions(context, directories, record.annotations, abilities),
    root: record.rootfs,
    logFile,
    leaveRunning: context.flags.switch("leave-running"),
    ...(freezer !== undefined && { freezeCgroup: freezer }),
  };
}

function externalMounts(container: readonly MountEntry[]): Mapping[] {
  const host = parseMountInfo(readTextIfPossible("/proc/thread-self/mountinfo") ?? "");
  return externalMountPoints(container, host).map((point) => ({ key: point, value: point }));
}

/** Where criu can stop all processes at once. */
function freezerOf(cgroup: ContainerGroup | null): string | undefined {
  if (cgroup === null) return undefined;
  const { facts, directory, joined } = cgroup;
  const freezer = v1Hierarchy(facts, "freezer");
  if (freezer !== undefined && joined.includes(freezer.name)) return freezer.mountPoint + directory;
  return joined.includes(unifiedHierarchy) ? cgroupPath(facts, unifiedHierarchy, directory) : undefined;
}

/** criu leaves the content of these alone, and wants them back at the restore. */
function externalNamespaces({ joinedNamespaces = [] }: ContainerRecord, { pid }: MainProcess): string[] {
  return joinedNamespaces.map((type) => {
    const row = joinableNamespaces.find((each) => each.type === type);
    if (row === undefined) {
      throw new TiffinError(
        "notImplemented",
        "runtime.checkpoint-namespace",
        `criu cannot save a container that has joined another's ${type} namespace`,
      );
    }
    const inode = /\[(\d+)\]/.exec(readLink(`/proc/${pid}/ns/${row.file}`) ?? "")?.[1] ?? "";
    return `${row.file}[${inode}]:${row.key}`;
  });
}
