/**
 * The `data` of a `stats` event, as runc writes it: its names, and its habit of leaving out zeros in some places and
 * writing them in others, because readers were made for that.
 */

import type { CgroupDetails } from "../../kernel/cgroup-details.ts";
import type { ResctrlStatistics } from "../../kernel/resctrl.ts";
import { own } from "../../lib/own.ts";
import type { MemoryCounter } from "../../linux/cgroup-details.ts";
import type { BlockIoEntry, CgroupStats } from "../../linux/cgroup-stats.ts";
import { parseCpuList } from "../../linux/cpu-list.ts";
import { schemaOf } from "../../linux/resctrl.ts";

type Value = number | bigint | string | null | readonly Value[] | { readonly [name: string]: Value };
type Document = { readonly [name: string]: Value };

const noLimitV2 = 2n ** 64n - 1n;

/** `resctrl`: of a container with a class of Intel RDT. */
export function statisticsDocument(
  stats: CgroupStats,
  details: CgroupDetails,
  resctrl?: ResctrlStatistics,
): Document {
  const { pids } = stats;
  return {
    cpu: cpuPart(stats, details),
    cpuset: cpusetPart(details.cpuset),
    memory: memoryPart(stats, details),
    pids: filled({ current: pids.current, limit: pids.limit ?? 0 }),
    blkio: { ...blockPart(stats, details), ...psi(details.pressure.io) },
    hugetlb: Object.fromEntries(
      Object.entries(details.hugetlb).map(([name, counter]) => [name, hugetlbEntry(counter)]),
    ),
    intel_rdt: resctrl === undefined ? {} : resctrlPart(resctrl),
    network_interfaces: null,
  };
}

/** JSON with every digit of a `bigint`. */
export function jsonText(document: Document): string {
  const mark = "\u0001";
  const text = JSON.stringify(document, (_name, value: unknown) =>
    typeof value === "bigint" ? `${mark}${value}` : value,
  );
  return text.replace(/"\\u0001(-?\d+)"/g, "$1");
}

/** "No limit" is a number that JSON.stringify would round in decimal. */
function exactly(counters: Readonly<Record<string, number>>): Document {
  return Object.fromEntries(
    Object.entries(counters).map(([name, value]) => [
      name,
      Number.isSafeInteger(value) ? value : BigInt(value),
    ]),
  );
}

/** Without the entries that are zero or empty. */
function filled(document: Document): Document {
  const isEmpty = (value: Value): boolean =>
    value === 0 || value === 0n || (Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(document).filter(([, value]) => !isEmpty(value)));
}

function numberOf(text: string): bigint {
  if (text === "max") return noLimitV2;
  return /^-?\d+$/.test(text) ? BigInt(text) : 0n;
}

function psi(pressure: CgroupDetails["pressure"]["cpu"]): Document {
  if (pressure === undefined) return {};
  return {
    psi: Object.fromEntries(Object.entries(pressure).map(([kind, line]) => [kind, { ...line }])),
  };
}

function cpuPart({ cpu }: CgroupStats, { perCpu, pressure }: CgroupDetails): Document {
  return {
    usage: {
      ...filled({
        total: cpu.totalNs,
        percpu: cpu.perCpuNs,
        percpu_kernel: perCpu.kernel,
        percpu_user: perCpu.user,
      }),
      kernel: cpu.systemNs,
      user: cpu.userNs,
    },
    throttling: filled({
      periods: cpu.periods,
      throttledPeriods: cpu.throttledPeriods,
      throttledTime: cpu.throttledNs,
    }),
    ...psi(pressure.cpu),
  };
}

function cpusetPart(cpuset: CgroupDetails["cpuset"]): Document {
  const flag = (name: string): bigint => numberOf(cpuset[name] ?? "");
  return {
    ...filled({ cpus: parseCpuList(cpuset["cpus"] ?? "") ?? [] }),
    cpu_exclusive: flag("cpu_exclusive"),
    ...filled({ mems: parseCpuList(cpuset["mems"] ?? "") ?? [] }),
    mem_hardwall: flag("mem_hardwall"),
    mem_exclusive: flag("mem_exclusive"),
    memory_migrate: flag("memory_migrate"),
    memory_spread_page: flag("memory_spread_page"),
    memory_spread_slab: flag("memory_spread_slab"),
    memory_pressure: flag("memory_pressure"),
    sched_load_balance: flag("sched_load_balance"),
    sched_relax_domain_level: flag("sched_relax_domain_level"),
  };
}

