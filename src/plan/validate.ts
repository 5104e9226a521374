/** What a specification must satisfy before it is compiled: mistakes that no later step would name as well. */
import { TiffinError } from "../lib/errors.ts";
import type { LinuxSpec, OciProcess, RuntimeSpec } from "../oci/mod.ts";
import type { Namespaces } from "./compilation.ts";
import { mapFileText } from "./identity.ts";
import { checkInheritedMounts } from "./inherited-mounts.ts";
import type { ContainerOptions } from "./options.ts";
import { sysctlPath } from "./sysctl-path.ts";

/** ipc sysctls of the kernel tree; all others there are the host's own. */
const ipcSysctls = new Set([
  "kernel.msgmax",
  "kernel.msgmnb",
  "kernel.msgmni",
  "kernel.sem",
  "kernel.shmall",
  "kernel.shmmax",
  "kernel.shmmni",
  "kernel.shm_rmid_forced",
]);

const highestId = 0xffff_fffe;
/** NGROUPS_MAX. */
const groupsLimit = 65_536;
/** What the kernel takes in one write of a map, and the lines that it keeps. */
const mapLimit = { bytes: 4095, rows: 340 } as const;

function refuse(code: string, message: string, remedy?: string): never {
  throw new TiffinError("invalid", code, message, remedy === undefined ? {} : { remedy });
}

function missing(what: string): never {
  throw new TiffinError("notImplemented", "plan.not-supported", `${what} is not supported`);
}

/** Checks a process; `where` is `process` or what names it in errors. */
export function checkProcess(process: OciProcess, where = "process"): void {
  if (!process.cwd.startsWith("/")) {
    refuse(
      "plan.cwd-not-absolute",
      `${where}.cwd is ${JSON.stringify(process.cwd)}, wanted an absolute path`,
    );
  }
  if ((process.args ?? []).length === 0)
    refuse("plan.no-program", `${where}.args is empty: no command specified`);
  const texts = [...(process.args ?? []), ...(process.env ?? []), process.cwd];
  const withNul = texts.find((text) => text.includes("\0"));
  if (withNul !== undefined) {
    refuse("plan.nul-character", `${where} contains a NUL character: ${JSON.stringify(withNul)}`);
  }
  const limits = (process.rlimits ?? []).map(({ type }) => type);
  const twice = limits.find((type, index) => limits.indexOf(type) !== index);
  if (twice !== undefined) refuse("plan.rlimit-twice", `${where}.rlimits has ${twice} more than once`);
  const groups = (process.user.additionalGids ?? []).length;
  if (groups > groupsLimit) {
    refuse("plan.too-many-groups", `${where}.user has ${groups} additionalGids, at most ${groupsLimit}`);
  }
  for (const id of [process.user.uid, process.user.gid, ...(process.user.additionalGids ?? [])]) {
    if (!Number.isInteger(id) || id < 0 || id > highestId) {
      refuse("plan.id-range", `${where}.user has the id ${id}, wanted 0 to ${highestId}`);
    }
  }
}

/** Checks the parts of a container that depend on each other. */
export function checkSpec(
  spec: RuntimeSpec,
  linux: LinuxSpec,
  namespaces: Namespaces,
  options: ContainerOptions,
): void {
  if (options.hooks === undefined) checkHooks(spec);
  if (linux.intelRdt !== undefined && options.syncEnvironment !== true) missing("linux.intelRdt");
  if (Object.keys(linux.netDevices ?? {}).length > 0 && options.syncEnvironment !== true) {
    missing("linux.netDevices");
  }
  for (const [field, value] of [
    ["hostname", spec.hostname],
    ["domainname", spec.domainname],
  ] as const) {
    if (value !== undefined && value !== "" && !namespaces.has("uts")) {
      refuse(
        "plan.hostname-of-host",
        `${field} would change the host's: linux.namespaces has no uts namespace`,
      );
    }
  }
  checkMappings(linux, namespaces);
  checkInheritedMounts(spec, linux, namespaces);
  if (linux.timeOffsets !== undefined && !namespaces.created.has("time")) {
    refuse("plan.time-offsets", "linux.timeOffsets needs a new time namespace");
  }
  for (const key of Object.keys(linux.sysctl ?? {})) checkSysctl(key, namespaces);
  for (const list of ["maskedPaths", "readonlyPaths"] as const) {
    const relative = (linux[list] ?? []).find((path) => !path.startsWith("/"));
    if (relative !== undefined) {
      refuse(
        "plan.path-not-absolute",
        `linux.${list} has ${JSON.stringify(relative)}, wanted absolute paths`,
      );
    }
  }
  if (options.network.kind === "slot" && namespaces.created.has("user")) {
    refuse(
      "plan.netns-and-userns",
      "a container with its own user namespace needs a network namespace made for it, not a ready one",
    );
  }
}

/** Hooks at the runtime's side are run by the caller at its sync points; these two would run in the container. */
function checkHooks({ hooks }: RuntimeSpec): void {
  if ((hooks?.createContainer ?? []).length > 0) missing("hooks.createContainer");
  if ((hooks?.startContainer ?? []).length > 0) missing("hooks.startContainer");
}

function checkMappings(linux: LinuxSpec, namespaces: Namespaces): void {
  const uids = linux.uidMappings ?? [];
  const gids = linux.gidMappings ?? [];
  const given = uids.length > 0 || gids.length > 0;
  if (given && !namespaces.has("user")) {
    refuse("plan.mappings-without-userns", "linux.uidMappings and gidMappings need a user namespace");
  }
  if (!namespaces.created.has("user")) return;
  for (const [field, rows] of [
    ["uidMappings", uids],
    ["gidMappings", gids],
  ] as const) {
    const bytes = mapFileText(rows).length;
    if (rows.length > mapLimit.rows || bytes > mapLimit.bytes) {
      refuse(
        "plan.too-many-mappings",
        `linux.${field} has ${rows.length} rows of ${bytes} bytes, the kernel takes ${mapLimit.rows} rows of ${mapLimit.bytes} bytes`,
      );
    }
    if (!rows.some(({ containerID, size }) => containerID === 0 && size > 0)) {
      refuse("plan.root-not-mapped", `linux.${field} does not map id 0 of the container`);
    }
  }
}

/** Throws `invalid` for a kernel parameter that is not the container's alone, given the kinds of namespaces that it has. */
export function checkSysctl(
  key: string,
  namespaces: { has(kind: "ipc" | "network" | "uts"): boolean },
): void {
  sysctlPath(key);
  const dotted = key.replaceAll("/", ".");
  const needs = (kind: "ipc" | "network" | "uts"): void => {
    if (namespaces.has(kind)) return;
    refuse(
      "plan.sysctl-of-host",
      `sysctl ${JSON.stringify(key)} would change the host's: the container shares its ${kind} namespace`,
    );
  };
  if (ipcSysctls.has(dotted) || dotted.startsWith("fs.mqueue.")) needs("ipc");
  else if (dotted.startsWith("net.")) needs("network");
  else if (dotted === "kernel.domainname") needs("uts");
  else if (dotted === "kernel.hostname") {
    refuse("plan.sysctl-of-host", 'sysctl "kernel.hostname" is set by the field hostname');
  } else {
    refuse(
      "plan.sysctl-of-host",
      `sysctl ${JSON.stringify(key)} is not separate for each container`,
      "leave it out; set it on the host if the whole machine is to have it",
    );
  }
}
