/** What the mount is like that a path lies on, by statfs(2), and which one it is, by proc_pid_fdinfo(5). */
import { mountAttributes } from "../linux/mount-flags.ts";
import { readText } from "./files.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { cString, trySyscall } from "./syscall.ts";

const statfsBytes = 120;
const flagsAt = 80;

/** ST_* of statfs(2) and what they are as MOUNT_ATTR_*. */
const rows = [
  [0x0001, mountAttributes.readOnly],
  [0x0002, mountAttributes.noSuid],
  [0x0004, mountAttributes.noDevices],
  [0x0008, mountAttributes.noExec],
  [0x0800, mountAttributes.noDirectoryAccessTime],
  [0x2000, mountAttributes.noSymlinkFollow],
] as const;

/** MOUNT_ATTR_* of the mount at `path`, without the kind of access times; 0 for a path that is not there. */
export function mountAttributesOf(path: string): number {
  const buffer = new Uint8Array(statfsBytes);
  if (trySyscall("statfs", cString(path), buffer) < 0) return 0;
  const flags = Number(new DataView(buffer.buffer).getBigUint64(flagsAt, true));
  return rows.reduce((sum, [flag, attribute]) => ((flags & flag) === 0 ? sum : sum | attribute), 0);
}

/** The magic number of the file system at `path`; 0 for a path that is not there. */
export function fileSystemOf(path: string): number {
  const buffer = new Uint8Array(statfsBytes);
  if (trySyscall("statfs", cString(path), buffer) < 0) return 0;
  return Number(new DataView(buffer.buffer).getBigUint64(0, true));
}

/** PROC_SUPER_MAGIC and SYSFS_MAGIC. */
const kernelFileSystems: ReadonlySet<number> = new Set([0x9fa0, 0x6265_6572]);

/**
 * Whether what `fd` holds is a file of the kernel's own, in /proc or /sys. Such files call themselves regular; some of them never
 * end, others keep their reader until something happens (/proc/kmsg).
 */
export function isOfKernel(fd: OwnedFd): boolean {
  return kernelFileSystems.has(fileSystemOf(`/proc/self/fd/${fd.raw}`));
}

/** The number of the mount that `fd` was opened on. */
export function mountIdOf(fd: OwnedFd): string {
  return /^mnt_id:\s*(\d+)$/m.exec(readText(`/proc/self/fdinfo/${fd.raw}`))?.[1] ?? "";
}
