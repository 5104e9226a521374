import { expect, test } from "bun:test";
import type { CgroupDetails } from "../../kernel/cgroup-details.ts";
import { hugePageName, parsePressure } from "../../linux/cgroup-details.ts";
import type { CgroupStats } from "../../linux/cgroup-stats.ts";
import { jsonText, statisticsDocument } from "./statistics-document.ts";

const stats: CgroupStats = {
  memory: {
    usageBytes: 4096,
    maxUsageBytes: 0,
    limitBytes: null,
    limitHits: 0,
    stat: { file: 512, anon: 7 },
  },
  cpu: { totalNs: 5, userNs: 0, systemNs: 3, perCpuNs: [], periods: 0, throttledPeriods: 2, throttledNs: 0 },
  pids: { current: 1, limit: null },
  blockIo: { serviceBytes: [{ major: 8, minor: 0, op: "read", value: 9 }], serviced: [] },
};

const absent = { limit: "", usage: "", max: "", failcnt: "" };
const details: CgroupDetails = {
  perCpu: { user: [], kernel: [] },
  cpuset: {},
  memory: {
    usage: { limit: "max", usage: "4096", max: "", failcnt: "1" },
    swap: { limit: "8192", usage: "10", max: "", failcnt: "" },
    kernel: absent,
    kernelTcp: absent,
  },
  hugetlb: { "2MB": { limit: "max", usage: "2097152", max: "", failcnt: "0" } },
  bfq: {},
  pressure: { cpu: parsePressure("some avg10=1.50 avg60=0.00 avg300=0.00 total=77\n") ?? {} },
};

test("v2: no limit is 2^64 - 1 with every digit, swap counts with memory, pressure where there is some", () => {
  const text = jsonText(statisticsDocument(stats, details));
  expect(text).toContain('"usage":{"limit":18446744073709551615,"usage":4096,"failcnt":1}');
  expect(text).toContain('"swap":{"limit":18446744073709551615,"usage":4106,"failcnt":0}');
  expect(text).toContain('"throttling":{"throttledPeriods":2}');
  expect(text).toContain('"psi":{"some":{"avg10":1.5,"avg60":0,"avg300":0,"total":77}}');
  expect(text).toContain('"blkio":{"ioServiceBytesRecursive":[{"major":8,"op":"Read","value":9}]}');
  expect(text).toContain('"hugetlb":{"2MB":{"usage":2097152,"failcnt":0}}');
  expect(text).toContain('"pids":{"current":1}');
});

test("v1: no limit has every digit among the raw counters", () => {
  const memory = { ...stats.memory, stat: { cache: 1, hierarchical_memory_limit: 2 ** 63 - 4096 } };
  expect(jsonText(statisticsDocument({ ...stats, memory }, details))).toContain(
    '"raw":{"cache":1,"hierarchical_memory_limit":9223372036854771712}',
  );
});

test("huge pages have the names of cgroup files", () => {
  expect([64, 2048, 32_768, 1_048_576, 16_777_216].map(hugePageName)).toEqual([
    "64KB",
    "2MB",
    "32MB",
    "1GB",
    "16GB",
  ]);
});

test("Intel RDT: schemas of the default class and the container's, counters of each cache", () => {
  const document = statisticsDocument(stats, details, {
    rootSchemata: "MB:0=100\n    L3:0=7ff",
    schemata: "MB:0=50\n    L3:0=00f",
    l3: { cbm_mask: "7ff", min_cbm_bits: "1", num_closids: "16" },
    caches: [{ llc_occupancy: "4096", mbm_total_bytes: "10", mbm_local_bytes: "4" }],
  });
  expect(JSON.parse(jsonText({ part: document["intel_rdt"] ?? null }))).toEqual({
    part: {
      l3_cache_info: { cbm_mask: "7ff", min_cbm_bits: 1, num_closids: 16 },
      l3_cache_schema_root: "L3:0=7ff",
      l3_cache_schema: "L3:0=00f",
      mem_bw_schema_root: "MB:0=100",
      mem_bw_schema: "MB:0=50",
      mbm_stats: [{ mbm_total_bytes: 10, mbm_local_bytes: 4 }],
      cmt_stats: [{ llc_occupancy: 4096 }],
    },
  });
});
