/**
 * Limits as cgroup v1 files. Beside a v2 mount without controllers (hybrid) the container also gets a v2 group,
 * for killing and freezing; the v1 freezer is then not needed.
 */

import { deviceProgram as compileDevices } from "./bpf-device.ts";
import type { CgroupDecision, CgroupRefusal, CgroupWrite, CurrentMemory } from "./cgroup-decision.ts";
import { allowsEverything, deviceListText, effectiveDeviceRules } from "./cgroup-devices.ts";
import type {
  BlockThrottleDevice,
  CgroupResources,
  DeviceRule,
  MemoryResources,
} from "./cgroup-resources.ts";
import type { CgroupWarning } from "./cgroup-warnings.ts";
import { type CgroupFacts, v1Hierarchy } from "./host-facts.ts";

/** Every container is in these, limits or not: statistics, OOM counts and device rules need them. */
const standing = ["memory", "cpu", "cpuacct", "pids", "devices", "blkio"] as const;
/** In these only when a setting asks; a process then stays in the engine's own group. */
const onDemand = ["cpuset", "hugetlb", "net_cls", "net_prio", "rdma"] as const;
type Controller = (typeof standing)[number] | (typeof onDemand)[number] | "freezer";

/** Where what cannot be had is told. */
interface Shortfall {
  readonly warnings: CgroupWarning[];
  readonly refusals: CgroupRefusal[];
}

interface Wish {
  readonly controller: Controller;
  readonly file: string;
  readonly value: string;
  readonly cause: string;
  readonly tolerate?: readonly string[];
  readonly isOneOfSeveral?: true;
}

export function decideV1(
  resources: CgroupResources,
  facts: CgroupFacts,
  current: CurrentMemory | undefined,
): CgroupDecision {
  const warnings: CgroupWarning[] = [];
  const refusals: CgroupRefusal[] = [];
  const rules = wantedDeviceRules(resources.devices);
  const byFiles = v1Hierarchy(facts, "devices") !== undefined;
  // The v2 directory of a hybrid machine takes a program as well as one of a pure one.
  const deviceProgram = byFiles || rules.length === 0 || facts.v2 === null ? null : compileDevices(rules);
  const wishes = [
    ...(deviceProgram === null ? deviceWishes(rules) : []),
    ...memoryWishes(resources.memory, facts.swapAccounting, current, { warnings, refusals }),
    ...cpuWishes(resources),
    ...pidsWishes(resources),
    ...blockWishes(resources),
    ...otherWishes(resources),
  ];
  if (resources.unified !== undefined && Object.keys(resources.unified).length > 0) {
    warnings.push("linux.resources.unified needs cgroup v2: not applied");
    refusals.push({ cause: "linux.resources.unified", why: "this machine has no cgroup v2 controllers" });
  }
  const directories = new Set<string>();
  for (const controller of standing) {
    const hierarchy = v1Hierarchy(facts, controller);
    if (hierarchy !== undefined) directories.add(hierarchy.name);
  }
  if (facts.v2 !== null) directories.add("unified");
  else {
    const freezer = v1Hierarchy(facts, "freezer");
    if (freezer !== undefined) directories.add(freezer.name);
  }
  const writes: CgroupWrite[] = [];
  const missing = new Set<string>();
  for (const wish of wishes) {
    const hierarchy = v1Hierarchy(facts, wish.controller);
    if (hierarchy === undefined) {
      missing.add(wish.controller);
      if (isLimit(wish)) refusals.push({ cause: wish.cause, why: missingHierarchy(wish.controller) });
      continue;
    }
    directories.add(hierarchy.name);
    writes.push({
      hierarchy: hierarchy.name,
      file: wish.file,
      value: wish.value,
      tolerate: wish.tolerate ?? [],
      cause: wish.cause,
      ...(wish.isOneOfSeveral === true && { isOneOfSeveral: true }),
    });
  }
  for (const controller of missing) warnings.push(missingController(controller));
  return {
    directories: [...directories],
    writes,
    deviceProgram,
    losesDeviceRules: missing.has("devices"),
    warnings: [...new Set(warnings)],
    refusals,
  };
}

/** Unlimited is what a missing controller gives anyway; device rules are dropped like other runtimes do for users without groups. */
function isLimit({ controller, value }: Wish): boolean {
  return controller !== "devices" && value !== "max" && value !== "-1";
}

function missingHierarchy(controller: string): string {
  return `the cgroup controller ${controller} is not mounted, or not for this user`;
}

