/**
 * Opening, reading and writing files by system call: for kernel files (one write, exact errno), for paths inside
 * an untrusted root (openat2 with RESOLVE flags), and for files that must change in one step.
 */

import { randomHex } from "../lib/ids.ts";
import { decodeName } from "../lib/name-text.ts";
import { errno } from "../linux/errno.ts";
import { atFlags, openFlagsOf, resolveFlags } from "../linux/open-flags.ts";
import { readSome, readToEnd, writeAll } from "./io.ts";
import { OwnedFd } from "./owned-fd.ts";
import { cString, inRange, machine, SyscallError, syscall, trySyscall } from "./syscall.ts";

/** O_* of this machine. */
export const openFlags = openFlagsOf(machine);

/** A directory that a path is looked up from; undefined is the host's root or the current directory. */
export type Directory = OwnedFd | undefined;

function directoryNumber(directory: Directory): number {
  return directory === undefined ? atFlags.fdcwd : directory.raw;
}

const openHowBytes = 24;
/** As many as the executor makes: a busy machine renames all the time, an attacker must not hold us for ever. */
const raceAttempts = 1000;

/**
 * openat2(2), always CLOEXEC: a descriptor, or minus errno. `resolve` are RESOLVE_* bits. EAGAIN (a rename raced
 * with a guarded lookup) is tried again a bounded number of times.
 */
function openRaw(directory: Directory, path: string, flags: number, mode: number, resolve: number): number {
  const how = new BigUint64Array(3);
  how[0] = BigInt(flags | openFlags.closeOnExec);
  how[1] = BigInt(mode);
  how[2] = BigInt(resolve);
  const name = cString(path);
  for (let attempt = 0; ; attempt += 1) {
    const fd = trySyscall("openat2", directoryNumber(directory), name, how, openHowBytes);
    const again = fd === -errno.EINTR || (fd === -errno.EAGAIN && resolve !== 0 && attempt < raceAttempts);
    if (!again) return fd;
  }
}

export interface OpenOptions {
  /** Permission bits for a created file. */
  readonly mode?: number;
  /** RESOLVE_* bits (`resolveFlags`). */
  readonly resolve?: number;
}

/** Opens `path`, relative to `directory` unless absolute. Throws `SyscallError`. */
export function openFile(
  directory: Directory,
  path: string,
  flags: number,
  options: OpenOptions = {},
): OwnedFd {
  const fd = openRaw(directory, path, flags, options.mode ?? 0, options.resolve ?? 0);
  if (fd < 0) throw new SyscallError("openat2", -fd, path);
  return new OwnedFd(fd, path);
}

/** Like `openFile`, but undefined when nothing of that name exists (ENOENT, ENOTDIR). */
export function openIfPresent(
  directory: Directory,
  path: string,
  flags: number,
  options: OpenOptions = {},
): OwnedFd | undefined {
  const fd = openRaw(directory, path, flags, options.mode ?? 0, options.resolve ?? 0);
  if (fd >= 0) return new OwnedFd(fd, path);
  if (fd === -errno.ENOENT || fd === -errno.ENOTDIR) return undefined;
  throw new SyscallError("openat2", -fd, path);
}

/** Like `openFile`, but undefined for whatever cannot be opened so. */
export function openIfPossible(
  directory: Directory,
  path: string,
  flags: number,
  options: OpenOptions = {},
): OwnedFd | undefined {
  const fd = openRaw(directory, path, flags, options.mode ?? 0, options.resolve ?? 0);
  return fd < 0 ? undefined : new OwnedFd(fd, path);
}

/** A directory handle (O_PATH) to look things up from. */
export function openDirectory(path: string, directory?: OwnedFd): OwnedFd {
  return openFile(directory, path, openFlags.path | openFlags.directory);
}

/**
 * Opens `path` as a process inside `root` would see it: symlinks and `..` cannot leave the root, and no magic
 * link is followed. For anything that an image or a container controls.
 */
