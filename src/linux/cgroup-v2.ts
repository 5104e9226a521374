/** Limits as cgroup v2 files. Everything is in one directory; devices are an eBPF program. */
import { deviceProgram } from "./bpf-device.ts";
import type { CgroupDecision, CgroupRefusal, CgroupWrite, CurrentMemory } from "./cgroup-decision.ts";
import { allowsEverything, effectiveDeviceRules } from "./cgroup-devices.ts";
import type { BlockIoResources, CgroupResources, CpuResources, MemoryResources } from "./cgroup-resources.ts";
import { missingController, rdmaText } from "./cgroup-v1.ts";
import type { CgroupWarning } from "./cgroup-warnings.ts";
import type { CgroupFacts } from "./host-facts.ts";

export function decideV2(
  resources: CgroupResources,
  facts: CgroupFacts,
  current: CurrentMemory | undefined,
): CgroupDecision {
  const warnings: CgroupWarning[] = [];
  const refusals: CgroupRefusal[] = [];
  const refuse: Refuse = (cause, why) => refusals.push({ cause: `linux.resources.${cause}`, why });
  const writes: CgroupWrite[] = [];
  const available = new Set(facts.v2?.controllers ?? []);
  const add: AddWrite = (controller, file, value, cause, tolerate = [], more = {}) => {
    if (!available.has(controller)) {
      const text = missingController(controller);
      if (!warnings.includes(text)) warnings.push(text);
      if (value !== "max") refuse(cause, `there is no cgroup controller ${controller}, or not for this user`);
      return;
    }
    writes.push({ hierarchy: "unified", file, value, tolerate, cause: `linux.resources.${cause}`, ...more });
  };
  memoryWrites(resources.memory, facts.swapAccounting, current, { add, warnings, refuse });
  cpuWrites(resources.cpu, { add, warnings, refuse });
  const pids = resources.pids?.limit;
  // The first process is born in the group, so there must be room for it; with one there, 0 and 1 mean the same.
  const least = current === undefined ? 1 : 0;
  if (pids !== undefined)
    add("pids", "pids.max", pids < 0 ? "max" : String(Math.max(pids, least)), "pids.limit");
  blockWrites(resources.blockIO, add);
  for (const { pageSize, limit } of resources.hugepageLimits ?? []) {
    add("hugetlb", `hugetlb.${pageSize}.max`, String(limit), "hugepageLimits");
    add("hugetlb", `hugetlb.${pageSize}.rsvd.max`, String(limit), "hugepageLimits", ["ENOENT"], oneOfSeveral);
  }
  for (const [device, limits] of Object.entries(resources.rdma ?? {})) {
    add("rdma", "rdma.max", rdmaText(device, limits), "rdma");
  }
  if (resources.network?.classID !== undefined || (resources.network?.priorities?.length ?? 0) > 0) {
    warnings.push("linux.resources.network needs cgroup v1: not applied");
    refuse("network", "cgroup v2 has no classes and priorities of network traffic");
  }
  for (const [file, value] of Object.entries(resources.unified ?? {})) {
    const controller = file.slice(0, file.indexOf("."));
    // The files of the group itself belong to no controller.
    if (controller !== "cgroup") add(controller, file, value, "unified");
    else writes.push({ hierarchy: "unified", file, value, tolerate: [], cause: "linux.resources.unified" });
  }
  const devices = resources.devices;
  const program =
    devices === undefined || allowsEverything(devices) ? null : deviceProgram(effectiveDeviceRules(devices));
  return {
    directories: ["unified"],
    writes,
    deviceProgram: program,
    losesDeviceRules: false,
    warnings,
    refusals,
  };
}

type Refuse = (cause: string, why: string) => void;

/** Where the parts of the decision go. */
interface Sink {
  readonly add: AddWrite;
  readonly warnings: CgroupWarning[];
  readonly refuse: Refuse;
}

const oneOfSeveral = { isOneOfSeveral: true } as const;

type AddWrite = (
  controller: string,
  file: string,
  value: string,
  cause: string,
  tolerate?: readonly string[],
  more?: Pick<CgroupWrite, "isOneOfSeveral">,
) => void;

function bytesText(bytes: number): string {
  return bytes < 0 ? "max" : String(bytes);
}

function memoryWrites(
  memory: MemoryResources | undefined,
  swapAccounting: boolean,
  current: CurrentMemory | undefined,
  { add, warnings, refuse }: Sink,
): void {
  if (memory === undefined) return;
  const limit = memory.limit === 0 ? undefined : memory.limit;
  // An update of the sum alone counts from the limit in force.
  const inForce = current === undefined || current.limitBytes === Infinity ? undefined : current.limitBytes;
  const swap = swapMax(memory.swap, limit ?? inForce);
  if ((memory.swap ?? 0) > 0 && swap === undefined) {
    refuse("memory.swap", "it counts memory and swap together, so it needs memory.limit beside it");
  } else if (memory.swap !== undefined && memory.swap > 0 && memory.swap < (limit ?? inForce ?? 0)) {
    refuse("memory.swap", "it counts memory and swap together, so it cannot be less than memory.limit");
  }
  if (swap !== undefined && !swapAccounting) {
    if (swap !== "max") {
      warnings.push(
        "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.",
      );
      refuse("memory.swap", "this kernel does not count swap");
    }
  } else if (swap !== undefined) add("memory", "memory.swap.max", swap, "memory.swap");
  if (limit !== undefined) add("memory", "memory.max", bytesText(limit), "memory.limit");
  if (memory.reservation !== undefined && memory.reservation !== 0) {
    add("memory", "memory.low", bytesText(memory.reservation), "memory.reservation");
  }
  if (memory.disableOOMKiller === true) {
    warnings.push("OomKillDisable is discarded: cgroup v2 has no way to disable the OOM killer");
    refuse("memory.disableOOMKiller", "cgroup v2 has no way to disable it");
  }
  if (memory.swappiness !== undefined && memory.swappiness >= 0) {
    warnings.push("MemorySwappiness is discarded: cgroup v2 has no swappiness of its own");
    refuse("memory.swappiness", "cgroup v2 has none of its own");
  }
  if ((memory.kernelTCP ?? 0) > 0) refuse("memory.kernelTCP", "cgroup v2 has no limit for it");
}

