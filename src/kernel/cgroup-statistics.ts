/** Reads a group's statistics: the numbers of `docker stats`. About 10 small files, nothing is kept. */
import { cgroupPath, unifiedHierarchy } from "../linux/cgroup.ts";
import {
  type CgroupStats,
  parseFlatKeyed,
  parseLimit,
  parseNumberList,
  parseSystemCpuNs,
  parseUsageByKind,
  parseV1BlockIo,
  parseV2IoStat,
} from "../linux/cgroup-stats.ts";
import { type CgroupFacts, v1Hierarchy } from "../linux/host-facts.ts";
import { readShortKernelText, readTextIfPossible } from "./files.ts";

type ReadFile = (file: string) => string;

function readerIn(base: string | undefined): ReadFile {
  return (file) => (base === undefined ? "" : (readShortKernelText(`${base}/${file}`) ?? ""));
}

/** The statistics of `directory` now; zeros for what the machine does not count or when the group is gone. */
export function readCgroupStats(facts: CgroupFacts, directory: string): CgroupStats {
  if (facts.mode === "v2") return readV2(readerIn(cgroupPath(facts, unifiedHierarchy, directory)));
  return readV1((controller) => {
    const hierarchy = v1Hierarchy(facts, controller);
    return readerIn(hierarchy === undefined ? undefined : hierarchy.mountPoint + directory);
  });
}

function readV1(inController: (controller: string) => ReadFile): CgroupStats {
  const memory = inController("memory");
  const cpu = parseFlatKeyed(inController("cpu")("cpu.stat"));
  const accounting = inController("cpuacct");
  const perCpuNs = parseNumberList(accounting("cpuacct.usage_percpu"));
  const byKind = parseUsageByKind(accounting("cpuacct.usage_all"));
  const pids = inController("pids");
  const block = inController("blkio");
  // With the BFQ scheduler its own counters count, otherwise those of throttling.
  const blockFile = (kind: string): ReturnType<typeof parseV1BlockIo> => {
    const bfq = parseV1BlockIo(block(`blkio.bfq.${kind}_recursive`));
    return bfq.length > 0 ? bfq : parseV1BlockIo(block(`blkio.throttle.${kind}_recursive`));
  };
  return {
    memory: {
      usageBytes: Number(memory("memory.usage_in_bytes")),
      maxUsageBytes: Number(memory("memory.max_usage_in_bytes")),
      limitBytes: parseLimit(memory("memory.limit_in_bytes")),
      limitHits: Number(memory("memory.failcnt")),
      stat: parseFlatKeyed(memory("memory.stat")),
    },
    cpu: {
      totalNs: sum(perCpuNs),
      userNs: sum(byKind.map(({ userNs }) => userNs)),
      systemNs: sum(byKind.map(({ systemNs }) => systemNs)),
      perCpuNs,
      periods: cpu["nr_periods"] ?? 0,
      throttledPeriods: cpu["nr_throttled"] ?? 0,
      throttledNs: cpu["throttled_time"] ?? 0,
    },
    pids: { current: Number(pids("pids.current")), limit: parseLimit(pids("pids.max")) },
    blockIo: { serviceBytes: blockFile("io_service_bytes"), serviced: blockFile("io_serviced") },
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

const nsPerUs = 1000;

function readV2(read: ReadFile): CgroupStats {
  const cpu = parseFlatKeyed(read("cpu.stat"));
  const us = (key: string): number => (cpu[key] ?? 0) * nsPerUs;
  return {
    memory: {
      usageBytes: Number(read("memory.current")),
      maxUsageBytes: Number(read("memory.peak")),
      limitBytes: parseLimit(read("memory.max")),
      limitHits: parseFlatKeyed(read("memory.events"))["max"] ?? 0,
      stat: parseFlatKeyed(read("memory.stat")),
    },
    cpu: {
      totalNs: us("usage_usec"),
      userNs: us("user_usec"),
      systemNs: us("system_usec"),
      perCpuNs: [],
      periods: cpu["nr_periods"] ?? 0,
      throttledPeriods: cpu["nr_throttled"] ?? 0,
      throttledNs: us("throttled_usec"),
    },
    pids: { current: Number(read("pids.current")), limit: parseLimit(read("pids.max")) },
    blockIo: parseV2IoStat(read("io.stat")),
  };
}

/** Processor time of the whole machine since boot, nanoseconds: the other half of a percentage. */
export function readSystemCpuNs(): number {
  return parseSystemCpuNs(readTextIfPossible("/proc/stat") ?? "");
}
