/** What stands at a path of a container's file system, in Docker's words (`X-Docker-Container-Path-Stat`). */
import type { PathStatus } from "../../../docker/types/archive.ts";
import { descriptorStatus, type EntryType, type FileStatus } from "../../../kernel/directory.ts";
import { openFlags, openInRoot, readLinkOf } from "../../../kernel/files.ts";
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import { SyscallError } from "../../../kernel/syscall.ts";
import { TiffinError } from "../../../lib/errors.ts";

/** Bits of Go's io/fs.FileMode, which clients compare. */
const goTypeBits: Readonly<Record<EntryType, number>> = {
  file: 0,
  directory: 2 ** 31,
  symlink: 2 ** 27,
  block: 2 ** 26,
  character: 2 ** 26 + 2 ** 21,
  fifo: 2 ** 25,
  socket: 2 ** 24,
  unknown: 2 ** 19,
};
const goSetuid = 2 ** 23;
const goSetgid = 2 ** 22;
const goSticky = 2 ** 20;
const permissions = 0o777;

export interface FoundEntry {
  /** Opened by O_PATH; the caller closes it. */
  readonly fd: OwnedFd;
  readonly status: FileStatus;
}

/**
 * What an archive of `path` calls what stands there: its last name, after `..` has taken names back; but `.` when that is how
 * the path ends, by which a client asks for what is in a directory instead of for the directory.
 */
export function lastName(path: string): string {
  if (/(^|\/)\.$/.test(path)) return ".";
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return names.at(-1) ?? "/";
}

/**
 * Opens what `path` names inside `root`: a symbolic link itself, unless the path goes on behind it with a slash. Throws
 * `notFound` in Docker's words.
 */
export function openEntry(root: OwnedFd, path: string, container: string): FoundEntry {
  const follow = /\/\.?$/.test(path);
  const flags = openFlags.path | (follow ? openFlags.directory : openFlags.noFollow);
  try {
    const fd = openInRoot(root, path === "" ? "." : path, flags);
    return { fd, status: descriptorStatus(fd) };
  } catch (thrown) {
    throw unreachablePath(thrown, path, container);
  }
}

export function unreachablePath(thrown: unknown, path: string, container: string): unknown {
  if (!(thrown instanceof SyscallError)) return thrown;
  if (!["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG"].includes(thrown.code)) return thrown;
  return new TiffinError(
    "notFound",
    "archive.no-path",
    `Could not find the file ${path} in container ${container}`,
    { cause: thrown },
  );
}

export function pathStatusOf(path: string, { fd, status }: FoundEntry): PathStatus {
  const special =
    ((status.mode & 0o4000) === 0 ? 0 : goSetuid) +
    ((status.mode & 0o2000) === 0 ? 0 : goSetgid) +
    ((status.mode & 0o1000) === 0 ? 0 : goSticky);
  return {
    name: lastName(path),
    size: status.sizeBytes,
    mode: goTypeBits[status.type] + special + (status.mode & permissions),
    mtime: new Date(Number(status.modifiedAtNs / 1_000_000n)).toISOString(),
    linkTarget: status.type === "symlink" ? absoluteTarget(path, readLinkOf(fd)) : "",
  };
}

/** Where a link at `path` leads, as a path from the container's root. */
function absoluteTarget(path: string, target: string): string {
  const from = target.startsWith("/") ? [] : path.split("/").slice(0, -1);
  const parts: string[] = [];
  for (const name of [...from, ...target.split("/")]) {
    if (name === "..") parts.pop();
    else if (name !== "" && name !== ".") parts.push(name);
  }
  return `/${parts.join("/")}`;
}
