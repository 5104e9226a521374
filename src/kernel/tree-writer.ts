/**
 * Making entries of a file tree that somebody else may be changing at the same time. Every call names one component below an open
 * directory and follows no link at its end; what changes an entry that exists holds the entry itself. So whatever is
 * swapped meanwhile, nothing outside of the tree is touched.
 */
import { errno } from "../linux/errno.ts";
import { atFlags, fileTypes, resolveFlags } from "../linux/open-flags.ts";
import { fileStatus, removeTree } from "./directory.ts";
import { makeDirectory, openFile, openFlags, openInRoot } from "./files.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { cString, inRange, SyscallError, syscall, trySyscall } from "./syscall.ts";

const defaultDirectoryMode = 0o755;
const nsPerSecond = 1_000_000_000n;

/** The directory `path` inside `root`, made where it is missing (mode 0755, owner `owner`). The caller closes it. */
export function makeDirectories(root: OwnedFd, path: string, owner: Owner = rootOwner): OwnedFd {
  const flags = openFlags.path | openFlags.directory;
  const whole = tryOpen(root, path === "" ? "." : path, flags);
  if (whole !== undefined) return whole;
  let at = "";
  let parent = openInRoot(root, ".", flags);
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue;
    at += `/${name}`;
    let next = tryOpen(root, at, flags);
    if (next === undefined) {
      try {
        if (makeDirectory(name, defaultDirectoryMode, parent)) changeOwner(parent, name, owner);
        next = openInRoot(root, at, flags);
      } finally {
        if (next === undefined) parent[Symbol.dispose]();
      }
    }
    parent[Symbol.dispose]();
    parent = next;
  }
  return parent;
}

function tryOpen(root: OwnedFd, path: string, flags: number): OwnedFd | undefined {
  try {
    return openInRoot(root, path, flags);
  } catch (thrown) {
    if (thrown instanceof SyscallError && thrown.code === "ENOENT") return undefined;
    throw thrown;
  }
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}
const rootOwner: Owner = { uid: 0, gid: 0 };

const newFileFlags = openFlags.writeOnly | openFlags.create | openFlags.exclusive | openFlags.noFollow;
const privateMode = 0o600;

/** A new file, open for writing. EEXIST when the name is taken. */
export function createFile(directory: OwnedFd, name: string, mode = privateMode): OwnedFd {
  return openFile(directory, name, newFileFlags, { mode, resolve: resolveFlags.beneath });
}

/** The same; undefined when the name is taken. */
export function tryCreateFile(directory: OwnedFd, name: string, mode?: number): OwnedFd | undefined {
  try {
    return createFile(directory, name, mode);
  } catch (thrown) {
    if (thrown instanceof SyscallError && thrown.code === "EEXIST") return undefined;
    throw thrown;
  }
}

export function createSymlink(directory: OwnedFd, name: string, target: string): void {
  syscall("symlinkat", name, cString(target), directory.raw, cString(name));
}

/** Another name for what `existing` names below `from`. */
export function createHardLink(from: OwnedFd, existing: string, directory: OwnedFd, name: string): void {
  syscall("linkat", `${name} to ${existing}`, from.raw, cString(existing), directory.raw, cString(name), 0);
}

const specialTypes = {
  character: fileTypes.character,
  block: fileTypes.block,
  fifo: fileTypes.fifo,
} as const;

export interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

/** A device or a FIFO. */
export function createSpecial(
  directory: OwnedFd,
  name: string,
  type: keyof typeof specialTypes,
  device: DeviceNumber,
): void {
  const major = inRange("u32", device.major, "major");
  const minor = inRange("u32", device.minor, "minor");
  // The kernel's 32-bit form: twelve bits of major between the low eight and the high twelve of minor. makedev(3)
  const number = (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12);
  syscall("mknodat", name, directory.raw, cString(name), specialTypes[type] | 0o600, number >>> 0);
}

export function changeOwner(directory: OwnedFd, name: string, { uid, gid }: Owner): void {
  const flags = atFlags.symlinkNoFollow;
  syscall(
    "fchownat",
    name,
    directory.raw,
    cString(name),
    inRange("u32", uid, "uid"),
    inRange("u32", gid, "gid"),
    flags,
  );
}

/** The times of access and modification, of a symbolic link itself too. */
export function changeTime(directory: OwnedFd, name: string, atNs: bigint): void {
  syscall("utimensat", name, directory.raw, cString(name), timesOf(atNs), atFlags.symlinkNoFollow);
}

/** Seconds and nanoseconds of the access and of the modification: the same. */
function timesOf(atNs: bigint): BigUint64Array {
  const seconds = atNs / nsPerSecond - (atNs % nsPerSecond < 0n ? 1n : 0n);
  const one = [seconds, atNs - seconds * nsPerSecond] as const;
  return BigUint64Array.from([...one, ...one], (part) => BigInt.asUintN(64, part));
}

/** Whose an open file is, and its permissions, without looking anything up; after its content, as writing changes them. */
export function ownFile(file: OwnedFd, owner: Owner, mode: number): void {
  syscall("fchown", file.what, file.raw, inRange("u32", owner.uid, "uid"), inRange("u32", owner.gid, "gid"));
  syscall("fchmod", file.what, file.raw, inRange("u16", mode, "mode"));
}

/** The times of an open file, last of all. */
export function timeFile(file: OwnedFd, modifiedAtNs: bigint): void {
  syscall("utimensat", file.what, file.raw, 0, timesOf(modifiedAtNs), 0);
}

/** Permission bits of what is no symbolic link. Held first, because the kernel's call would follow a link. */
export function changeMode(directory: OwnedFd, name: string, mode: number): void {
  const flags = openFlags.path | openFlags.noFollow;
  using entry = openFile(directory, name, flags, { resolve: resolveFlags.beneath });
  const path = `/proc/self/fd/${entry.raw}`;
  syscall("fchmodat", name, atFlags.fdcwd, cString(path), inRange("u16", mode, "mode"));
}

/** Sets an extended attribute of the entry itself. */
export function setAttribute(directory: OwnedFd, name: string, attribute: string, value: Uint8Array): void {
  const path = cString(`/proc/self/fd/${directory.raw}/${name}`);
  const content = value.length === 0 ? 0 : value;
  syscall("lsetxattr", `${attribute} of ${name}`, path, cString(attribute), content, value.length, 0);
}

/** Takes away whatever has that name, with all that is in it. */
export function removeEntry(directory: OwnedFd, name: string): void {
  const result = trySyscall("unlinkat", directory.raw, cString(name), 0);
  if (result === 0 || result === -errno.ENOENT) return;
  if (fileStatus(name, directory) !== undefined) removeTree(name, directory);
}
