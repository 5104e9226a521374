/** Limits that the kernel would refuse at the start: told at creation, with the range that it takes. Pure. */
import { formatCpuList, parseCpuList } from "../../../linux/cpu-list.ts";
import type { HostFacts } from "../../../linux/host-facts.ts";
import { validateCgroupParent } from "./cgroup-parent.ts";
import { refuse } from "./refuse.ts";
import type { ResourceLimits } from "./specification.ts";
import { validatePath } from "./words.ts";

/** Returns warnings of what this host cannot do. */
export function checkResources(resources: ResourceLimits, facts: HostFacts): string[] {
  const warnings = checkMemory(resources, facts);
  checkCpu(resources, facts);
  checkQuantities(resources, facts);
  checkBlockDevices(resources);
  validateCgroupParent(resources.cgroupParent);
  return warnings;
}

/** The same for what is to change of them alone: a sum of memory and swap goes with the memory that there is. */
export function checkUpdatedResources(changes: ResourceLimits, facts: HostFacts): string[] {
  const { memoryBytes, memoryAndSwapBytes, ...others } = changes;
  const sumAlone = memoryBytes === undefined && memoryAndSwapBytes !== undefined;
  return checkResources(sumAlone ? others : changes, facts);
}

const mib = 1024 * 1024;
const smallestMemoryBytes = 6 * mib;

function checkMemory(resources: ResourceLimits, facts: HostFacts): string[] {
  const warnings: string[] = [];
  const {
    memoryBytes: memory = 0,
    memoryAndSwapBytes: swap = 0,
    memoryReservationBytes: reservation = 0,
    swappiness = 0,
  } = resources;
  if (memory < 0 || (memory !== 0 && memory < smallestMemoryBytes)) {
    refuse("memory-minimum", "Minimum memory limit allowed is 6MB");
  }
  if (memory > 0 && swap !== -1 && swap !== 0 && swap < memory) {
    refuse("memory-swap", "Minimum memoryswap limit should be larger than memory limit, see usage");
  }
  if (memory === 0 && swap > 0) {
    refuse("memory-swap", "You should always set the Memory limit when using Memoryswap limit, see usage");
  }
  if (memory > 0 && swap !== -1 && !facts.cgroup.swapAccounting) {
    warnings.push(
      "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.",
    );
  }
  if (swappiness < 0 || swappiness > 100) {
    refuse("swappiness", `invalid value: ${swappiness}, valid memory swappiness range is 0-100`);
  }
  if (reservation < 0 || (reservation > 0 && reservation < smallestMemoryBytes)) {
    refuse("memory-reservation", "Minimum memory reservation allowed is 6MB");
  }
  if (memory > 0 && reservation > 0 && memory < reservation) {
    refuse(
      "memory-reservation",
      "Minimum memory limit can not be less than memory reservation limit, see usage",
    );
  }
  if (resources.oomKillDisabled && memory === 0) {
    warnings.push(
      "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.",
    );
  }
  return warnings;
}

const smallestPeriod = 1000;
const largestPeriod = 1_000_000;

function checkCpu(resources: ResourceLimits, facts: HostFacts): void {
  const { nanoCpus: nano = 0, cpuPeriodUs: period = 0, cpuQuotaUs: quota = 0, cpuShares = 0 } = resources;
  const { cpus } = facts.hardware;
  if (nano > 0 && period > 0) {
    refuse("cpu-conflict", "Conflicting options: Nano CPUs and CPU Period cannot both be set");
  }
  if (nano > 0 && quota > 0) {
    refuse("cpu-conflict", "Conflicting options: Nano CPUs and CPU Quota cannot both be set");
  }
  if (nano < 0 || nano > cpus * 1e9 || (nano > 0 && nano < 1e7)) {
    refuse("cpu-range", `range of CPUs is from 0.01 to ${cpus}.00, as there are only ${cpus} CPUs available`);
  }
  if (period !== 0 && (period < smallestPeriod || period > largestPeriod)) {
    refuse(
      "cpu-period",
      "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
    );
  }
  if (quota > 0 && quota < smallestPeriod) {
    refuse("cpu-quota", "CPU cfs quota can not be less than 1ms (i.e. 1000)");
  }
  if (cpuShares < 0) {
    refuse("cpu-shares", `invalid CPU shares (${cpuShares}): value must be a positive integer`);
  }
  checkCpuSet(
    "cpus",
    resources.cpus ?? "",
    Array.from({ length: cpus }, (_, cpu) => cpu),
  );
  checkCpuSet("mems", resources.memoryNodes ?? "", facts.hardware.memoryNodes);
}

