/** Room on a file system that a file keeps although it does not use it yet. */

import { openFlags, openIfPresent } from "./files.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { trySyscall } from "./syscall.ts";

const keepSize = 1;

/**
 * Reserves blocks for the first `bytes` of the file at `path`, whose length stays. False where the file is missing,
 * the file system cannot, or it has no room: then there is no reserve.
 */
export function reserveSpace(path: string, bytes: number): boolean {
  using file: OwnedFd | undefined = openIfPresent(undefined, path, openFlags.readWrite);
  return file !== undefined && trySyscall("fallocate", file.raw, keepSize, 0, bytes) === 0;
}
