/** Reads what the `events` command tells beyond the usual statistics: about 40 small files, nothing is kept. */

import { cgroupPath, unifiedHierarchy } from "../linux/cgroup.ts";
import {
  hugePageName,
  type MemoryCounter,
  type Pressure,
  parsePressure,
  parseUsagePerCpu,
} from "../linux/cgroup-details.ts";
import { type BlockIoEntry, parseFlatKeyed, parseV1BlockIo } from "../linux/cgroup-stats.ts";
import { type CgroupFacts, v1Hierarchy } from "../linux/host-facts.ts";
import { listDirectory } from "./directory.ts";
import { openFlags, openIfPresent, readTextIfPossible } from "./files.ts";

export interface CgroupDetails {
  readonly perCpu: { readonly user: readonly number[]; readonly kernel: readonly number[] };
  /** The v1 files of this name, by name without the prefix `cpuset.`; empty on v2. */
  readonly cpuset: Readonly<Record<string, string>>;
  readonly memory: {
    readonly usage: MemoryCounter;
    readonly swap: MemoryCounter;
    readonly kernel: MemoryCounter;
    readonly kernelTcp: MemoryCounter;
  };
  /** By page size: `2MB`. */
  readonly hugetlb: Readonly<Record<string, MemoryCounter>>;
  /** Lists of the BFQ scheduler's statistics, where it keeps them. */
  readonly bfq: Readonly<Record<string, readonly BlockIoEntry[]>>;
  readonly pressure: { readonly cpu?: Pressure; readonly memory?: Pressure; readonly io?: Pressure };
}

type ReadFile = (file: string) => string;

const cpusetFiles = [
  "cpus",
  "cpu_exclusive",
  "mems",
  "mem_hardwall",
  "mem_exclusive",
  "memory_migrate",
  "memory_spread_page",
  "memory_spread_slab",
  "memory_pressure",
  "sched_load_balance",
  "sched_relax_domain_level",
];
const bfqLists = [
  "io_queued_recursive",
  "io_service_time_recursive",
  "io_wait_time_recursive",
  "io_merged_recursive",
  "time_recursive",
  "sectors_recursive",
];
const hugePageDirectory = "/sys/kernel/mm/hugepages";
const absent: MemoryCounter = { limit: "", usage: "", max: "", failcnt: "" };

/** The details of `directory` now; empty texts and lists for what the machine does not count. */
export function readCgroupDetails(facts: CgroupFacts, directory: string): CgroupDetails {
  if (facts.mode === "v2") return readV2(readerIn(cgroupPath(facts, unifiedHierarchy, directory)));
  return readV1((controller) => {
    const hierarchy = v1Hierarchy(facts, controller);
    if (hierarchy === undefined) return readerIn(undefined);
    const own = hierarchy.mountPoint + directory;
    // A hierarchy in which the container was given no group: it is in the one of its creator.
    const isThere = readTextIfPossible(`${own}/cgroup.procs`) !== undefined;
    return readerIn(isThere || controller !== "cpuset" ? own : hierarchy.mountPoint + hierarchy.ownPath);
  });
}

function readerIn(base: string | undefined): ReadFile {
  return (file) => (base === undefined ? "" : (readTextIfPossible(`${base}/${file}`)?.trim() ?? ""));
}

function readV1(inController: (controller: string) => ReadFile): CgroupDetails {
  const memory = inController("memory");
  const counter = (prefix: string): MemoryCounter => v1Counter(memory, prefix, "limit_in_bytes");
  const cpuset = inController("cpuset");
  const block = inController("blkio");
  const hugetlb = inController("hugetlb");
  const names = hugePageNames().filter((name) => hugetlb(`hugetlb.${name}.usage_in_bytes`) !== "");
  return {
    perCpu: parseUsagePerCpu(inController("cpuacct")("cpuacct.usage_all")),
    cpuset: Object.fromEntries(cpusetFiles.map((name) => [name, cpuset(`cpuset.${name}`)])),
    memory: {
      usage: counter("memory"),
      swap: counter("memory.memsw"),
      kernel: counter("memory.kmem"),
      kernelTcp: counter("memory.kmem.tcp"),
    },
    hugetlb: Object.fromEntries(
      names.map((name) => [name, v1Counter(hugetlb, `hugetlb.${name}`, "limit_in_bytes")]),
    ),
    bfq: Object.fromEntries(bfqLists.map((name) => [name, parseV1BlockIo(block(`blkio.bfq.${name}`))])),
    pressure: {},
  };
}

function v1Counter(read: ReadFile, prefix: string, limit: string): MemoryCounter {
  return {
    limit: read(`${prefix}.${limit}`),
    usage: read(`${prefix}.usage_in_bytes`),
    max: read(`${prefix}.max_usage_in_bytes`),
    failcnt: read(`${prefix}.failcnt`),
  };
}

function readV2(read: ReadFile): CgroupDetails {
  const counter = (name: string): MemoryCounter => ({
    limit: read(`${name}.max`),
    usage: read(`${name}.current`),
    max: read(`${name}.peak`),
    failcnt: String(parseFlatKeyed(read(`${name}.events`))["max"] ?? 0),
  });
  const sizes = hugePageNames().filter((name) => read(`hugetlb.${name}.current`) !== "");
  const pressure = (name: string): Pressure | undefined => parsePressure(read(`${name}.pressure`));
  const [cpu, memory, io] = [pressure("cpu"), pressure("memory"), pressure("io")];
  return {
    perCpu: { user: [], kernel: [] },
    cpuset: {},
    memory: {
      usage: counter("memory"),
      swap: counter("memory.swap"),
      kernel: absent,
      kernelTcp: absent,
    },
    hugetlb: Object.fromEntries(sizes.map((name) => [name, counter(`hugetlb.${name}`)])),
    bfq: {},
    pressure: {
      ...(cpu !== undefined && { cpu }),
      ...(memory !== undefined && { memory }),
      ...(io !== undefined && { io }),
    },
  };
}

/** Page sizes of this machine by the names that cgroup files have for them. */
function hugePageNames(): string[] {
  const directory = openIfPresent(undefined, hugePageDirectory, openFlags.readOnly | openFlags.directory);
  if (directory === undefined) return [];
  using owned = directory;
  return listDirectory(owned, hugePageDirectory).flatMap(({ name }) => {
    const sizeKb = /^hugepages-(\d+)kB$/.exec(name)?.[1];
    return sizeKb === undefined ? [] : [hugePageName(Number(sizeKb))];
  });
}
