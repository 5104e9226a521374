/**
 * Gathers `HostFacts`. Reads a few dozen small files and asks the kernel a handful of harmless questions; starts
 * no process and changes nothing. Called once per engine.
 */
import { capabilitiesOfMask } from "../linux/capabilities.ts";
import { cgroupFactsOf } from "../linux/cgroup-mounts.ts";
import { parseCpuList } from "../linux/cpu-list.ts";
import { errno } from "../linux/errno.ts";
import type {
  CgroupFacts,
  HardwareFacts,
  HostFacts,
  IdentityFacts,
  KernelFacts,
  KernelFeatures,
  SecurityFacts,
} from "../linux/host-facts.ts";
import { fsconfigCommands, fsopenFlags } from "../linux/mount-flags.ts";
import { type MountEntry, parseMountInfo } from "../linux/mountinfo.ts";
import {
  parseFilesystems,
  parseIdMap,
  parseMemInfo,
  parseOsRelease,
  parseProcessCgroups,
  parseStatus,
} from "../linux/proc.ts";
import { rlimitInfinity, rlimitNumbers } from "../linux/rlimits.ts";
import { exists, readTextIfPossible } from "./files.ts";
import { OwnedFd } from "./owned-fd.ts";
import { socketPair } from "./socket-pair.ts";
import { cString, machine, syscall, trySyscall } from "./syscall.ts";

function read(path: string): string {
  return readTextIfPossible(path) ?? "";
}

/** The facts of this machine and process, deeply frozen. About 1 ms. */
export function probe(): HostFacts {
  const facts = probeOnDemand();
  return deepFreeze({
    ...facts,
    kernel: { ...facts.kernel },
    features: { ...facts.features },
    identity: { ...facts.identity },
    security: { ...facts.security },
  });
}

/**
 * The same facts, each gathered when it is first looked at: for a command that ends in a few milliseconds and needs
 * a handful of them. Facts that depend on others (mounts, kernel) gather those once. `processName` is whose: a pid, or
 * `self`; what only the kernel answers is asked for this process in any case.
 */