export function missingController(controller: string): CgroupWarning {
  return `Your kernel does not support the ${controller} cgroup or the cgroup is not mounted. Limits of it are discarded.`;
}

function wantedDeviceRules(rules: readonly DeviceRule[] | undefined): readonly DeviceRule[] {
  return rules === undefined || allowsEverything(rules) ? [] : effectiveDeviceRules(rules);
}

function deviceWishes(rules: readonly DeviceRule[]): Wish[] {
  return rules.map((rule) => ({
    controller: "devices",
    file: rule.allow ? "devices.allow" : "devices.deny",
    value: deviceListText(rule),
    cause: "linux.resources.devices",
  }));
}

function bytesText(bytes: number): string {
  return bytes < 0 ? "-1" : String(bytes);
}

function memoryWishes(
  memory: MemoryResources | undefined,
  swapAccounting: boolean,
  current: CurrentMemory | undefined,
  { warnings, refusals }: Shortfall,
): Wish[] {
  if (memory === undefined) return [];
  const wishes: Wish[] = [];
  const add = (
    key: keyof MemoryResources,
    file: string,
    value: string,
    tolerate: readonly string[] = [],
  ): void => {
    wishes.push({ controller: "memory", file, value, tolerate, cause: `linux.resources.memory.${key}` });
  };
  const limit = memory.limit === 0 ? undefined : memory.limit;
  let swap = memory.swap === 0 ? undefined : memory.swap;
  if (swap !== undefined && !swapAccounting) {
    // Without a limit of their own, memory and swap together are unlimited anyway.
    if (swap > 0) {
      warnings.push(
        "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.",
      );
      refusals.push({ cause: "linux.resources.memory.swap", why: "this kernel does not count swap" });
    }
    swap = undefined;
  }
  // A memory limit without a word about swap must not collide with an older, smaller sum.
  const limitFirst =
    current === undefined || limit === undefined || !raisesAbove(limit, current.memoryAndSwapBytes);
  if (limit !== undefined && limitFirst) add("limit", "memory.limit_in_bytes", bytesText(limit));
  if (swap !== undefined) add("swap", "memory.memsw.limit_in_bytes", bytesText(swap));
  if (limit !== undefined && !limitFirst) add("limit", "memory.limit_in_bytes", bytesText(limit));
  if (memory.reservation !== undefined && memory.reservation !== 0) {
    add("reservation", "memory.soft_limit_in_bytes", bytesText(memory.reservation));
  }
  if (memory.kernelTCP !== undefined && memory.kernelTCP !== 0) {
    add("kernelTCP", "memory.kmem.tcp.limit_in_bytes", bytesText(memory.kernelTCP), ["ENOENT", "EOPNOTSUPP"]);
  }
  if (memory.swappiness !== undefined && memory.swappiness >= 0) {
    add("swappiness", "memory.swappiness", String(memory.swappiness), ["ENOENT"]);
  }
  if (memory.disableOOMKiller === true) add("disableOOMKiller", "memory.oom_control", "1");
  return wishes;
}

/** -1 is above everything. */
function raisesAbove(limit: number, currentSum: number): boolean {
  return limit < 0 || limit > currentSum;
}

function cpuWishes(resources: CgroupResources): Wish[] {
  const cpu = resources.cpu;
  if (cpu === undefined) return [];
  const wishes: Wish[] = [];
  const add = (
    key: keyof typeof cpu,
    controller: Controller,
    file: string,
    value: string,
    tolerate?: readonly string[],
  ): void => {
    wishes.push({ controller, file, value, cause: `linux.resources.cpu.${key}`, tolerate: tolerate ?? [] });
  };
  if (cpu.cpus !== undefined && cpu.cpus !== "") add("cpus", "cpuset", "cpuset.cpus", cpu.cpus);
  if (cpu.mems !== undefined && cpu.mems !== "") add("mems", "cpuset", "cpuset.mems", cpu.mems);
  if (cpu.shares !== undefined && cpu.shares !== 0) add("shares", "cpu", "cpu.shares", String(cpu.shares));
  if (cpu.idle !== undefined)
    add("idle", "cpu", "cpu.idle", String(cpu.idle), cpu.idle === 0 ? ["ENOENT"] : []);
  if (cpu.period !== undefined && cpu.period !== 0)
    add("period", "cpu", "cpu.cfs_period_us", String(cpu.period));
  if (cpu.quota !== undefined && cpu.quota !== 0) {
    add("quota", "cpu", "cpu.cfs_quota_us", cpu.quota < 0 ? "-1" : String(cpu.quota));
  }
  // A burst may not exceed the quota, so the quota is there first.
  if (cpu.burst !== undefined)
    add("burst", "cpu", "cpu.cfs_burst_us", String(cpu.burst), cpu.burst === 0 ? ["ENOENT"] : []);
  if (cpu.realtimePeriod !== undefined && cpu.realtimePeriod !== 0) {
    add("realtimePeriod", "cpu", "cpu.rt_period_us", String(cpu.realtimePeriod));
  }
  if (cpu.realtimeRuntime !== undefined && cpu.realtimeRuntime !== 0) {
    add("realtimeRuntime", "cpu", "cpu.rt_runtime_us", String(cpu.realtimeRuntime));
  }
  return wishes;
}

