/** Which mounts a container may have, and where. Pure: whether a source exists is looked at when the container starts. */
import { posix } from "node:path";
import { TiffinError } from "../../../lib/errors.ts";
import { refuse } from "./refuse.ts";
import type { MountSpec } from "./specification.ts";
import { validatePath } from "./words.ts";

/** Each by itself, and no two at one place. */
export function checkMounts(mounts: readonly MountSpec[]): void {
  const targets = new Set<string>();
  for (const mount of mounts) {
    checkWords(mount);
    validateMountPlace(mount);
    if (targets.has(mount.target)) refuse("duplicate-mount", `Duplicate mount point: ${mount.target}`);
    targets.add(mount.target);
  }
}

function checkWords(mount: MountSpec): void {
  const { target } = mount;
  if (!target.startsWith("/") || cleanPath(target) !== target) {
    refuse("mount-place", `invalid mount path: '${target}' mount path must be absolute and clean`);
  }
  if (mount.kind === "bind" && !mount.source.startsWith("/")) {
    refuse("mount-place", `invalid mount path: '${mount.source}' mount path must be absolute`);
  }
  if (mount.kind === "volume" && mount.volume !== "" && !isVolumeName(mount.volume)) {
    refuse("volume-name", `invalid name of a volume: ${JSON.stringify(mount.volume)}`);
  }
  if (mount.kind === "image" && mount.image === "") {
    refuse("mount-config", 'invalid mount config for type "image": field Source must not be empty');
  }
  if (mount.kind === "volume" || mount.kind === "image") checkSubpath(mount.kind, mount.subpath ?? "");
  if (mount.kind === "tmpfs") checkTmpfsOptions(mount.options);
}

/** It stays within what is mounted, whatever is there. */
function checkSubpath(kind: string, subpath: string): void {
  if (!subpath.startsWith("/") && !subpath.split("/").includes("..")) return;
  refuse(
    "mount-config",
    `invalid mount config for type "${kind}": subpath must be a relative path within the ${kind}, found ${JSON.stringify(subpath)}`,
  );
}

/** `path` without double slashes, dots and a slash at the end. */
export function cleanPath(path: string): string {
  const clean = posix.normalize(path);
  return clean.length > 1 && clean.endsWith("/") ? clean.slice(0, -1) : clean;
}

/** At most as long as the kernel lets a name be: a volume is a directory. */
const volumeName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}$/;

/** Whether a word can be the name of a volume. */
export function isVolumeName(name: string): boolean {
  return volumeName.test(name);
}

/** Files that a container may see instead of the kernel's, because they tell about the container (lxcfs and the like). */
const replaceable: ReadonlySet<string> = new Set(
  [
    "cpuinfo",
    "diskstats",
    "loadavg",
    "meminfo",
    "net/dev",
    "slabinfo",
    "stat",
    "swaps",
    "sys/crypto/fips_enabled",
    "sys/kernel/ns_last_pid",
    "uptime",
  ].map((name) => `/proc/${name}`),
);

/**
 * Nothing may hide /proc, or stand in for what programs and security modules write there; the host's own /proc may be
 * bound over it.
 */
export function validateMountPlace(mount: MountSpec): void {
  const { target } = mount;
  validatePath("mount target", target);
  if (target === "/") {
    refuse("mount-place", `invalid mount config for type "${mount.kind}": destination can't be '/'`);
  }
  if (mount.kind === "bind") validatePath("mount source", mount.source);
  if (target === "/proc") {
    if (mount.kind === "bind" && mount.source === "/proc") return;
    refuse("mount-place", `"/proc" cannot be mounted because it is not of type proc`);
  }
  if (target.startsWith("/proc/") && !(mount.kind === "bind" && replaceable.has(target))) {
    refuse("mount-place", `${JSON.stringify(target)} cannot be mounted because it is inside /proc`);
  }
}

const tmpfsFlags = new Set([
  "rw",
  "ro",
  "suid",
  "nosuid",
  "dev",
  "nodev",
  "exec",
  "noexec",
  "atime",
  "noatime",
  "diratime",
  "nodiratime",
  "relatime",
  "norelatime",
  "strictatime",
  "nostrictatime",
  "sync",
  "async",
  "dirsync",
  "defaults",
  "bind",
  "rbind",
]);
const tmpfsKeys = new Set(["size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"]);

/** Errors: `container.tmpfs-option`. */
export function checkTmpfsOptions(words: readonly string[]): void {
  for (const word of words) {
    const [key = "", value] = word.split("=", 2);
    const known = value === undefined ? tmpfsFlags.has(key) : tmpfsKeys.has(key);
    if (!known) {
      throw new TiffinError("invalid", "container.tmpfs-option", `invalid tmpfs option ["${word}"]`);
    }
  }
}