/** OCI counts memory and swap together, cgroup v2 counts swap alone. */
export function swapMax(swap: number | undefined, limit: number | undefined): string | undefined {
  if (swap === undefined || swap === 0) return undefined;
  if (swap < 0) return "max";
  if (limit === undefined || limit < 0) return undefined;
  return String(Math.max(0, swap - limit));
}

const sharesLow = 2;
const sharesHigh = 262_144;

/**
 * cpu.weight (1..10000, default 100) for cpu.shares (2..262144, default 1024): the curve that runc and crun use
 * since 2025, a parabola in log space through the minimum, the default and the maximum of both scales.
 */
export function cpuWeightOfShares(shares: number): number {
  if (shares <= sharesLow) return 1;
  if (shares >= sharesHigh) return 10_000;
  const log = Math.log2(shares);
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

function cpuWrites(cpu: CpuResources | undefined, { add, warnings, refuse }: Sink): void {
  if (cpu === undefined) return;
  if (cpu.cpus !== undefined && cpu.cpus !== "") add("cpuset", "cpuset.cpus", cpu.cpus, "cpu.cpus");
  if (cpu.mems !== undefined && cpu.mems !== "") add("cpuset", "cpuset.mems", cpu.mems, "cpu.mems");
  // The weight of an idle group cannot be changed, so idle comes after it.
  if (cpu.shares !== undefined && cpu.shares !== 0) {
    add("cpu", "cpu.weight", String(cpuWeightOfShares(cpu.shares)), "cpu.shares");
  }
  if (cpu.idle !== undefined)
    add("cpu", "cpu.idle", String(cpu.idle), "cpu.idle", cpu.idle === 0 ? ["ENOENT"] : []);
  const period = cpu.period === 0 ? undefined : cpu.period;
  const quota = cpu.quota === 0 ? undefined : cpu.quota;
  if (quota !== undefined || period !== undefined) {
    const max = quota === undefined || quota < 0 ? "max" : String(quota);
    add(
      "cpu",
      "cpu.max",
      period === undefined ? max : `${max} ${period}`,
      quota === undefined ? "cpu.period" : "cpu.quota",
    );
  }
  if (cpu.burst !== undefined) {
    add("cpu", "cpu.max.burst", String(cpu.burst), "cpu.burst", cpu.burst === 0 ? ["ENOENT"] : []);
  }
  if ((cpu.realtimeRuntime ?? 0) !== 0 || (cpu.realtimePeriod ?? 0) !== 0) {
    warnings.push("CPU real-time limits are discarded: cgroup v2 has none");
    refuse("cpu.realtimeRuntime", "cgroup v2 has no real-time limits");
  }
}

/** io.weight (1..10000) for a Docker weight (10..1000), linear. */
export function ioWeight(weight: number): number {
  return weight === 0 ? 0 : Math.floor(1 + ((weight - 10) * 9999) / 990);
}

const schedulerMissing = ["ENOENT", "EOPNOTSUPP"];

function blockWrites(block: BlockIoResources | undefined, add: AddWrite): void {
  if (block === undefined) return;
  // Which of the two files exists depends on the scheduler of the moment; each is written where it is.
  if (block.weight !== undefined && block.weight !== 0) {
    add("io", "io.bfq.weight", String(block.weight), "blockIO.weight", schedulerMissing, oneOfSeveral);
    add("io", "io.weight", String(ioWeight(block.weight)), "blockIO.weight", schedulerMissing);
  }
  for (const device of block.weightDevice ?? []) {
    if (device.weight === undefined || device.weight === 0) continue;
    const number = `${device.major}:${device.minor}`;
    const cause = "blockIO.weightDevice";
    // Old kernels take no devices in this file.
    const tolerate = [...schedulerMissing, "EINVAL"];
    add("io", "io.bfq.weight", `${number} ${device.weight}`, cause, tolerate, oneOfSeveral);
    add("io", "io.weight", `${number} ${ioWeight(device.weight)}`, cause, tolerate);
  }
  const throttles = [
    ["throttleReadBpsDevice", "rbps"],
    ["throttleWriteBpsDevice", "wbps"],
    ["throttleReadIOPSDevice", "riops"],
    ["throttleWriteIOPSDevice", "wiops"],
  ] as const;
  for (const [key, name] of throttles) {
    for (const { major, minor, rate } of block[key] ?? []) {
      add("io", "io.max", `${major}:${minor} ${name}=${rate === 0 ? "max" : rate}`, `blockIO.${key}`);
    }
  }
}