function pidsWishes(resources: CgroupResources): Wish[] {
  const limit = resources.pids?.limit;
  if (limit === undefined) return [];
  return [
    {
      controller: "pids",
      file: "pids.max",
      value: limit < 0 ? "max" : String(limit),
      cause: "linux.resources.pids.limit",
    },
  ];
}

/** The weight file exists only while the BFQ scheduler is there; Docker, too, lets a missing one pass. */
const weightTolerance = ["ENOENT", "EOPNOTSUPP"];

function blockWishes(resources: CgroupResources): Wish[] {
  const block = resources.blockIO;
  if (block === undefined) return [];
  const wishes: Wish[] = [];
  const add = (
    key: keyof typeof block,
    file: string,
    value: string,
    tolerate: readonly string[] = [],
  ): void => {
    wishes.push({ controller: "blkio", file, value, tolerate, cause: `linux.resources.blockIO.${key}` });
  };
  if (block.weight !== undefined && block.weight !== 0) {
    add("weight", "blkio.bfq.weight", String(block.weight), weightTolerance);
  }
  for (const device of block.weightDevice ?? []) {
    if (device.weight === undefined || device.weight === 0) continue;
    const value = `${device.major}:${device.minor} ${device.weight}`;
    add("weightDevice", "blkio.bfq.weight_device", value, weightTolerance);
  }
  const throttle = (
    key: keyof typeof block,
    file: string,
    devices: readonly BlockThrottleDevice[] = [],
  ): void => {
    for (const device of devices) add(key, file, `${device.major}:${device.minor} ${device.rate}`);
  };
  throttle("throttleReadBpsDevice", "blkio.throttle.read_bps_device", block.throttleReadBpsDevice);
  throttle("throttleWriteBpsDevice", "blkio.throttle.write_bps_device", block.throttleWriteBpsDevice);
  throttle("throttleReadIOPSDevice", "blkio.throttle.read_iops_device", block.throttleReadIOPSDevice);
  throttle("throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", block.throttleWriteIOPSDevice);
  return wishes;
}

function otherWishes(resources: CgroupResources): Wish[] {
  const wishes: Wish[] = [];
  for (const { pageSize, limit } of resources.hugepageLimits ?? []) {
    const cause = "linux.resources.hugepageLimits";
    const value = String(limit);
    wishes.push({ controller: "hugetlb", file: `hugetlb.${pageSize}.limit_in_bytes`, value, cause });
    wishes.push({
      controller: "hugetlb",
      file: `hugetlb.${pageSize}.rsvd.limit_in_bytes`,
      value,
      cause,
      tolerate: ["ENOENT"],
      isOneOfSeveral: true,
    });
  }
  const network = resources.network;
  if (network?.classID !== undefined) {
    wishes.push({
      controller: "net_cls",
      file: "net_cls.classid",
      value: String(network.classID),
      cause: "linux.resources.network.classID",
    });
  }
  for (const { name, priority } of network?.priorities ?? []) {
    wishes.push({
      controller: "net_prio",
      file: "net_prio.ifpriomap",
      value: `${name} ${priority}`,
      cause: "linux.resources.network.priorities",
    });
  }
  for (const [device, limits] of Object.entries(resources.rdma ?? {})) {
    wishes.push({
      controller: "rdma",
      file: "rdma.max",
      value: rdmaText(device, limits),
      cause: "linux.resources.rdma",
    });
  }
  return wishes;
}

/** `device hca_handle=N hca_object=N`, the same in v1 and v2. */
export function rdmaText(
  device: string,
  limits: { readonly hcaHandles?: number | undefined; readonly hcaObjects?: number | undefined },
): string {
  const parts = [device];
  if (limits.hcaHandles !== undefined) parts.push(`hca_handle=${limits.hcaHandles}`);
  if (limits.hcaObjects !== undefined) parts.push(`hca_object=${limits.hcaObjects}`);
  return parts.join(" ");
}
