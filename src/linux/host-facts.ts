/**
 * Everything a decision may know about the machine, gathered once by `kernel/probe.ts` and frozen. Plain JSON:
 * golden tests keep several machines in files. Nothing that decides reads the machine itself; a fallback is
 * chosen from a fact here, so both branches are tested on any kernel.
 */

/** One mounted cgroup v1 hierarchy. */
export interface CgroupV1Hierarchy {
  /** Its controllers joined as the kernel mounts them: `memory`, `cpu,cpuacct`; a named one is `name=systemd`. */
  readonly name: string;
  readonly controllers: readonly string[];
  readonly mountPoint: string;
  /** This process's group, as a path below `mountPoint` (`/` for the top that is visible here). */
  readonly ownPath: string;
}

/** The cgroup v2 mount. In hybrid mode it has no controllers but still kills, freezes and lists processes. */
export interface CgroupV2Hierarchy {
  readonly mountPoint: string;
  readonly ownPath: string;
  /** Controllers that can be enabled below the top. */
  readonly controllers: readonly string[];
}

export interface CgroupFacts {
  /** `v2`: all controllers in v2. `hybrid`: v1 controllers beside a v2 mount. `v1`: no v2 mount. `none`: nothing mounted. */
  readonly mode: "v1" | "hybrid" | "v2" | "none";
  readonly v1: readonly CgroupV1Hierarchy[];
  readonly v2: CgroupV2Hierarchy | null;
  /** memory.memsw.* (v1) or memory.swap.* (v2) exist. */
  readonly swapAccounting: boolean;
}

export interface KernelFacts {
  /** `6.18.44-generic`, as uname says. */
  readonly release: string;
  /** The first two numbers of it. */
  readonly major: number;
  readonly minor: number;
  readonly machine: "x86_64" | "aarch64";
  readonly bootId: string;
}

/** What the running kernel can do; each is false where it cannot or where this process may not. */
export interface KernelFeatures {
  /** overlayfs is registered. */
  readonly overlay: boolean;
  /** fsconfig("lowerdir+"), Linux 6.8: one layer per call, no limit for the option string of all. */
  readonly overlayLowerdirAdd: boolean;
  /** A lower directory may lie on a mount that is attached nowhere, Linux 6.15. */
  readonly overlayDetachedLowers: boolean;
  /** EROFS with files in chunks and mapped owners, Linux 6.0. */
  readonly erofs: boolean;
  /** EROFS mounts an image straight from a file, Linux 6.12. */
  readonly erofsFromFiles: boolean;
  /** A loop device can be made in one step, Linux 5.8. */
  readonly loopDevices: boolean;
  readonly fuse: boolean;
  readonly userNamespace: boolean;
  readonly timeNamespace: boolean;
  readonly cgroupNamespace: boolean;
  readonly seccompFilter: boolean;
  /** mount_setattr with MOUNT_ATTR_IDMAP, Linux 5.12. */
  readonly idmappedMounts: boolean;
  /** mount_setattr at all, Linux 5.12. */
  readonly mountSetattr: boolean;
  readonly openat2: boolean;
  readonly cloneIntoCgroup: boolean;
  /** cgroup.kill, Linux 5.14. */
  readonly cgroupKill: boolean;
  readonly mqueue: boolean;
  readonly intelRdt: boolean;
}

export interface IdentityFacts {
  readonly uid: number;
  readonly gid: number;
  /** Ids here are a mapping of another user namespace's. */
  readonly inUserNamespace: boolean;
  /** setgroups(2) was forbidden when that namespace got its ids, for it and all below it. */
  readonly setgroupsDenied: boolean;
  /** Effective and bounding capabilities, names such as `CAP_NET_ADMIN`, in number order. */
  readonly effective: readonly string[];
  readonly bounding: readonly string[];
  /** The highest capability number that the kernel knows. */
  readonly lastCapability: number;
  readonly noNewPrivileges: boolean;
  readonly oomScoreAdj: number;
  /** Hard limits by OCI name (`RLIMIT_NOFILE`); `unlimited` or a number. */
  readonly hardRlimits: Readonly<Record<string, number | "unlimited">>;
}

export interface SecurityFacts {
  /** `errno`, `kill_process`, `user_notif` ...; empty when the kernel has no seccomp. */
  readonly seccompActions: readonly string[];
  /** libseccomp.so.2's version such as `2.5.4`, null when it is not installed. */
  readonly libseccomp: string | null;
  readonly apparmor: boolean;
  readonly selinux: boolean;
}

export interface HardwareFacts {
  /** Processors that are online. */
  readonly cpus: number;
  /** Those with memory; a kernel without NUMA has 0 alone. */
  readonly memoryNodes: readonly number[];
  readonly memoryBytes: number;
  readonly swapBytes: number;
}

export interface HostFacts {
  readonly kernel: KernelFacts;
  readonly features: KernelFeatures;
  readonly cgroup: CgroupFacts;
  readonly identity: IdentityFacts;
  readonly security: SecurityFacts;
  readonly hardware: HardwareFacts;
  /** `/etc/os-release`'s PRETTY_NAME, or `Linux`. */
  readonly operatingSystem: string;
  readonly hostname: string;
}

/** Whether groups have the files of `controller`, in v1 or in v2. */
export function hasController(facts: CgroupFacts, controller: string): boolean {
  if (facts.mode === "v2") return facts.v2?.controllers.includes(controller) === true;
  return v1Hierarchy(facts, controller) !== undefined;
}

/** The v1 hierarchy that carries `controller`, if one is mounted. */
export function v1Hierarchy(facts: CgroupFacts, controller: string): CgroupV1Hierarchy | undefined {
  return facts.v1.find((hierarchy) => hierarchy.controllers.includes(controller));
}

/** True on Linux `major.minor` or newer. */
export function kernelAtLeast(facts: HostFacts, major: number, minor: number): boolean {
  const kernel = facts.kernel;
  return kernel.major > major || (kernel.major === major && kernel.minor >= minor);
}
