/**
 * Opens a directory that a client names instead of sending it. The engine reads with all rights, so only who has them too may
 * name one; and a name means what it means to the client: it is looked up from the client's own root, and has to lead to the directory that
 * the client says it sees. Nothing is ever written to it.
 */
import { readlinkSync } from "node:fs";
import { parseIgnore } from "../../../docker/dockerfile/ignore.ts";
import type { NamedDirectories, NamedDirectory } from "../../../docker/types/build.ts";
import { descriptorStatus } from "../../../kernel/directory.ts";
import { openDirectory, readText } from "../../../kernel/files.ts";
import { mountIdOf } from "../../../kernel/mount-attributes.ts";
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import { SyscallError } from "../../../kernel/syscall.ts";
import type { TreeAppearance } from "../../../kernel/tree-view.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { parseMountLine } from "../../../linux/mountinfo.ts";

export interface OpenedDirectories extends Disposable {
  readonly byName: ReadonlyMap<string, { readonly path: string }>;
}

interface Caller {
  readonly pid: number;
  readonly uid: number;
}

/** A file system that answers by itself. One that another machine or program answers for could hold up the whole engine. */
const localKinds: ReadonlySet<string> = new Set([
  "bcachefs",
  "btrfs",
  "ecryptfs",
  "erofs",
  "ext2",
  "ext3",
  "ext4",
  "f2fs",
  "iso9660",
  "jfs",
  "overlay",
  "ramfs",
  "reiserfs",
  "squashfs",
  "tmpfs",
  "udf",
  "vfat",
  "xfs",
  "zfs",
]);

/** Errors: `build.not-in-place`, for which the client sends the files instead. */
export function openNamed(
  named: NamedDirectories | undefined,
  caller: Caller | undefined,
): OpenedDirectories {
  if (named === undefined) throw notInPlace("no directory is named");
  if (caller === undefined) throw notInPlace("the client is not on this machine");
  if (caller.uid !== 0) throw notInPlace("only root may name a directory, as the engine reads it as root");
  if (named.Boot !== readText("/proc/sys/kernel/random/boot_id").trim())
    throw notInPlace("the client is not on this machine");
  using undo = new DisposableStack();
  const byName = new Map<string, { readonly path: string }>();
  for (const [name, directory] of Object.entries(named.Directories)) {
    const opened = undo.use(openOne(directory, caller));
    byName.set(name, { path: `/proc/self/fd/${opened.raw}` });
  }
  const held = undo.move();
  return { byName, [Symbol.dispose]: () => held.dispose() };
}

function openOne({ Path: path, Device, Inode }: NamedDirectory, { pid }: Caller): OwnedFd {
  if (!path.startsWith("/")) throw notInPlace(`${JSON.stringify(path)} is not absolute`);
  try {
    using undo = new DisposableStack();
    const opened = undo.use(openDirectory(`/proc/${pid}/root${path}`));
    const { deviceMajor, deviceMinor, inode } = descriptorStatus(opened);
    if (Device !== `${deviceMajor}:${deviceMinor}` || Inode !== String(inode))
      throw notInPlace(`${path} is another directory here`);
    checkMounts(opened, pid);
    undo.move();
    return opened;
  } catch (thrown) {
    if (thrown instanceof SyscallError) throw notInPlace(thrown.message);
    throw thrown;
  }
}

/** That it and all that is mounted in it lies on file systems that answer by themselves. */
function checkMounts(directory: OwnedFd, pid: number): void {
  const mounts = readText(`/proc/${pid}/mountinfo`)
    .split("\n")
    .flatMap((line) => parseMountLine(line) ?? []);
  const id = mountIdOf(directory);
  const own = mounts.find((mount) => String(mount.id) === id);
  if (own === undefined) throw notInPlace("its mount is not known");
  // Whatever is mounted on that mount or below, wherever it is: contexts with mounts in them are rare.
  const pending = [own];
  const path = pathOf(directory, pid);
  for (let mount = pending.pop(); mount !== undefined; mount = pending.pop()) {
    if (!localKinds.has(mount.type))
      throw notInPlace(`${mount.mountPoint} is a file system of the kind ${mount.type}`);
    const { id: parent } = mount;
    pending.push(
      ...mounts.filter(
        ({ parentId, mountPoint, id: child }) =>
          parentId === parent &&
          child !== parent &&
          (path === undefined || `${mountPoint}/`.startsWith(`${path}/`)),
      ),
    );
  }
}

/** As the caller's mount table has it; undefined where the two cannot be compared. */
function pathOf(directory: OwnedFd, pid: number): string | undefined {
  if (readlinkSync("/proc/self/ns/mnt") !== readlinkSync(`/proc/${pid}/ns/mnt`)) return undefined;
  const path = readlinkSync(`/proc/self/fd/${directory.raw}`);
  return path === "/" ? "" : path;
}

function notInPlace(why: string): TiffinError {
  return new TiffinError("conflict", "build.not-in-place", `the context cannot be read where it is: ${why}`, {
    remedy: "send it",
  });
}

/** All of it belongs to root, as what is sent does; labels and lists of the client's machine stay there. */
export function appearanceOf(ignored: readonly string[] | undefined): TreeAppearance {
  const patterns =
    ignored === undefined || ignored.length === 0 ? undefined : parseIgnore(ignored.join("\n"));
  return {
    owner: { uid: 0, gid: 0 },
    hidesAny: patterns !== undefined,
    carries: (name) => name.startsWith("user.") || name === "security.capability",
    hides(path, isDirectory) {
      if (patterns?.excludes(path) !== true) return "no";
      return isDirectory && patterns.mayBringBack(path) ? "within" : "yes";
    },
  };
}
