/** One engine per root and per run directory: flock(2) on the file `lock` in each, which the kernel gives back with the engine. */

import { OwnedFd } from "../../kernel/owned-fd.ts";
import { cString, SyscallError, syscall } from "../../kernel/syscall.ts";
import { TiffinError } from "../../lib/errors.ts";

const atFdcwd = -100;
const openReadWriteCreateCloexec = 0o2 | 0o100 | 0o2000000;
const lockExclusiveNonblocking = 2 | 4;

/** Takes the lock at `path`, or throws `conflict` when another engine holds it; `what` says what it uses then. */
export function lockDirectory(path: string, what = "this state"): OwnedFd {
  const fd = new OwnedFd(
    syscall("openat", path, atFdcwd, cString(path), openReadWriteCreateCloexec, 0o600),
    path,
  );
  try {
    syscall("flock", path, fd.raw, lockExclusiveNonblocking);
    return fd;
  } catch (thrown) {
    fd[Symbol.dispose]();
    if (thrown instanceof SyscallError && thrown.code === "EAGAIN") {
      throw new TiffinError(
        "conflict",
        "store.locked",
        `another engine is using ${what}: ${path} is locked`,
        {
          remedy: "stop that engine, or give this one its own --root, --run and --host",
          cause: thrown,
        },
      );
    }
    throw thrown;
  }
}
