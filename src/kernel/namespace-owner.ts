/** Which user namespace owns a namespace: whose rights count there (ioctl_ns(2)). */
import { descriptorStatus } from "./directory.ts";
import { openFile, openFlags } from "./files.ts";
import { OwnedFd } from "./owned-fd.ts";
import { SyscallError, trySyscall } from "./syscall.ts";

const getOwner = 0xb701;

/**
 * Whether the namespace at `path` is owned by the user namespace at `owner`. Undefined when one of the two is no namespace; one
 * whose owner lies outside of what this process may know of is owned by another.
 */
export function isNamespaceOwnedBy(path: string, owner: string): boolean | undefined {
  try {
    // What is no namespace may be a pipe, whose other end is not waited for, or a device, which is not to be told anything.
    using namespace = openFile(undefined, path, openFlags.readOnly | openFlags.nonBlocking);
    using wanted = openFile(undefined, owner, openFlags.readOnly | openFlags.nonBlocking);
    if (descriptorStatus(namespace).type !== "file") return undefined;
    const result = trySyscall("ioctl", namespace.raw, getOwner, 0);
    if (result < 0) return false;
    using found = new OwnedFd(result, `owner of ${path}`);
    const [a, b] = [descriptorStatus(found), descriptorStatus(wanted)];
    return a.inode === b.inode && a.deviceMinor === b.deviceMinor && a.deviceMajor === b.deviceMajor;
  } catch (thrown) {
    if (thrown instanceof SyscallError) return undefined;
    throw thrown;
  }
}
