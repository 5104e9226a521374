/**
 * Anonymous files: how plans, programs and compiled filters travel without touching a disk. A sealed one can
 * never change again, so its reader may check it once and map it.
 */
import { errno } from "../linux/errno.ts";
import { writeAll } from "./io.ts";
import { OwnedFd } from "./owned-fd.ts";
import { cString, SyscallError, syscall, trySyscall } from "./syscall.ts";

const mfdCloexec = 1;
const mfdAllowSealing = 2;
const mfdNoexecSeal = 8;
const mfdExec = 16;
const fAddSeals = 1033;
const sealSeal = 1;
const sealShrink = 2;
const sealGrow = 4;
const sealWrite = 8;
const nameLimitBytes = 249;

/** An empty memfd, CLOEXEC, that may be sealed. `executable` asks for one that can be exec'd (memfd_create(2)). */
export function createMemfd(name: string, options: { readonly executable?: boolean } = {}): OwnedFd {
  const bytes = cString(name);
  if (bytes.length > nameLimitBytes) throw new RangeError(`memfd name of ${bytes.length} bytes is too long`);
  const base = mfdCloexec | mfdAllowSealing;
  const wanted = options.executable === true ? mfdExec : mfdNoexecSeal;
  const fd = trySyscall("memfd_create", bytes, base | wanted);
  if (fd >= 0) return new OwnedFd(fd, `memfd ${name}`);
  // Before Linux 6.3 there were no exec flags, and every memfd was executable.
  if (fd !== -errno.EINVAL) throw new SyscallError("memfd_create", -fd, name);
  return new OwnedFd(syscall("memfd_create", name, bytes, base), `memfd ${name}`);
}

/** Makes the file's size and content final, for this and every other holder. */
export function sealMemfd(memfd: OwnedFd): void {
  syscall("fcntl", memfd.what, memfd.raw, fAddSeals, sealSeal | sealShrink | sealGrow | sealWrite);
}

/** A memfd with exactly `content`, sealed; its read position is 0. */
export function sealedMemfd(
  name: string,
  content: Uint8Array,
  options: { readonly executable?: boolean } = {},
): OwnedFd {
  const memfd = createMemfd(name, options);
  try {
    writeAll(memfd, content);
    sealMemfd(memfd);
    syscall("lseek", memfd.what, memfd.raw, 0, 0);
    return memfd;
  } catch (thrown) {
    memfd[Symbol.dispose]();
    throw thrown;
  }
}
