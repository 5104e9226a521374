/**
 * Network namespaces with names, where iproute2 keeps them: a file in /run/netns for each, the namespace mounted on it.
 * The directory is a mount of its own that propagates, so that a namespace made or removed in one mount namespace is so
 * in all. ip-netns(8)
 */
import { errno } from "../../linux/errno.ts";
import { mountPropagations, umountFlags } from "../../linux/mount-flags.ts";
import { atFlags } from "../../linux/open-flags.ts";
import { descriptorStatus, fileStatus, listDirectory } from "../directory.ts";
import { makeDirectory, openFile, openFlags, openIfPresent, removeFile } from "../files.ts";
import { createNetns } from "../netlink/mod.ts";
import type { OwnedFd } from "../owned-fd.ts";
import { cString, SyscallError, syscall, trySyscall } from "../syscall.ts";

export const namedNetnsDirectory = "/run/netns";
const msBind = 0x1000;
const msRecursive = 0x4000;
const getNamespaceType = 0xb703;
const cloneNewnet = 0x4000_0000;

export function namedNetnsPath(name: string): string {
  return `${namedNetnsDirectory}/${name}`;
}

/** What has to be done before a namespace can be given a name. */
export function missingForNames(): { readonly directory: boolean; readonly mount: boolean } {
  const status = fileStatus(namedNetnsDirectory);
  return { directory: status === undefined, mount: status?.isMountPoint !== true };
}

/** Makes the directory, and makes it a mount that propagates. */
export function prepareNamedNetns(): void {
  makeDirectory(namedNetnsDirectory);
  const path = cString(namedNetnsDirectory);
  const share = (): number => trySyscall("mount", 0, path, 0, mountPropagations.shared | msRecursive, 0);
  const shared = share();
  if (shared === 0) return;
  if (shared !== -errno.EINVAL) throw new SyscallError("mount", -shared, namedNetnsDirectory);
  syscall("mount", namedNetnsDirectory, path, path, 0, msBind | msRecursive, 0);
  const again = share();
  if (again < 0) throw new SyscallError("mount", -again, namedNetnsDirectory);
}

/** Takes back `prepareNamedNetns`, as far as nobody keeps a namespace there. False: something is there. */
export function removeNamedNetnsDirectory(what: {
  readonly directory: boolean;
  readonly mount: boolean;
}): boolean {
  if (namedNetnsNames().length > 0) return false;
  const path = cString(namedNetnsDirectory);
  if (what.mount && fileStatus(namedNetnsDirectory)?.isMountPoint === true) {
    const result = trySyscall("umount2", path, umountFlags.noFollow);
    if (result < 0 && result !== -errno.EINVAL) return false;
  }
  if (!what.directory) return true;
  const removed = trySyscall("unlinkat", atFlags.fdcwd, path, atFlags.removeDirectory);
  return removed === 0 || removed === -errno.ENOENT;
}

/** The names, sorted; a file there is not yet a namespace. */
export function namedNetnsNames(): string[] {
  using directory = openIfPresent(undefined, namedNetnsDirectory, openFlags.readOnly | openFlags.directory);
  if (directory === undefined) return [];
  return listDirectory(directory, namedNetnsDirectory)
    .map(({ name }) => name)
    .sort();
}

/** Makes the file that a namespace will be mounted on. EEXIST: the name is taken. */
export function makeNetnsFile(name: string): void {
  const flags = openFlags.readOnly | openFlags.create | openFlags.exclusive | openFlags.noFollow;
  openFile(undefined, namedNetnsPath(name), flags, { mode: 0 })[Symbol.dispose]();
}

/** Makes a namespace and mounts it on the file that `makeNetnsFile` has made. */
export function mountNewNetns(name: string): OwnedFd {
  const path = namedNetnsPath(name);
  const { netns } = createNetns(() => undefined);
  const result = trySyscall("mount", cString(`/proc/self/fd/${netns.raw}`), cString(path), 0, msBind, 0);
  if (result === 0) return netns;
  netns[Symbol.dispose]();
  throw new SyscallError("mount", -result, path);
}

/** Unmounts the namespace and removes its file. Who lives in it goes on. False when there was nothing of that name. */
export function removeNamedNetns(name: string): boolean {
  const path = namedNetnsPath(name);
  const result = trySyscall("umount2", cString(path), umountFlags.detach | umountFlags.noFollow);
  if (result < 0 && result !== -errno.EINVAL && result !== -errno.ENOENT) {
    throw new SyscallError("umount2", -result, path);
  }
  return removeFile(path);
}

/** The namespace with that name; undefined when there is no such file, or none is mounted on it. */
export function openNamedNetns(name: string): OwnedFd | undefined {
  return openNetnsFile(namedNetnsPath(name));
}

/** Never waits: whatever else has that name is not opened as what it is. */
export function openNetnsFile(path: string): OwnedFd | undefined {
  const file = openIfPresent(undefined, path, openFlags.readOnly | openFlags.nonBlocking);
  if (file === undefined) return undefined;
  if (trySyscall("ioctl", file.raw, getNamespaceType) === cloneNewnet) return file;
  file[Symbol.dispose]();
  return undefined;
}

/** Two descriptors are open on the same namespace exactly when these are equal. */
export function netnsIdentity(netns: OwnedFd): string {
  const { inode, deviceMajor, deviceMinor } = descriptorStatus(netns);
  return `${deviceMajor}:${deviceMinor}:${inode}`;
}
