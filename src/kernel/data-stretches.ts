/** Where a file holds data, and where holes: lseek(2), SEEK_DATA and SEEK_HOLE. */
import { errno } from "../linux/errno.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { SyscallError, trySyscall } from "./syscall.ts";

const toData = 3;
const toHole = 4;

export interface DataStretch {
  readonly atBytes: number;
  readonly bytes: number;
}

/** In their order; undefined for more than `most` of them. Moves the position of `file`. Throws `SyscallError`. */
export function dataStretches(file: OwnedFd, most: number): readonly DataStretch[] | undefined {
  const found: DataStretch[] = [];
  for (let from = 0; ; ) {
    const at = trySyscall("lseek", file.raw, from, toData);
    // Behind the last of the data.
    if (at === -errno.ENXIO) return found;
    if (at < 0) throw new SyscallError("lseek", -at, file.what);
    if (found.length === most) return undefined;
    const end = trySyscall("lseek", file.raw, at, toHole);
    if (end < 0) throw new SyscallError("lseek", -end, file.what);
    found.push({ atBytes: at, bytes: end - at });
    from = end;
  }
}