function memoryPart({ memory }: CgroupStats, { memory: counters, pressure }: CgroupDetails): Document {
  const isV1 = "hierarchical_memory_limit" in memory.stat;
  return {
    ...filled({ cache: memory.stat["cache"] ?? memory.stat["file"] ?? 0 }),
    usage: memoryEntry(counters.usage),
    swap: isV1 ? memoryEntry(counters.swap) : withSwap(counters.usage, counters.swap),
    kernel: memoryEntry(counters.kernel),
    kernelTCP: memoryEntry(counters.kernelTcp),
    raw: exactly(memory.stat),
    ...psi(pressure.memory),
  };
}

function memoryEntry({ limit, usage, max, failcnt }: MemoryCounter): Document {
  return {
    limit: numberOf(limit),
    ...filled({ usage: numberOf(usage), max: numberOf(max) }),
    failcnt: numberOf(failcnt),
  };
}

/** v2 counts swap by itself, the document wants memory and swap together. Their common peak is nowhere. */
function withSwap(memory: MemoryCounter, swap: MemoryCounter): Document {
  const limits = [numberOf(memory.limit), numberOf(swap.limit)];
  const limit = limits.includes(noLimitV2) ? noLimitV2 : limits.reduce((sum, one) => sum + one, 0n);
  return {
    limit,
    ...filled({ usage: numberOf(memory.usage) + numberOf(swap.usage) }),
    failcnt: numberOf(swap.failcnt),
  };
}

function resctrlPart({ rootSchemata, schemata, l3, memory, caches }: ResctrlStatistics): Document {
  const text = (name: string, value: string | undefined): Document =>
    value === undefined || value === "" ? {} : { [name]: value };
  const number = (from: Readonly<Record<string, string>>, name: string): bigint =>
    numberOf(own(from, name) ?? "");
  const counted = (names: readonly string[]): Document[] =>
    caches.map((cache) => filled(Object.fromEntries(names.map((name) => [name, number(cache, name)]))));
  const has = (name: string): boolean =>
    caches.some((cache) => cache[name] !== undefined && cache[name] !== "");
  return {
    ...(l3 !== undefined && {
      l3_cache_info: {
        ...text("cbm_mask", l3["cbm_mask"]),
        ...filled({ min_cbm_bits: number(l3, "min_cbm_bits"), num_closids: number(l3, "num_closids") }),
      },
    }),
    ...text("l3_cache_schema_root", schemaOf("L3", rootSchemata)),
    ...text("l3_cache_schema", schemaOf("L3", schemata)),
    ...(memory !== undefined && {
      mem_bw_info: filled({
        bandwidth_gran: number(memory, "bandwidth_gran"),
        delay_linear: number(memory, "delay_linear"),
        min_bandwidth: number(memory, "min_bandwidth"),
        num_closids: number(memory, "num_closids"),
      }),
    }),
    ...text("mem_bw_schema_root", schemaOf("MB", rootSchemata)),
    ...text("mem_bw_schema", schemaOf("MB", schemata)),
    ...(has("mbm_total_bytes") && { mbm_stats: counted(["mbm_total_bytes", "mbm_local_bytes"]) }),
    ...(has("llc_occupancy") && { cmt_stats: counted(["llc_occupancy"]) }),
  };
}

function hugetlbEntry({ usage, max, failcnt }: MemoryCounter): Document {
  return { ...filled({ usage: numberOf(usage), max: numberOf(max) }), failcnt: numberOf(failcnt) };
}

function blockEntries(entries: readonly BlockIoEntry[]): Document[] {
  return entries.map(({ major, minor, op, value }) => {
    const word = `${op.slice(0, 1).toUpperCase()}${op.slice(1)}`;
    return { ...filled({ major, minor }), ...(word !== "" && { op: word }), ...filled({ value }) };
  });
}

function blockPart({ blockIo }: CgroupStats, { bfq }: CgroupDetails): Document {
  const list = (name: string): Document[] => blockEntries(bfq[name] ?? []);
  return filled({
    ioServiceBytesRecursive: blockEntries(blockIo.serviceBytes),
    ioServicedRecursive: blockEntries(blockIo.serviced),
    ioQueueRecursive: list("io_queued_recursive"),
    ioServiceTimeRecursive: list("io_service_time_recursive"),
    ioWaitTimeRecursive: list("io_wait_time_recursive"),
    ioMergedRecursive: list("io_merged_recursive"),
    ioTimeRecursive: list("time_recursive"),
    sectorsRecursive: list("sectors_recursive"),
  });
}
