/** Extended attributes: capabilities of programs, access lists, labels. */
import { errno } from "../linux/errno.ts";
import { cString, SyscallError, trySyscall } from "./syscall.ts";

/** XATTR_LIST_MAX and XATTR_SIZE_MAX. */
const limitBytes = 65_536;

function namesOf(path: string): string[] {
  // Most files have none: then nothing is allocated.
  if (trySyscall("llistxattr", cString(path), 0, 0) <= 0) return [];
  const list = new Uint8Array(limitBytes);
  const length = trySyscall("llistxattr", cString(path), list, list.length);
  if (length < 0) throw new SyscallError("llistxattr", -length, path);
  return new TextDecoder().decode(list.subarray(0, length)).split("\0").filter(Boolean);
}

/**
 * Copies those attributes of `source` whose names `wanted` takes to `target`; neither last component is followed.
 * What the target's file system does not have is passed over. Throws `SyscallError`.
 */
export function copyAttributes(source: string, target: string, wanted: (name: string) => boolean): void {
  for (const name of namesOf(source).filter(wanted)) {
    const value = new Uint8Array(limitBytes);
    const length = trySyscall("lgetxattr", cString(source), cString(name), value, value.length);
    if (length === -errno.ENODATA) continue;
    if (length < 0) throw new SyscallError("lgetxattr", -length, `${name} of ${source}`);
    const set = trySyscall("lsetxattr", cString(target), cString(name), value, length, 0);
    if (set < 0 && set !== -errno.EOPNOTSUPP)
      throw new SyscallError("lsetxattr", -set, `${name} of ${target}`);
  }
}
