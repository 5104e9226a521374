/** Classes and monitoring groups of a mounted resctrl: made, entered, read, removed. */
import { TiffinError } from "../lib/errors.ts";
import { errno, errnoText } from "../linux/errno.ts";
import { parseMountInfo } from "../linux/mountinfo.ts";
import { atFlags } from "../linux/open-flags.ts";
import { disagreement, type ResctrlDecision } from "../linux/resctrl.ts";
import { listDirectory } from "./directory.ts";
import {
  exists,
  makeDirectory,
  openFlags,
  openIfPresent,
  readTextIfPossible,
  writeKernelFile,
} from "./files.ts";
import { cString, SyscallError, trySyscall } from "./syscall.ts";

/** Where resctrl is mounted, from a process's mount table. Throws `unavailable`. */
export function findResctrl(mountTable: string): string {
  const mount = parseMountInfo(mountTable).find(({ type }) => type === "resctrl");
  if (mount !== undefined) return mount.mountPoint;
  throw new TiffinError(
    "unavailable",
    "resctrl.not-mounted",
    "linux.intelRdt: no resctrl file system is mounted",
    {
      remedy: "where the processor has RDT: mount -t resctrl resctrl /sys/fs/resctrl",
    },
  );
}

/**
 * Makes the class where it is to be made, with what the request says; a class of somebody else's must say the same
 * already. `undo` is told what was made. Throws `conflict`, `notFound`, `invalid`, or `SyscallError`.
 */
export function prepareClass(
  mountPoint: string,
  { directory, isOwn, lines }: ResctrlDecision,
  undo: (path: string) => void,
): void {
  const path = mountPoint + directory;
  const isThere = exists(path);
  if (isOwn && isThere) {
    throw new TiffinError("conflict", "resctrl.class-exists", `the resctrl class ${path} exists already`);
  }
  if (isThere) {
    const other = disagreement(lines, readTextIfPossible(`${path}/schemata`) ?? "");
    if (other === undefined) return;
    throw new TiffinError(
      "conflict",
      "resctrl.class-differs",
      `the resctrl class ${path} is there with another schemata than ${JSON.stringify(other)}`,
    );
  }
  if (!isOwn && lines.length === 0) {
    throw new TiffinError("notFound", "resctrl.no-class", `there is no resctrl class ${path}`, {
      remedy: "make it, or say what it is with intelRdt.schemata",
    });
  }
  makeGroup(path, mountPoint);
  undo(path);
  writeSchemata(mountPoint, directory, lines);
}

function makeGroup(path: string, mountPoint: string): void {
  try {
    makeDirectory(path);
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    const reason = thrown.code === "ENOSPC" ? "the processor has no more of them" : thrown.code;
    throw new TiffinError(
      "unavailable",
      "resctrl.group",
      `cannot make the resctrl group ${path}: ${reason}${lastStatus(mountPoint)}`,
    );
  }
}

/** Writes all lines at once, as the kernel wants them to be told together. Throws `invalid` with the kernel's reason. */
export function writeSchemata(mountPoint: string, directory: string, lines: readonly string[]): void {
  if (lines.length === 0) return;
  const failed = writeKernelFile(`${mountPoint}${directory}/schemata`, `${lines.join("\n")}\n`);
  if (failed === 0) return;
  throw new TiffinError(
    "invalid",
    "resctrl.schemata",
    `the kernel refuses the schemata ${JSON.stringify(lines.join("; "))}: ${errnoText(failed)}${lastStatus(mountPoint)}`,
  );
}

/** What resctrl has to say about its last error. */
function lastStatus(mountPoint: string): string {
  const text = readTextIfPossible(`${mountPoint}/info/last_cmd_status`)?.trim() ?? "";
  return text === "" || text === "ok" ? "" : ` (${text})`;
}

/** Puts the process, and what it will fork, into the class and its monitoring group, which is made. */
export function enterClass(
  mountPoint: string,
  { directory, monitor }: ResctrlDecision,
  pid: number,
  undo: (path: string) => void,
): void {
  writeTasks(`${mountPoint}${directory}/tasks`, pid);
  if (monitor === undefined) return;
  makeGroup(mountPoint + monitor, mountPoint);
  undo(mountPoint + monitor);
  writeTasks(`${mountPoint}${monitor}/tasks`, pid);
}

function writeTasks(path: string, pid: number): void {
  const failed = writeKernelFile(path, String(pid));
  if (failed !== 0) throw new SyscallError("write", failed, path);
}

/** Removes a class or a monitoring group. One that is gone is fine. */
export function removeGroup(path: string): void {
  const result = trySyscall("unlinkat", atFlags.fdcwd, cString(path), atFlags.removeDirectory);
  if (result < 0 && result !== -errno.ENOENT) throw new SyscallError("unlinkat", -result, path);
}

export interface ResctrlStatistics {
  /** Texts of `schemata`, of the default class and of the container's. */
  readonly rootSchemata: string;
  readonly schemata: string;
  /** Files of info/L3 and info/MB by name; undefined where the processor has not that resource. */
  readonly l3?: Readonly<Record<string, string>>;
  readonly memory?: Readonly<Record<string, string>>;
  /** Counters of each cache, by file name: llc_occupancy, mbm_total_bytes, mbm_local_bytes. */
  readonly caches: readonly Readonly<Record<string, string>>[];
}

const l3Info = ["cbm_mask", "min_cbm_bits", "num_closids"];
const memoryInfo = ["bandwidth_gran", "delay_linear", "min_bandwidth", "num_closids"];
const counters = ["llc_occupancy", "mbm_total_bytes", "mbm_local_bytes"];

/** The container's statistics, from its monitoring group where it has one, else from its class. */
export function readResctrl(mountPoint: string, { directory, monitor }: ResctrlDecision): ResctrlStatistics {
  const read = (path: string): string => readTextIfPossible(mountPoint + path)?.trim() ?? "";
  const files = (path: string, names: readonly string[]): Record<string, string> | undefined =>
    exists(mountPoint + path)
      ? Object.fromEntries(names.map((name) => [name, read(`${path}/${name}`)]))
      : undefined;
  const [l3, memory] = [files("/info/L3", l3Info), files("/info/MB", memoryInfo)];
  const data = `${monitor ?? directory}/mon_data`;
  return {
    rootSchemata: read("/schemata"),
    schemata: read(`${directory}/schemata`),
    ...(l3 !== undefined && { l3 }),
    ...(memory !== undefined && { memory }),
    caches: cacheNames(mountPoint + data).map((name) => files(`${data}/${name}`, counters) ?? {}),
  };
}

function cacheNames(path: string): string[] {
  const directory = openIfPresent(undefined, path, openFlags.readOnly | openFlags.directory);
  if (directory === undefined) return [];
  using owned = directory;
  return listDirectory(owned, path)
    .map(({ name }) => name)
    .filter((name) => name.startsWith("mon_L3_"))
    .sort();
}
