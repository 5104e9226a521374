/** Writes that a power failure does not take back. */
import { closeSync, fsyncSync, openSync } from "node:fs";
import { openFile, openFlags } from "../../kernel/files.ts";
import { cString, syscall } from "../../kernel/syscall.ts";
import { atFlags } from "../../linux/open-flags.ts";

/** Makes earlier renames and creations inside `directory` durable. */
export function syncDirectory(directory: string): void {
  syncFile(directory);
}

export function syncFile(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Each gets the other's name, in one step. renameat2(2) */
export function exchangePaths(one: string, other: string): void {
  const exchange = 2;
  const what = `${one} and ${other}`;
  syscall("renameat2", what, atFlags.fdcwd, cString(one), atFlags.fdcwd, cString(other), exchange);
}

/** Everything that was written to the file system of `directory`. For many files at once; a single one has fsync. syncfs(2) */
export function syncFileSystem(directory: string): void {
  using open = openFile(undefined, directory, openFlags.readOnly | openFlags.directory);
  syscall("syncfs", directory, open.raw);
}