function checkCpuSet(kind: "cpus" | "mems", text: string, available: readonly number[]): void {
  if (text === "") return;
  const wanted = parseCpuList(text);
  // Blanks alone would leave the container without any.
  if (wanted === undefined || wanted.length === 0)
    refuse("cpuset", `Invalid value ${text} for cpuset ${kind}`);
  if (wanted.some((each) => !available.includes(each))) {
    const what = kind === "cpus" ? "CPUs" : "memory nodes";
    const there = formatCpuList(available);
    refuse("cpuset", `Requested ${what} are not available - requested ${text}, available: ${there}`);
  }
}

/** The kernel's largest CFS quota: 2^44 - 1 microseconds. */
const largestQuota = 2 ** 44 - 1;
/** The kernel's largest share of a CPU in v1; more is taken and means this. */
const largestShares = 262_144;
/** PID_MAX_LIMIT; pids.max takes one more as "no limit". */
const largestPids = 4 * 1024 * 1024;
/** What the kernel keeps for real-time periods: 32 bits of microseconds. */
const largestRealtime = 2 ** 31 - 1;

function checkQuantities(resources: ResourceLimits, facts: HostFacts): void {
  const { cpuQuotaUs: quota = 0, cpuShares = 0, pids = 0 } = resources;
  const { cpuRealtimePeriodUs: period = 0, cpuRealtimeRuntimeUs: runtime = 0 } = resources;
  if (quota > largestQuota) {
    refuse("cpu-quota", `CPU cfs quota can not be more than ${largestQuota} microseconds, found ${quota}`);
  }
  if (cpuShares > largestShares && facts.cgroup.mode === "v2") {
    refuse("cpu-shares", `invalid CPU shares (${cpuShares}): the maximum allowed is ${largestShares}`);
  }
  if (pids > largestPids) {
    refuse(
      "pids-limit",
      `invalid pids limit ${pids}: the kernel takes at most ${largestPids}; -1 is no limit`,
    );
  }
  within("cpu-realtime", "CPU real-time period", period, 0, largestRealtime);
  within("cpu-realtime", "CPU real-time runtime", runtime, 0, largestRealtime);
  if (period > 0 && runtime > period) {
    refuse("cpu-realtime", "cpu real-time runtime cannot be higher than cpu real-time period");
  }
}

export function within(code: string, name: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most) return;
  refuse(code, `invalid ${name} ${value}: wanted a whole number from ${least} to ${most}`);
}

const leastWeight = 10;
const mostWeight = 1000;
const largestRate = 2n ** 63n - 1n;

function checkBlockDevices(resources: ResourceLimits): void {
  const outside = (weight: number): boolean => weight !== 0 && (weight < leastWeight || weight > mostWeight);
  if (outside(resources.blockWeight ?? 0)) {
    refuse("blkio-weight", `Range of blkio weight is from ${leastWeight} to ${mostWeight}`);
  }
  for (const { path, weight } of resources.blockWeights) {
    validatePath("block device", path);
    if (!outside(weight)) continue;
    refuse(
      "blkio-weight",
      `Range of blkio weight is from ${leastWeight} to ${mostWeight}, found ${weight} for ${path}`,
    );
  }
  const { blockReadBytes, blockWriteBytes, blockReadOperations, blockWriteOperations } = resources;
  for (const { path, rate } of [
    ...blockReadBytes,
    ...blockWriteBytes,
    ...blockReadOperations,
    ...blockWriteOperations,
  ]) {
    validatePath("block device", path);
    if (rate < 0 || BigInt(rate) > largestRate)
      refuse("blkio-rate", `invalid rate ${rate} for device ${path}`);
  }
}
