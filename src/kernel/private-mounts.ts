/**
 * Mount namespaces from the JavaScript thread: mounts that nobody else sees, gone with the last descriptor or process that
 * has them, whatever ends how. As with network namespaces the thread is there only within one native call for each system
 * call: a thread that the runtime starts meanwhile would be born there, keep all the mounts for as long as it lives, and
 * bar the way back, for it shares the working directory. setns(2), mount_namespaces(7)
 */
import { cloneFlags } from "../linux/clone-flags.ts";
import { mountPropagations, umountFlags } from "../linux/mount-flags.ts";
import { parseMountInfo } from "../linux/mountinfo.ts";
import { atFlags } from "../linux/open-flags.ts";
import { openFile, openFlags, readText } from "./files.ts";
import { OwnedFd } from "./owned-fd.ts";
import {
  cString,
  directSyscall,
  type SyscallEntry,
  SyscallError,
  syscall,
  trySyscall,
  withDetour,
} from "./syscall.ts";
import { syscallSequence } from "./syscall-sequence.ts";

const msReadOnly = 1;
const msRemount = 0x20;
const msBind = 0x1000;
const msRecursive = 0x4000;
const limitMountInfoBytes = 64 * 1024 * 1024;
const sigabrtExitStatus = 134;
const ownNamespace = "/proc/thread-self/ns/mnt";

/** The mount namespace and the working directory that the thread has between any two native calls, and goes back to. */
class Home implements Disposable {
  readonly #namespace = openHere(ownNamespace, openFlags.readOnly);
  readonly #directory = openHere(".", openFlags.path | openFlags.directory);

  /**
   * Performs `calls` and goes home; the results of the calls. If the way back fails nothing in this process can be trusted
   * any more, and it is ended.
   */
  andBack(calls: readonly SyscallEntry[]): number[] {
    // Who enters a mount namespace shares its root and working directory with no thread.
    const alone: SyscallEntry = ["unshare", cloneFlags.fileSystemAttributes];
    const results = syscallSequence(
      [alone, ...calls],
      // Entering makes the root the working directory; one that was removed meanwhile is entered all the same.
      [
        ["setns", this.#namespace.raw, cloneFlags.newMount],
        ["fchdir", this.#directory.raw],
      ],
    );
    if (results.at(-2) !== 0) directSyscall("exit_group", sigabrtExitStatus);
    return results.slice(1, -2);
  }

  [Symbol.dispose](): void {
    this.#namespace[Symbol.dispose]();
    this.#directory[Symbol.dispose]();
  }
}

/** Past any detour, so that home is the same for a visit within a visit. */
function openHere(path: string, flags: number): OwnedFd {
  const fd = directSyscall("openat", atFlags.fdcwd, cString(path), flags | openFlags.closeOnExec);
  if (fd < 0) throw new SyscallError("openat", -fd, path);
  return new OwnedFd(fd, path);
}

/**
 * Runs the synchronous `inside`, the system calls of which (those through `syscall.ts`) are made in the mounts of
 * `namespace`, with the working directory `directory`, or the root where there is none. Throws `SyscallError`.
 */
export function inMounts<T>(namespace: OwnedFd, inside: () => T, directory?: OwnedFd): T {
  using home = new Home();
  const enter: SyscallEntry[] = [["setns", namespace.raw, cloneFlags.newMount]];
  const [entered = 0] = home.andBack(enter);
  if (entered < 0) throw new SyscallError("setns", -entered, namespace.what);
  if (directory !== undefined) enter.push(["fchdir", directory.raw]);
  return withDetour((...call) => home.andBack([...enter, call]).at(-1) ?? 0, inside);
}

/** A mount namespace that holds what this process's holds. Mounts of the host still arrive there, none goes back. */
export function createMounts(): OwnedFd {
  using home = new Home();
  const root = cString("/");
  const flags = openFlags.readOnly | openFlags.closeOnExec;
  const [made = 0, cut = 0, opened = 0] = home.andBack([
    ["unshare", cloneFlags.newMount],
    ["mount", 0, root, 0, msRecursive | mountPropagations.slave, 0],
    ["openat", atFlags.fdcwd, cString(ownNamespace), flags],
  ]);
  if (made < 0) throw new SyscallError("unshare", -made, "mount namespace");
  if (cut < 0) throw new SyscallError("mount", -cut, "/");
  if (opened < 0) throw new SyscallError("openat", -opened, ownNamespace);
  return new OwnedFd(opened, "private mount namespace");
}

/**
 * A mount namespace with nothing in it but what leads to `directory`, lies below it, or is /proc. Mounts of the host neither
 * arrive there nor are kept by it.
 */
export function createBareMounts(directory: string): OwnedFd {
  const points = parseMountInfo(readText("/proc/self/mountinfo", limitMountInfoBytes)).map(
    ({ mountPoint }) => mountPoint,
  );
  const made = createMounts();
  try {
    inMounts(made, () => {
      syscall("mount", "/ private", 0, cString("/"), 0, msRecursive | mountPropagations.private, 0);
      for (const point of points.reverse()) {
        const leads = point === "/" || point === "/proc" || `${directory}/`.startsWith(`${point}/`);
        if (leads || point.startsWith(`${directory}/`)) continue;
        // What was below another one has gone with it.
        trySyscall("umount2", cString(point), umountFlags.detach | umountFlags.noFollow);
      }
    });
    return made;
  } catch (thrown) {
    made[Symbol.dispose]();
    throw thrown;
  }
}

/** As `inMounts`, in a mount namespace made for it. Needs CAP_SYS_ADMIN. */
export function inPrivateMounts<T>(inside: () => T, directory?: OwnedFd): T {
  using mounts = createMounts();
  return inMounts(mounts, inside, directory);
}

/**
 * Runs `start`, which starts a program in mounts of the program's own. Only for a process that lives no longer than that
 * program: here the thread itself is in those mounts, and what the runtime starts meanwhile keeps them.
 */
export function startInPrivateMounts<T>(start: () => T): T {
  using home = new Home();
  syscall("unshare", "mount namespace", cloneFlags.newMount);
  try {
    syscall("mount", "/", 0, cString("/"), 0, msRecursive | mountPropagations.slave, 0);
    return start();
  } finally {
    home.andBack([]);
  }
}

/** Takes off what is mounted at `target`, as soon as nobody uses it. Nothing is mounted there: that is fine. */
export function unmount(target: string): void {
  trySyscall("umount2", cString(target), umountFlags.detach | umountFlags.noFollow);
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
  inMounts(mounts, () => {
    for (const { mountPoint, set } of changes) {
      // struct mount_attr: what is set, what is cleared, propagation, a user namespace.
      const attributes = new BigUint64Array([BigInt(set), 0n, 0n, 0n]);
      const flags = atFlags.symlinkNoFollow;
      const size = attributes.byteLength;
      syscall("mount_setattr", mountPoint, atFlags.fdcwd, cString(mountPoint), flags, attributes, size);
    }
  });
}
