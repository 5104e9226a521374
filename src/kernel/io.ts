/**
 * Reading and writing on descriptors, complete: interrupted calls, short transfers and (for writes) descriptors
 * in non-blocking mode are dealt with here and nowhere else.
 */
import { errno } from "../linux/errno.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { pollOut, waitFor } from "./poll.ts";
import { SyscallError, syscall, trySyscall } from "./syscall.ts";

/** How long a writer waits for a peer that does not read before it gives up with EAGAIN. */
const stalledWriteMs = 30_000;

/** One read(2) into `buffer`; 0 is the end. Throws `SyscallError`; EAGAIN too, on a non-blocking descriptor. */
export function readSome(fd: OwnedFd, buffer: Uint8Array): number {
  return syscall("read", fd.what, fd.raw, buffer, buffer.length);
}

/** One read(2); `undefined` when nothing is there yet on a non-blocking descriptor. */
export function readAvailable(fd: OwnedFd, buffer: Uint8Array): number | undefined {
  for (;;) {
    const got = trySyscall("read", fd.raw, buffer, buffer.length);
    if (got >= 0) return got;
    if (got === -errno.EAGAIN) return undefined;
    if (got !== -errno.EINTR) throw new SyscallError("read", -got, fd.what);
  }
}

/** Writes every byte. Throws `SyscallError` (EPIPE when the reader is gone; EAGAIN when it stalled for 30 s). */
export function writeAll(fd: OwnedFd, bytes: Uint8Array): void {
  let rest = bytes;
  while (rest.length > 0) {
    const taken = trySyscall("write", fd.raw, rest, rest.length);
    if (taken > 0) rest = rest.subarray(taken);
    else if (taken === -errno.EAGAIN && waitFor(fd, pollOut, stalledWriteMs)) continue;
    else if (taken !== -errno.EINTR)
      throw new SyscallError("write", taken === 0 ? errno.EIO : -taken, fd.what);
  }
}

/** SEEK_CUR */
const fromHere = 1;

/** Leaves a hole of so many bytes at the current position of a new file, also at its end. */
export function passOver(fd: OwnedFd, bytes: number): void {
  const end = syscall("lseek", fd.what, fd.raw, bytes, fromHere);
  syscall("ftruncate", fd.what, fd.raw, end);
}

/** Fills `buffer` from `offset` on; less only at the end of the file. */
export function readAt(fd: OwnedFd, buffer: Uint8Array, offset: number): Uint8Array {
  let filled = 0;
  while (filled < buffer.length) {
    const rest = buffer.subarray(filled);
    const got = syscall("pread64", fd.what, fd.raw, rest, rest.length, offset + filled);
    if (got === 0) break;
    filled += got;
  }
  return buffer.subarray(0, filled);
}

/**
 * Everything from the current position to the end, at most `limitBytes`. A longer file throws EFBIG rather than
 * being cut, so that hostile input is never half read.
 */
export function readToEnd(fd: OwnedFd, limitBytes: number): Uint8Array {
  let buffer = new Uint8Array(Math.min(4096, limitBytes + 1));
  let length = 0;
  for (;;) {
    if (length === buffer.length) {
      if (length > limitBytes) throw new SyscallError("read", errno.EFBIG, fd.what);
      const larger = new Uint8Array(Math.min(buffer.length * 4, limitBytes + 1));
      larger.set(buffer);
      buffer = larger;
    }
    const got = readSome(fd, buffer.subarray(length));
    if (got === 0) return buffer.subarray(0, length);
    length += got;
  }
}
