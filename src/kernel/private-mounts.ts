/**
 * Mounts that nobody else sees: the thread has a mount namespace of its own while a function runs, and what it starts
 * there keeps it. Nothing has to be unmounted, whatever ends how. mount_namespaces(7)
 */
import { cloneFlags } from "../linux/clone-flags.ts";
import { mountPropagations } from "../linux/mount-flags.ts";
import { atFlags } from "../linux/open-flags.ts";
import { openFile, openFlags } from "./files.ts";
import { cString, syscall, trySyscall } from "./syscall.ts";

const msReadOnly = 1;
const msRemount = 0x20;
const msBind = 0x1000;
const msRecursive = 0x4000;
const sigabrtExitStatus = 134;

/**
 * Runs `inside`, which must not be asynchronous. Mounts of the host still arrive there, none goes back. Needs CAP_SYS_ADMIN;
 * throws `SyscallError`. If the way back fails nothing in this process can be trusted any more, and it is ended.
 */
export function inPrivateMounts<T>(inside: () => T): T {
  using home = openFile(undefined, "/proc/thread-self/ns/mnt", openFlags.readOnly);
  // Entering a mount namespace makes its root the working directory.
  using directory = openFile(undefined, ".", openFlags.path | openFlags.directory);
  syscall("unshare", "mount namespace", cloneFlags.newMount);
  try {
    syscall("mount", "/", 0, cString("/"), 0, msRecursive | mountPropagations.slave, 0);
    return inside();
  } finally {
    const result = trySyscall("setns", home.raw, cloneFlags.newMount);
    if (result !== 0) trySyscall("exit_group", sigabrtExitStatus);
    // One that was removed meanwhile is left.
    trySyscall("fchdir", directory.raw);
  }
}

/** A bind of the whole tree. */
export function bindMount(source: string, target: string): void {
  syscall("mount", `${source} on ${target}`, cString(source), cString(target), 0, msBind | msRecursive, 0);
}

/** An empty tmpfs; `options` as mount(8) writes them. */
export function mountTmpfs(target: string, options: string): void {
  const type = cString("tmpfs");
  syscall("mount", `tmpfs on ${target}`, type, cString(target), type, 0, cString(options));
}

/** An existing file system, read-only from now on in all of its mounts. */
export function makeReadOnly(target: string): void {
  const what = `${target} read-only`;
  syscall("mount", what, 0, cString(target), 0, msRemount | msReadOnly, 0);
}

/**
 * Sets MOUNT_ATTR_* flags of mounts that the process `pid` has, by their mount points there. The process must not run
 * meanwhile: it could put something else there. Throws `SyscallError`.
 */
export function restrictMounts(
  pid: number,
  changes: readonly { readonly mountPoint: string; readonly set: number }[],
): void {
  if (changes.length === 0) return;
  using mounts = openFile(undefined, `/proc/${pid}/ns/mnt`, openFlags.readOnly);
  inPrivateMounts(() => {
    syscall("setns", mounts.what, mounts.raw, cloneFlags.newMount);
    for (const { mountPoint, set } of changes) {
      // struct mount_attr: what is set, what is cleared, propagation, a user namespace.
      const attributes = new BigUint64Array([BigInt(set), 0n, 0n, 0n]);
      const flags = atFlags.symlinkNoFollow;
      const size = attributes.byteLength;
      syscall("mount_setattr", mountPoint, atFlags.fdcwd, cString(mountPoint), flags, attributes, size);
    }
  });
}
