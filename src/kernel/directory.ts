/**
 * Directories by descriptor: listing, and removal of whole trees that no symlink and no mount can lead astray.
 */
import { randomHex } from "../lib/ids.ts";
import { decodeName } from "../lib/name-text.ts";
import { pause } from "../lib/timer.ts";
import { errno } from "../linux/errno.ts";
import { atFlags, fileTypes, resolveFlags } from "../linux/open-flags.ts";
import { openFile, openFlags, openIfPresent } from "./files.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { cString, SyscallError, syscall, trySyscall } from "./syscall.ts";

export type EntryType =
  | "file"
  | "directory"
  | "symlink"
  | "block"
  | "character"
  | "fifo"
  | "socket"
  | "unknown";

export interface DirectoryEntry {
  readonly name: string;
  readonly type: EntryType;
}

const entryTypes: Readonly<Record<number, EntryType>> = {
  1: "fifo",
  2: "character",
  4: "directory",
  6: "block",
  8: "file",
  10: "symlink",
  12: "socket",
};

const listBufferBytes = 32 * 1024;
const nameAt = 19;

/** The entries without `.` and `..`, in the kernel's order. `directory` is an open directory, read from its position. */
export function listDirectory(directory: OwnedFd | number, what: string): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  for (const batch of entryBatches(typeof directory === "number" ? directory : directory.raw, what)) {
    entries.push(...batch);
  }
  return entries;
}

/** Whether the directory at `path` holds nothing; reads no more than its first entries. */
export function isEmptyDirectory(path: string): boolean {
  using directory = openFile(undefined, path, openFlags.readOnly | openFlags.directory);
  for (const batch of entryBatches(directory.raw, path)) if (batch.length > 0) return false;
  return true;
}

let listBuffer: Uint8Array | undefined;

function* entryBatches(fd: number, what: string): Generator<DirectoryEntry[]> {
  // Of all: what is in it is read before anybody else can list.
  listBuffer ??= new Uint8Array(listBufferBytes);
  const buffer = listBuffer;
  const view = new DataView(buffer.buffer);
  for (;;) {
    const filled = trySyscall("getdents64", fd, buffer, buffer.length);
    // A directory that has been removed while it was open holds nothing. getdents64(2)
    if (filled === 0 || filled === -errno.ENOENT) return;
    if (filled === -errno.EINTR) continue;
    if (filled < 0) throw new SyscallError("getdents64", -filled, what);
    const entries: DirectoryEntry[] = [];
    for (let at = 0; at < filled; at += view.getUint16(at + 16, true)) {
      const start = at + nameAt;
      const name = decodeName(buffer.subarray(start, buffer.indexOf(0, start)));
      if (name !== "." && name !== "..") {
        entries.push({ name, type: entryTypes[buffer[at + 18] ?? 0] ?? "unknown" });
      }
    }
    yield entries;
  }
}

/**
 * One descriptor is open per level. A deeper directory is moved up to the top of the tree first, so that no depth
 * that a container can make keeps its files from being removed.
 */
const depthLimit = 128;

/** The async removal lets other work run after this long. */
const sliceMs = 4;

/**
 * Removes `path` (below `directory`, or absolute) with all it contains. Symlinks are removed, never followed; a
 * mount point below is an error (EBUSY or EXDEV) and stays with its content. False when nothing was there.
 */
export function removeTree(path: string, directory?: OwnedFd): boolean {
  const steps = treeRemoval(path, directory);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The same in slices of a few milliseconds, for large trees in a process that serves others meanwhile. */
export async function removeTreeInSlices(path: string, directory?: OwnedFd): Promise<boolean> {
  const steps = treeRemoval(path, directory);
  let sliceStart = performance.now();
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (performance.now() - sliceStart < sliceMs) continue;
    await pause(0);
    sliceStart = performance.now();
  }
}

function* treeRemoval(path: string, directory: OwnedFd | undefined): Generator<undefined, boolean> {
  const parent = directory === undefined ? atFlags.fdcwd : directory.raw;
  const plain = trySyscall("unlinkat", parent, cString(path), 0);
  if (plain === 0) return true;
  if (plain === -errno.ENOENT) return false;
  if (plain !== -errno.EISDIR && plain !== -errno.EPERM) throw new SyscallError("unlinkat", -plain, path);
  const flags = openFlags.readOnly | openFlags.directory | openFlags.noFollow;
  const opened = openIfPresent(directory, path, flags);
  if (opened === undefined) return false;
  using root = opened;
  yield* emptying(root, root, path, 0);
  syscall("unlinkat", path, parent, cString(path), atFlags.removeDirectory);
  return true;
}