export function openInRoot(root: OwnedFd, path: string, flags: number, mode = 0): OwnedFd {
  return openFile(root, path, flags, { mode, resolve: resolveFlags.inRoot | resolveFlags.noMagicLinks });
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();
/** Files of /proc and /sys are far smaller; a caller with another idea says so. */
const textLimitBytes = 4 * 1024 * 1024;

/** The whole file as bytes; EFBIG beyond `limitBytes`. Throws `SyscallError`. */
export function readBytes(path: string, limitBytes = textLimitBytes, directory?: OwnedFd): Uint8Array {
  using file = openFile(directory, path, openFlags.readOnly);
  return readToEnd(file, limitBytes);
}

/** The whole file as UTF-8 text. Throws `SyscallError`. */
export function readText(path: string, limitBytes = textLimitBytes, directory?: OwnedFd): string {
  return decoder.decode(readBytes(path, limitBytes, directory));
}

const shortBuffer = new Uint8Array(16 * 1024);

/**
 * The same for a file of the kernel's own that is shorter than 16 kB: it comes in one read, so that nobody has to ask for its end. Undefined
 * for one that is not, too.
 */
export function readShortKernelText(path: string): string | undefined {
  const fd = openRaw(undefined, path, openFlags.readOnly, 0, 0);
  if (fd < 0) return undefined;
  using file = new OwnedFd(fd, path);
  try {
    const got = readSome(file, shortBuffer);
    return got < shortBuffer.length ? decoder.decode(shortBuffer.subarray(0, got)) : undefined;
  } catch (thrown) {
    if (thrown instanceof SyscallError) return undefined;
    throw thrown;
  }
}

/** The file's text, or undefined when it cannot be opened or read, for whatever reason. */
export function readTextIfPossible(path: string, directory?: OwnedFd): string | undefined {
  const fd = openRaw(directory, path, openFlags.readOnly, 0, 0);
  if (fd < 0) return undefined;
  using file = new OwnedFd(fd, path);
  try {
    return decoder.decode(readToEnd(file, textLimitBytes));
  } catch (thrown) {
    if (thrown instanceof SyscallError) return undefined;
    throw thrown;
  }
}

/**
 * Writes `text` to an existing kernel file (cgroup, sysctl, /proc) with a single write(2): 0, or the errno of
 * what failed. Such files take a value per write, so a short write is an error (EIO).
 */
export function writeKernelFile(path: string, text: string, directory?: OwnedFd): number {
  const fd = openRaw(directory, path, openFlags.writeOnly, 0, 0);
  if (fd < 0) return -fd;
  using file = new OwnedFd(fd, path);
  return writeOnce(file, text);
}

/** One write(2) to an open kernel file: 0, or the errno. A part that was taken counts as EIO. */
export function writeOnce(file: OwnedFd, text: string): number {
  const bytes = encoder.encode(text);
  let written = -errno.EINTR;
  while (written === -errno.EINTR) written = trySyscall("write", file.raw, bytes, bytes.length);
  if (written < 0) return -written;
  return written === bytes.length ? 0 : errno.EIO;
}

/** Opens `path`, or returns the errno of the refusal. */
export function tryOpenFile(path: string, flags: number): OwnedFd | number {
  const fd = openRaw(undefined, path, flags, 0, 0);
  return fd < 0 ? -fd : new OwnedFd(fd, path);
}

/** mkdirat(2): true when this call made it, false when the directory was there. Other failures throw. */
export function makeDirectory(path: string, mode = 0o755, directory?: OwnedFd): boolean {
  const result = trySyscall(
    "mkdirat",
    directoryNumber(directory),
    cString(path),
    inRange("u16", mode, "mode"),
  );
  if (result === 0) return true;
  if (result === -errno.EEXIST) return false;
  throw new SyscallError("mkdirat", -result, path);
}

/** True when something has that name (a dangling symlink too). */
export function exists(path: string, directory?: OwnedFd): boolean {
  const result = trySyscall(
    "faccessat2",
    directoryNumber(directory),
    cString(path),
    0,
    atFlags.symlinkNoFollow,
  );
  return result === 0;
}

/** True when this process's effective ids may write to `path`. */
export function isWritable(path: string): boolean {
  const writable = 2;
  return trySyscall("faccessat2", atFlags.fdcwd, cString(path), writable, atFlags.effectiveAccess) === 0;
}

/** unlinkat(2): false when there was nothing of that name. */
export function removeFile(path: string, directory?: OwnedFd): boolean {
  const result = trySyscall("unlinkat", directoryNumber(directory), cString(path), 0);
  if (result === 0) return true;
  if (result === -errno.ENOENT) return false;
  throw new SyscallError("unlinkat", -result, path);
}

/** renameat2(2) with absolute or current-directory paths. */
export function renamePath(from: string, to: string): void {
  syscall("renameat2", `${from} to ${to}`, atFlags.fdcwd, cString(from), atFlags.fdcwd, cString(to), 0);
}

/**
 * Replaces the file in one step: a reader, and the disk after a power cut, has the old content or the new. The
 * temporary file lies beside it.
 */
export function writeAtomically(path: string, content: string | Uint8Array, mode = 0o600): void {
  const bytes = typeof content === "string" ? encoder.encode(content) : content;
  const temporary = `${path}.${randomHex(8)}.tmp`;
  const flags = openFlags.writeOnly | openFlags.create | openFlags.exclusive | openFlags.noFollow;
  const file = openFile(undefined, temporary, flags, { mode });
  try {
    writeAll(file, bytes);
    syscall("fdatasync", temporary, file.raw);
    renamePath(temporary, path);
  } catch (thrown) {
    removeFile(temporary);
    throw thrown;
  } finally {
    file[Symbol.dispose]();
  }
}

const linkLimitBytes = 4096;

/** What a symbolic link says; undefined when there is none of that name. */
export function readLink(path: string): string | undefined {
  const target = new Uint8Array(linkLimitBytes);
  const length = trySyscall("readlinkat", atFlags.fdcwd, cString(path), target, target.length);
  return length < 0 ? undefined : decodeName(target.subarray(0, length));
}

/** What the symbolic link that `link` holds by O_PATH says. */
export function readLinkOf(link: OwnedFd): string {
  const target = new Uint8Array(linkLimitBytes);
  const length = syscall("readlinkat", link.what, link.raw, cString(""), target, target.length);
  return decodeName(target.subarray(0, length));
}

/** Puts what `change` makes of its text in the place of it; `file` was just opened, to read and write. Throws `SyscallError`. */
export function rewriteText(file: OwnedFd, change: (text: string) => string): void {
  const text = decoder.decode(readToEnd(file, textLimitBytes));
  const changed = change(text);
  if (changed === text) return;
  const bytes = encoder.encode(changed);
  syscall("lseek", file.what, file.raw, 0, 0);
  // Whoever reads meanwhile finds a whole text before its end, not an empty file.
  writeAll(file, bytes);
  syscall("ftruncate", file.what, file.raw, bytes.length);
}
