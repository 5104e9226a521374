/** Extended attributes: capabilities of programs, access lists, labels, overlayfs's notes. xattr(7) */

import { decodeName } from "../lib/name-text.ts";
import { errno } from "../linux/errno.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { cString, SyscallError, trySyscall } from "./syscall.ts";

/** XATTR_LIST_MAX and XATTR_SIZE_MAX. */
const limitBytes = 65_536;
/** Most values are far shorter, so a second call is rare. */
const usualBytes = 256;

/** Leads to what `file` holds, opened by O_PATH as well. */
function pathOf(file: OwnedFd): Uint8Array {
  return cString(`/proc/self/fd/${file.raw}`);
}

/** The names of all attributes; none where the file system knows none. Not for symbolic links. Throws `SyscallError`. */
export function attributeNames(file: OwnedFd): string[] {
  // Most files have none: then nothing is allocated, and one that is open for reading needs no path either.
  const open = trySyscall("flistxattr", file.raw, 0, 0);
  if (open === 0 || (open < 0 && open !== -errno.EBADF)) return [];
  if (open < 0 && trySyscall("listxattr", pathOf(file), 0, 0) <= 0) return [];
  const list = new Uint8Array(limitBytes);
  const length = trySyscall("listxattr", pathOf(file), list, list.length);
  if (length < 0) throw new SyscallError("listxattr", -length, file.what);
  return decodeName(list.subarray(0, length)).split("\0").filter(Boolean);
}

/** The value; undefined when the file has none, or its file system knows no attributes. Throws `SyscallError`. */
export function readAttribute(file: OwnedFd, name: string): Uint8Array | undefined {
  let value = new Uint8Array(usualBytes);
  const path = pathOf(file);
  let length = trySyscall("getxattr", path, cString(name), value, value.length);
  if (length === -errno.ERANGE) {
    value = new Uint8Array(limitBytes);
    length = trySyscall("getxattr", path, cString(name), value, value.length);
  }
  if (length === -errno.ENODATA || length === -errno.EOPNOTSUPP) return undefined;
  if (length < 0) throw new SyscallError("getxattr", -length, `${name} of ${file.what}`);
  return value.subarray(0, length);
}

/**
 * Copies those attributes of `source`, which is no symbolic link, whose names `wanted` takes to the path `target`, which is not
 * followed. What the target's file system does not have is passed over. Throws `SyscallError`.
 */
export function copyAttributes(source: OwnedFd, target: string, wanted: (name: string) => boolean): void {
  for (const name of attributeNames(source).filter(wanted)) {
    const value = readAttribute(source, name);
    if (value === undefined) continue;
    const content = value.length === 0 ? 0 : value;
    const set = trySyscall("lsetxattr", cString(target), cString(name), content, value.length, 0);
    if (set < 0 && set !== -errno.EOPNOTSUPP)
      throw new SyscallError("lsetxattr", -set, `${name} of ${target}`);
  }
}
