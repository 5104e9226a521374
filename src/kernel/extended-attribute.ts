/** One extended attribute of an open file. */
import { errno } from "../linux/errno.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { cString, SyscallError, trySyscall } from "./syscall.ts";

const limitBytes = 4096;

/** The value; undefined when the file has none, or its file system knows no attributes. Throws `SyscallError`. */
export function readAttribute(file: OwnedFd, name: string): Uint8Array | undefined {
  const value = new Uint8Array(limitBytes);
  const path = cString(`/proc/self/fd/${file.raw}`);
  const length = trySyscall("getxattr", path, cString(name), value, value.length);
  if (length === -errno.ENODATA || length === -errno.EOPNOTSUPP) return undefined;
  if (length < 0) throw new SyscallError("getxattr", -length, `${name} of ${file.what}`);
  return value.subarray(0, length);
}