function* emptying(
  top: OwnedFd,
  directory: OwnedFd,
  what: string,
  depth: number,
): Generator<undefined, void> {
  // Removing while listing can skip entries on some file systems, and deep ones move up; so until it is empty.
  for (;;) {
    syscall("lseek", what, directory.raw, 0, 0);
    const entries = listDirectory(directory, what);
    if (entries.length === 0) return;
    for (const entry of entries) {
      yield;
      const name = cString(entry.name);
      if (removeShallow(directory, entry, name, `${what}/${entry.name}`)) continue;
      if (depth === depthLimit) {
        moveUp(directory, name, top, what);
        continue;
      }
      const flags = openFlags.readOnly | openFlags.directory | openFlags.noFollow;
      const resolve = resolveFlags.noXdev | resolveFlags.noSymlinks | resolveFlags.beneath;
      using below = openFile(directory, entry.name, flags, { resolve });
      yield* emptying(top, below, `${what}/${entry.name}`, depth + 1);
      syscall("unlinkat", `${what}/${entry.name}`, directory.raw, name, atFlags.removeDirectory);
    }
  }
}

/** Removes a file or an empty directory; false for a directory with content. */
function removeShallow(directory: OwnedFd, entry: DirectoryEntry, name: Uint8Array, what: string): boolean {
  if (entry.type !== "directory") {
    const result = trySyscall("unlinkat", directory.raw, name, 0);
    if (result === 0 || result === -errno.ENOENT) return true;
    if (result !== -errno.EISDIR) throw new SyscallError("unlinkat", -result, what);
  }
  const result = trySyscall("unlinkat", directory.raw, name, atFlags.removeDirectory);
  if (result === 0 || result === -errno.ENOENT) return true;
  if (result === -errno.ENOTEMPTY || result === -errno.EEXIST) return false;
  throw new SyscallError("unlinkat", -result, what);
}

function moveUp(directory: OwnedFd, name: Uint8Array, top: OwnedFd, what: string): void {
  const lifted = cString(`removal-${randomHex(16)}`);
  syscall("renameat2", what, directory.raw, name, top.raw, lifted, 0);
}

export interface FileStatus {
  readonly type: EntryType;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly inode: bigint;
  readonly links: number;
  /** Of the file system that holds it. */
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Of the device that it is, for block and character devices. */
  readonly specialMajor: number;
  readonly specialMinor: number;
  readonly modifiedAtNs: bigint;
  /** Of the last change of content, owner, mode or links; no program can choose it. */
  readonly changedAtNs: bigint;
  /** Something is mounted there, and this is its root. */
  readonly isMountPoint: boolean;
}

const statxBasicStats = 0x7ff;
/** STATX_ATTR_MOUNT_ROOT */
const mountRootAttribute = 0x2000;
const typeByMode: Readonly<Record<number, EntryType>> = {
  [fileTypes.socket]: "socket",
  [fileTypes.symlink]: "symlink",
  [fileTypes.regular]: "file",
  [fileTypes.block]: "block",
  [fileTypes.directory]: "directory",
  [fileTypes.character]: "character",
  [fileTypes.fifo]: "fifo",
};

/** statx(2) without following a last symlink: the status, or undefined when nothing is there. */
export function fileStatus(path: string, directory?: OwnedFd): FileStatus | undefined {
  const parent = directory === undefined ? atFlags.fdcwd : directory.raw;
  return statusOf(parent, path, atFlags.symlinkNoFollow, path);
}

/** Like `fileStatus`, of what a last symlink leads to. */
export function pathStatus(path: string): FileStatus | undefined {
  return statusOf(atFlags.fdcwd, path, 0, path);
}

/** The status of an open descriptor. */
export function descriptorStatus(fd: OwnedFd): FileStatus {
  const status = statusOf(fd.raw, "", atFlags.emptyPath, fd.what);
  if (status === undefined) throw new SyscallError("statx", errno.ENOENT, fd.what);
  return status;
}

/** Of the one call that is under way. */
const statusMemory = new Uint8Array(256);
const statusView = new DataView(statusMemory.buffer);

function statusOf(parent: number, path: string, flags: number, what: string): FileStatus | undefined {
  const result = trySyscall("statx", parent, cString(path), flags, statxBasicStats, statusMemory);
  if (result === -errno.ENOENT || result === -errno.ENOTDIR) return undefined;
  if (result < 0) throw new SyscallError("statx", -result, what);
  const view = statusView;
  const mode = view.getUint16(28, true);
  return {
    type: typeByMode[mode & fileTypes.mask] ?? "unknown",
    mode: mode & 0o7777,
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    sizeBytes: view.getUint32(44, true) * 2 ** 32 + view.getUint32(40, true),
    inode: view.getBigUint64(32, true),
    links: view.getUint32(16, true),
    deviceMajor: view.getUint32(136, true),
    deviceMinor: view.getUint32(140, true),
    specialMajor: view.getUint32(128, true),
    specialMinor: view.getUint32(132, true),
    changedAtNs: view.getBigInt64(96, true) * 1_000_000_000n + BigInt(view.getUint32(104, true)),
    modifiedAtNs: view.getBigInt64(112, true) * 1_000_000_000n + BigInt(view.getUint32(120, true)),
    isMountPoint: (view.getUint32(8, true) & mountRootAttribute) !== 0,
  };
}