export function probeOnDemand(processName = "self"): HostFacts {
  const own = `/proc/${processName}`;
  const mountText = once(() => read(`${own}/mountinfo`));
  const status = once(() => parseStatus(read(`${own}/status`)));
  const kernel = kernelOnDemand();
  const cgroup = once(() => probeCgroups(cgroupMounts(mountText()), read(`${own}/cgroup`)));
  const identity = identityOnDemand(status, processName);
  const hardware = once(probeHardware);
  const features = featuresOnDemand(kernel, cgroup);
  return {
    kernel,
    features,
    get cgroup() {
      return cgroup();
    },
    identity,
    security: securityOnDemand(mountText),
    get hardware() {
      return hardware();
    },
    get operatingSystem() {
      return parseOsRelease(read("/etc/os-release")).get("PRETTY_NAME") ?? "Linux";
    },
    get hostname() {
      return read("/proc/sys/kernel/hostname").trim();
    },
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}

function kernelOnDemand(): KernelFacts {
  const release = once(() => read("/proc/sys/kernel/osrelease").trim());
  const numbers = once(() => release().split(/[.-]/).map(Number));
  return {
    get release() {
      return release();
    },
    get major() {
      return numbers()[0] ?? 0;
    },
    get minor() {
      return numbers()[1] ?? 0;
    },
    machine,
    get bootId() {
      return read("/proc/sys/kernel/random/boot_id").trim();
    },
  };
}

/** Only those: a host of many containers has thousands of others. */
function cgroupMounts(text: string): MountEntry[] {
  return parseMountInfo(
    text
      .split("\n")
      .filter((line) => line.includes(" - cgroup"))
      .join("\n"),
  );
}

function probeCgroups(mounts: readonly MountEntry[], ownText: string): CgroupFacts {
  const own = parseProcessCgroups(ownText);
  const unified = mounts.find((mount) => mount.type === "cgroup2")?.mountPoint;
  const controllers = unified === undefined ? [] : read(`${unified}/cgroup.controllers`).trim().split(" ");
  const facts = cgroupFactsOf(
    mounts,
    own,
    controllers.filter((name) => name !== ""),
    false,
  );
  return { ...facts, swapAccounting: probeSwapAccounting(facts) };
}

function probeSwapAccounting(facts: CgroupFacts): boolean {
  if (facts.mode !== "v2") {
    const memory = facts.v1.find((hierarchy) => hierarchy.controllers.includes("memory"));
    return memory !== undefined && exists(`${memory.mountPoint}/memory.memsw.limit_in_bytes`);
  }
  // The top group has no limit files, so there only the boot option tells.
  const own = facts.v2;
  if (own === null || own.ownPath === "/") return !/\bswapaccount=0\b/.test(read("/proc/cmdline"));
  return exists(`${own.mountPoint}${own.ownPath}/memory.swap.max`);
}

function featuresOnDemand(kernel: KernelFacts, cgroup: () => CgroupFacts): KernelFeatures {
  const atLeast = (major: number, minor: number): boolean =>
    kernel.major > major || (kernel.major === major && kernel.minor >= minor);
  const overlay = once(probeOverlay);
  const erofs = once(probeErofs);
  const filesystems = once(() => parseFilesystems(read("/proc/filesystems")));
  // With a bad descriptor a call that exists says EBADF or EINVAL.
  const mountSetattr = once(() => trySyscall("mount_setattr", -1, cString(""), 0, 0, 0) !== -errno.ENOSYS);
  return {
    get overlay() {
      return overlay().registered;
    },
    get overlayLowerdirAdd() {
      return overlay().lowerdirAdd;
    },
    get overlayDetachedLowers() {
      return overlay().registered && atLeast(6, 15);
    },
    get erofs() {
      return erofs().registered && atLeast(6, 0);
    },
    get erofsFromFiles() {
      return erofs().fromFiles;
    },
    get loopDevices() {
      return exists("/dev/loop-control") && atLeast(5, 8);
    },
    get fuse() {
      return filesystems().has("fuse");
    },
    get userNamespace() {
      return exists("/proc/self/ns/user") && read("/proc/sys/user/max_user_namespaces").trim() !== "0";
    },
    get timeNamespace() {
      return exists("/proc/self/ns/time");
    },
    get cgroupNamespace() {
      return exists("/proc/self/ns/cgroup");
    },
    get seccompFilter() {
      return exists("/proc/sys/kernel/seccomp/actions_avail");
    },
    get idmappedMounts() {
      return mountSetattr() && atLeast(5, 12);
    },
    get mountSetattr() {
      return mountSetattr();
    },
    get openat2() {
      return trySyscall("openat2", -1, cString(""), 0, 0) !== -errno.ENOSYS;
    },
    get cloneIntoCgroup() {
      return cgroup().v2 !== null && atLeast(5, 7);
    },
    get cgroupKill() {
      return cgroup().v2 !== null && atLeast(5, 14);
    },
    get mqueue() {
      return filesystems().has("mqueue");
    },
    get intelRdt() {
      return filesystems().has("resctrl");
    },
  };
}

/** Opening a file system context loads the module where that is possible, which a start would do anyway. */
function probeOverlay(): { readonly registered: boolean; readonly lowerdirAdd: boolean } {
  const fd = trySyscall("fsopen", cString("overlay"), fsopenFlags.closeOnExec);
  if (fd < 0) return { registered: false, lowerdirAdd: false };
  using context = new OwnedFd(fd, "overlay context");
  const accepts = (key: string): boolean =>
    trySyscall("fsconfig", context.raw, fsconfigCommands.setString, cString(key), cString("/"), 0) === 0;
  // Before Linux 6.5 overlayfs collects any option unseen and judges at the mount, so a yes means nothing there.
  return { registered: true, lowerdirAdd: !accepts("no-such-option") && accepts("lowerdir+") };
}

/**
 * Asked for an image in a socket, a kernel that reads only block devices says that it is none, and one that opens files that this
 * cannot be opened.
 */
function probeErofs(): { readonly registered: boolean; readonly fromFiles: boolean } {
  const fd = trySyscall("fsopen", cString("erofs"), fsopenFlags.closeOnExec);
  if (fd < 0) return { registered: false, fromFiles: false };
  using context = new OwnedFd(fd, "erofs context");
  using ends = new DisposableStack();
  const [socket] = socketPair("a source that is none").map((end) => ends.use(end));
  const source = cString(`/proc/self/fd/${socket?.raw}`);
  trySyscall("fsconfig", context.raw, fsconfigCommands.setString, cString("source"), source, 0);
  const answer = trySyscall("fsconfig", context.raw, fsconfigCommands.create, 0, 0, 0);
  return { registered: true, fromFiles: answer === -errno.ENXIO };
}

function identityOnDemand(status: () => ReadonlyMap<string, string>, processName: string): IdentityFacts {
  const firstNumber = (key: string): number => Number(status().get(key)?.split("\t")[0] ?? "0");
  const capabilities = (key: string): string[] => capabilitiesOfMask(BigInt(`0x${status().get(key) ?? "0"}`));
  const effective = once(() => capabilities("CapEff"));
  const bounding = once(() => capabilities("CapBnd"));
  const limits = once(() => probeRlimits(processName === "self" ? 0 : Number(processName)));
  const lastCapability = once(() => Number(read("/proc/sys/kernel/cap_last_cap").trim()));
  const oomScoreAdj = once(() => Number(read(`/proc/${processName}/oom_score_adj`).trim()));
  const inUserNamespace = once(() => {
    const map = parseIdMap(read(`/proc/${processName}/uid_map`))[0];
    return map === undefined || map.outside !== 0 || map.count !== 0xffff_ffff;
  });
  const setgroupsDenied = once(() => inUserNamespace() && read("/proc/self/setgroups").trim() === "deny");
  return {
    // Uid and Gid list real, effective, saved and file system ids.
    get uid() {
      return Number(status().get("Uid")?.split("\t")[1] ?? "0");
    },
    get gid() {
      return Number(status().get("Gid")?.split("\t")[1] ?? "0");
    },
    get inUserNamespace() {
      return inUserNamespace();
    },
    get setgroupsDenied() {
      return setgroupsDenied();
    },
    get effective() {
      return effective();
    },
    get bounding() {
      return bounding();
    },
    get lastCapability() {
      return lastCapability();
    },
    get noNewPrivileges() {
      return firstNumber("NoNewPrivs") === 1;
    },
    get oomScoreAdj() {
      return oomScoreAdj();
    },
    get hardRlimits() {
      return limits();
    },
  };
}

function probeRlimits(pid: number): Record<string, number | "unlimited"> {
  const limits: Record<string, number | "unlimited"> = {};
  const memory = new BigUint64Array(2);
  for (const [name, number] of Object.entries(rlimitNumbers)) {
    syscall("prlimit64", name, pid, number, 0, memory);
    const hard = memory[1] ?? rlimitInfinity;
    limits[name] = hard === rlimitInfinity ? "unlimited" : Number(hard);
  }
  return limits;
}

const libraryDirectories = {
  x86_64: ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/lib64", "/usr/lib", "/lib"],
  aarch64: ["/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/lib64", "/usr/lib", "/lib"],
} as const;

/** The version is in the name that the library's link leads to, which spares loading it. */
function probeLibseccomp(): string | null {
  const target = new Uint8Array(256);
  for (const directory of libraryDirectories[machine]) {
    const path = `${directory}/libseccomp.so.2`;
    const length = trySyscall("readlinkat", -100, cString(path), target, target.length);
    if (length <= 0) continue;
    const name = new TextDecoder().decode(target.subarray(0, length));
    return /libseccomp\.so\.(\d[\d.]*)$/.exec(name)?.[1] ?? "2";
  }
  return null;
}

function securityOnDemand(mountText: () => string): SecurityFacts {
  const actions = once(() => read("/proc/sys/kernel/seccomp/actions_avail").trim());
  const libseccomp = once(probeLibseccomp);
  return {
    get seccompActions() {
      return actions() === "" ? [] : actions().split(" ");
    },
    get libseccomp() {
      return libseccomp();
    },
    get apparmor() {
      return read("/sys/module/apparmor/parameters/enabled").startsWith("Y");
    },
    get selinux() {
      return mountText().includes(" - selinuxfs ");
    },
  };
}

function probeHardware(): HardwareFacts {
  const memory = parseMemInfo(read("/proc/meminfo"));
  const online = parseCpuList(read("/sys/devices/system/cpu/online"));
  const nodes = parseCpuList(read("/sys/devices/system/node/has_memory")) ?? [];
  return {
    cpus: Math.max(1, online?.length ?? 1),
    memoryNodes: nodes.length === 0 ? [0] : nodes,
    memoryBytes: memory.get("MemTotal") ?? 0,
    swapBytes: memory.get("SwapTotal") ?? 0,
  };
}
