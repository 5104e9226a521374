/**
 * Files of another process on this machine, as it sees them, for a program that serves many and must wait for none of them: what is not
 * in the kernel's memory of names, lies on a file system that another machine or program answers for, or is no plain small file, is not looked at
 * here. The process has to be one that may read them; whoever makes one of these answers for that.
 */
import { errno } from "../linux/errno.ts";
import { resolveFlags } from "../linux/open-flags.ts";
import { descriptorStatus, type FileStatus } from "./directory.ts";
import { openDirectory, openFile, openFlags, readText } from "./files.ts";
import { readToEnd } from "./io.ts";
import { fileSystemOf } from "./mount-attributes.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { SyscallError } from "./syscall.ts";

/** Magic numbers of file systems that answer by themselves: ext4, xfs, btrfs, tmpfs, ramfs, overlay, f2fs, erofs, squashfs, zfs, bcachefs. */
const localFileSystems: ReadonlySet<number> = new Set([
  0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x8584_58f6, 0x794c_7630, 0xf2f5_2010, 0xe0f5_e1e2,
  0x7371_7368, 0x2fc1_2fc1, 0xca45_1a4e,
]);

const limitFileBytes = 1024 * 1024;

/** `unknown`: only the process itself can say. */
type Looked<T> = T | "missing" | "unknown";

export interface NamedPlace {
  readonly device: string;
  readonly inode: string;
  readonly bootId: string;
}

export class CallerFiles {
  readonly #pid: number;

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** The whole file. */
  read(path: string): Looked<Uint8Array> {
    return this.#looked(path, (fd, { type, sizeBytes }) => {
      if (type !== "file" || sizeBytes > limitFileBytes) return "unknown";
      // It is known to be a regular file, so opening it cannot block.
      using file = openFile(undefined, `/proc/self/fd/${fd.raw}`, openFlags.readOnly);
      return readToEnd(file, limitFileBytes);
    });
  }

  /** What a path leads to, links followed. */
  status(path: string): Looked<FileStatus> {
    return this.#looked(path, (_, status) => status);
  }

  /** A directory, by what it is the same for everybody on this machine. */
  directory(path: string): Looked<NamedPlace> {
    return this.#looked(path, (_, { type, deviceMajor, deviceMinor, inode }) => {
      if (type !== "directory") return "unknown";
      const bootId = readText("/proc/sys/kernel/random/boot_id").trim();
      return { device: `${deviceMajor}:${deviceMinor}`, inode: String(inode), bootId };
    });
  }

  #looked<T>(path: string, look: (fd: OwnedFd, status: FileStatus) => Looked<T>): Looked<T> {
    if (!path.startsWith("/") || path.includes("\0")) return "unknown";
    try {
      using root = openDirectory(`/proc/${this.#pid}/root`);
      const fd = openRemembered(root, path);
      if (fd === "missing" || fd === "unknown") return fd;
      using open = fd;
      return isLocal(open) ? look(open, descriptorStatus(open)) : "unknown";
    } catch (thrown) {
      if (thrown instanceof SyscallError) return "unknown";
      throw thrown;
    }
  }
}

function isLocal(fd: OwnedFd): boolean {
  return localFileSystems.has(fileSystemOf(`/proc/self/fd/${fd.raw}`));
}

/** By names that the kernel remembers; the last may be one that it has to look for in a directory of a local file system. */
function openRemembered(root: OwnedFd, path: string): Looked<OwnedFd> {
  const { inRoot, noMagicLinks, cached, beneath, noSymlinks } = resolveFlags;
  const whole = openPlace(root, path, inRoot | noMagicLinks | cached);
  if (whole !== "unknown") return whole;
  const slash = path.lastIndexOf("/");
  const [parent, name] = [path.slice(0, slash) || "/", path.slice(slash + 1)];
  if (name === "" || name === "." || name === "..") return "unknown";
  const directory = openPlace(root, parent, inRoot | noMagicLinks | cached);
  if (directory === "missing" || directory === "unknown") return directory;
  using open = directory;
  return isLocal(open) ? openPlace(open, name, beneath | noSymlinks) : "unknown";
}

function openPlace(from: OwnedFd, path: string, resolve: number): Looked<OwnedFd> {
  try {
    return openFile(from, path, openFlags.path, { resolve });
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    return thrown.errno === errno.ENOENT ? "missing" : "unknown";
  }
}
