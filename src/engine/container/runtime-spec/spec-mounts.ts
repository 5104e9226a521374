/** The mounts of a container in the order in which they are made: the kernel's file systems, then the user's. Pure. */
import type { OciMount } from "../../../oci/mod.ts";
import type { LocalMount } from "../../volume/mod.ts";
import type { IpcNamespace, MountSpec } from "../specification/mod.ts";

/** A mount whose source on the host is known. */
export type ReadyMount =
  | Exclude<MountSpec, { kind: "volume" }>
  | {
      readonly kind: "volume";
      readonly name: string;
      readonly source: string;
      readonly target: string;
      readonly readOnly: boolean;
      readonly subpath: string;
      /** What stands for the directory, where the volume is not one. */
      readonly mounted?: LocalMount;
    };

export const sharedMemory = "/dev/shm";
/** Stands for the other container's, which no path of the host leads to. */
export const donorSharedMemory = "/dev/shm (of the container that shares it)";

const secure = ["nosuid", "noexec", "nodev"] as const;

/** What decides about the kernel's file systems. */
export interface KernelMounts {
  readonly privileged: boolean;
  readonly writableCgroups: boolean;
  readonly ipc: IpcNamespace;
  readonly sharedMemoryBytes: number | bigint;
}

function kernelMounts({ privileged, writableCgroups, ipc, sharedMemoryBytes }: KernelMounts): OciMount[] {
  const access = privileged ? "rw" : "ro";
  const groupAccess = writableCgroups ? "rw" : access;
  const mounts: OciMount[] = [
    { destination: "/proc", type: "proc", source: "proc", options: [...secure] },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: [...secure, access] },
    { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: [...secure, groupAccess] },
  ];
  // It shows the message queues of whichever IPC namespace the container is in.
  mounts.push({ destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: [...secure] });
  if (ipc.kind === "host") mounts.push(bindOf(sharedMemory, sharedMemory, false));
  else if (ipc.kind === "container") mounts.push(bindOf(donorSharedMemory, sharedMemory, false));
  else if (ipc.kind !== "none") {
    mounts.push({
      destination: sharedMemory,
      type: "tmpfs",
      source: "shm",
      options: [...secure, "mode=1777", `size=${sharedMemoryBytes}`],
    });
  }
  return mounts;
}

function bindOf(source: string, destination: string, readOnly: boolean): OciMount {
  return { destination, type: "bind", source, options: ["rbind", "rprivate", readOnly ? "rro" : "rw"] };
}

/** `rro` is read-only with all that is mounted below. */
function accessOf({ readOnly, writableBelow = false }: Extract<ReadyMount, { kind: "bind" }>): string {
  if (!readOnly) return "rw";
  return writableBelow ? "ro" : "rro";
}

/** One of the user's, by itself. */
export function userMount(mount: ReadyMount): OciMount {
  switch (mount.kind) {
    case "tmpfs":
      return { destination: mount.target, type: "tmpfs", source: "tmpfs", options: [...mount.options] };
    case "volume":
      return bindOf(mount.source, mount.target, mount.readOnly);
    case "image":
      return bindOf(`/image ${mount.image}`, mount.target, true);
    case "bind":
      return {
        destination: mount.target,
        type: "bind",
        source: mount.source,
        options: [
          mount.recursive ? "rbind" : "bind",
          mount.propagation,
          accessOf(mount),
          ...(mount.idMapped === true ? [mount.recursive ? "ridmap" : "idmap"] : []),
        ],
      };
  }
}

/** The whole list. A user's mount replaces the kernel's at the same place, and everything below a user's `/dev`. */
export function mountsOf(kernel: KernelMounts, user: readonly ReadyMount[]): OciMount[] {
  const targets = new Set(user.map((mount) => mount.target));
  const replaced = (path: string): boolean =>
    targets.has(path) || (targets.has("/dev") && path.startsWith("/dev/"));
  return [...kernelMounts(kernel).filter((mount) => !replaced(mount.destination)), ...user.map(userMount)];
}
