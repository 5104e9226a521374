/** Where a file system puts what is made. */
import { openFile, openFlags } from "./files.ts";
import { trySyscall } from "./syscall.ts";

/** FS_IOC_GETFLAGS and FS_IOC_SETFLAGS, the same on all 64-bit machines; the kernel uses the first four bytes. linux/fs.h */
const getFlags = 0x8008_6601;
const setFlags = 0x4008_6602;
const flagsBytes = 8;
/** FS_TOPDIR_FL */
const topOfHierarchies = 0x0002_0000;

/**
 * Directories that are made in this one from now on have nothing to do with each other: ext4 looks for a quiet part of the disk for
 * each, by its name, instead of the part that this one is in. Other file systems do not know the word, and do without.
 */
export function spreadDirectories(path: string): void {
  using directory = openFile(undefined, path, openFlags.readOnly | openFlags.directory);
  const flags = new Uint32Array(flagsBytes / Uint32Array.BYTES_PER_ELEMENT);
  if (trySyscall("ioctl", directory.raw, getFlags, flags) < 0) return;
  flags[0] = (flags[0] ?? 0) | topOfHierarchies;
  trySyscall("ioctl", directory.raw, setFlags, flags);
}
