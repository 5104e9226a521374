import { describe, expect, test } from "bun:test";
import { deviceProgram } from "./bpf-device.ts";
import { cgroupPath, decideCgroup } from "./cgroup.ts";
import { effectiveDeviceRules, standardDeviceRules } from "./cgroup-devices.ts";
import type { CgroupResources } from "./cgroup-resources.ts";
import { parseLimit, parseSystemCpuNs, parseV1BlockIo, parseV2IoStat } from "./cgroup-stats.ts";
import { cpuWeightOfShares, ioWeight } from "./cgroup-v2.ts";
import type { CgroupFacts } from "./host-facts.ts";

const v1 = (name: string) => ({
  name,
  controllers: name.split(","),
  mountPoint: `/sys/fs/cgroup/${name}`,
  ownPath: "/",
});
const hybrid: CgroupFacts = {
  mode: "hybrid",
  v1: ["cpu,cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "name=systemd"].map(v1),
  v2: { mountPoint: "/sys/fs/cgroup/unified", ownPath: "/", controllers: [] },
  swapAccounting: true,
};
const pureV1: CgroupFacts = { ...hybrid, mode: "v1", v2: null };
const v2: CgroupFacts = {
  mode: "v2",
  v1: [],
  v2: {
    mountPoint: "/sys/fs/cgroup",
    ownPath: "/init.scope",
    controllers: ["cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma"],
  },
  swapAccounting: true,
};

/** `hierarchy/file=value`, with `?` when failures may be tolerated. */
function written(resources: CgroupResources, facts: CgroupFacts): string[] {
  return decideCgroup(resources, facts).writes.map(
    (write) => `${write.hierarchy}/${write.file}=${write.value}${write.tolerate.length > 0 ? "?" : ""}`,
  );
}

const everything: CgroupResources = {
  memory: { limit: 64 << 20, swap: 128 << 20, reservation: 32 << 20, swappiness: 10, disableOOMKiller: true },
  cpu: { shares: 512, quota: 50_000, period: 100_000, burst: 1000, cpus: "0-1", mems: "0", idle: 1 },
  pids: { limit: 100 },
  blockIO: {
    weight: 500,
    throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1024 }],
    throttleWriteIOPSDevice: [{ major: 8, minor: 16, rate: 0 }],
  },
  hugepageLimits: [{ pageSize: "2MB", limit: 4 << 20 }],
};

describe("version 1", () => {
  test("every setting goes to the hierarchy that carries its controller", () => {
    expect(written(everything, hybrid)).toEqual([
      "memory/memory.limit_in_bytes=67108864",
      "memory/memory.memsw.limit_in_bytes=134217728",
      "memory/memory.soft_limit_in_bytes=33554432",
      "memory/memory.swappiness=10?",
      "memory/memory.oom_control=1",
      "cpuset/cpuset.cpus=0-1",
      "cpuset/cpuset.mems=0",
      "cpu,cpuacct/cpu.shares=512",
      "cpu,cpuacct/cpu.idle=1",
      "cpu,cpuacct/cpu.cfs_period_us=100000",
      "cpu,cpuacct/cpu.cfs_quota_us=50000",
      "cpu,cpuacct/cpu.cfs_burst_us=1000",
      "pids/pids.max=100",
      "blkio/blkio.bfq.weight=500?",
      "blkio/blkio.throttle.read_bps_device=8:0 1024",
      "blkio/blkio.throttle.write_iops_device=8:16 0",
    ]);
  });

  test("a controller that is not mounted is a warning, not an error", () => {
    expect(decideCgroup(everything, hybrid).warnings).toEqual([
      "Your kernel does not support the hugetlb cgroup or the cgroup is not mounted. Limits of it are discarded.",
    ]);
  });

  test("device rules without their controller are a program of the v2 group; without that they are lost, and it is said", () => {
    const devices = [
      { allow: false },
      { allow: true, type: "c", major: 1, minor: 3, access: "rwm" },
    ] as const;
    const without = (facts: typeof hybrid) => ({
      ...facts,
      v1: facts.v1.filter(({ name }) => name !== "devices"),
    });
    const byProgram = decideCgroup({ devices }, without(hybrid));
    expect(byProgram.deviceProgram).toEqual(deviceProgram(effectiveDeviceRules(devices)));
    expect([byProgram.writes, byProgram.warnings, byProgram.losesDeviceRules]).toEqual([[], [], false]);
    expect(decideCgroup({ devices }, hybrid).losesDeviceRules).toBe(false);
    expect(decideCgroup({ devices }, without(pureV1))).toMatchObject({
      deviceProgram: null,
      losesDeviceRules: true,
    });
    expect(decideCgroup({ devices: [{ allow: true }] }, without(pureV1)).losesDeviceRules).toBe(false);
  });

  test("directories: the standing ones, and cpuset only when asked", () => {
    expect(decideCgroup({}, hybrid).directories).toEqual([
      "memory",
      "cpu,cpuacct",
      "pids",
      "devices",
      "blkio",
      "unified",
    ]);
    expect(decideCgroup({}, pureV1).directories).toEqual([
      "memory",
      "cpu,cpuacct",
      "pids",
      "devices",
      "blkio",
      "freezer",
    ]);
    expect(decideCgroup({ cpu: { cpus: "0" } }, hybrid).directories).toContain("cpuset");
  });

  test("an update writes the sum before a limit that rises above the old sum", () => {
    const resources = { memory: { limit: 300, swap: 400 } };
    const files = (limitBytes: number, memoryAndSwapBytes: number) =>
      decideCgroup(resources, hybrid, { limitBytes, memoryAndSwapBytes }).writes.map((write) => write.file);
    expect(files(100, 200)).toEqual(["memory.memsw.limit_in_bytes", "memory.limit_in_bytes"]);
    expect(files(500, 1000)).toEqual(["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]);
  });

  test("unlimited and unset values", () => {
    expect(
      written(
        { memory: { limit: -1, swap: -1 }, pids: { limit: -1 }, cpu: { quota: -1, shares: 0 } },
        hybrid,
      ),
    ).toEqual([
      "memory/memory.limit_in_bytes=-1",
      "memory/memory.memsw.limit_in_bytes=-1",
      "cpu,cpuacct/cpu.cfs_quota_us=-1",
      "pids/pids.max=max",
    ]);
  });

  test("without swap accounting a swap limit is a warning", () => {
    const facts = { ...hybrid, swapAccounting: false };
    const decision = decideCgroup({ memory: { limit: 100, swap: 200 } }, facts);
    expect(decision.writes.map((write) => write.file)).toEqual(["memory.limit_in_bytes"]);
    expect(decision.warnings).toEqual([
      "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.",
    ]);
    expect(decideCgroup({ memory: { swap: -1 } }, facts).warnings).toEqual([]);
  });

  test("device rules: denied first, then the list, then the standard devices", () => {
    const lines = written(
      { devices: [{ allow: true, type: "c", major: 10, minor: 229, access: "rw" }] },
      hybrid,
    );
    expect(lines.slice(0, 3)).toEqual([
      "devices/devices.deny=a",
      "devices/devices.allow=c 10:229 rw",
      "devices/devices.allow=c *:* m",
    ]);
    expect(lines).toContain("devices/devices.allow=c 136:* rwm");
    expect(written({ devices: [{ allow: true }] }, hybrid)).toEqual([]);
    expect(
      written({ devices: [{ allow: false }, { allow: true, type: "a", access: "rwm" }] }, hybrid),
    ).toEqual([]);
  });
});

describe("version 2", () => {
  test("every setting in one directory, in its own units", () => {
    expect(written({ ...everything, unified: { "memory.high": "1000" } }, v2)).toEqual([
      "unified/memory.swap.max=67108864",
      "unified/memory.max=67108864",
      "unified/memory.low=33554432",
      "unified/cpuset.cpus=0-1",
      "unified/cpuset.mems=0",
      "unified/cpu.weight=59",
      "unified/cpu.idle=1",
      "unified/cpu.max=50000 100000",
      "unified/cpu.max.burst=1000",
      "unified/pids.max=100",
      "unified/io.bfq.weight=500?",
      "unified/io.weight=4950?",
      "unified/io.max=8:0 rbps=1024",
      "unified/io.max=8:16 wiops=max",
      "unified/hugetlb.2MB.max=4194304",
      "unified/hugetlb.2MB.rsvd.max=4194304?",
      "unified/memory.high=1000",
    ]);
    expect(decideCgroup(everything, v2).warnings).toEqual([
      "OomKillDisable is discarded: cgroup v2 has no way to disable the OOM killer",
      "MemorySwappiness is discarded: cgroup v2 has no swappiness of its own",
    ]);
  });

  test("a period alone, and no quota", () => {
    expect(written({ cpu: { period: 20_000 } }, v2)).toEqual(["unified/cpu.max=max 20000"]);
    expect(written({ cpu: { quota: -1 } }, v2)).toEqual(["unified/cpu.max=max"]);
  });

  test("devices are a program, and none when everything is allowed", () => {
    expect(decideCgroup({ devices: [{ allow: false }] }, v2).deviceProgram).not.toBeNull();
    expect(decideCgroup({ devices: [{ allow: true }] }, v2).deviceProgram).toBeNull();
    expect(decideCgroup({}, v2).deviceProgram).toBeNull();
  });

  test("a controller that is missing is a warning", () => {
    const facts: CgroupFacts = {
      ...v2,
      v2: { mountPoint: "/sys/fs/cgroup", ownPath: "/", controllers: ["pids"] },
    };
    expect(written(everything, facts)).toEqual(["unified/pids.max=100"]);
    expect(decideCgroup({ cpu: { shares: 2 } }, facts).warnings).toEqual([
      "Your kernel does not support the cpu cgroup or the cgroup is not mounted. Limits of it are discarded.",
    ]);
  });

  test.each([
    [2, 1],
    [1024, 100],
    [512, 59],
    [2048, 174],
    [262_144, 10_000],
  ])("%d shares weigh %d", (shares, weight) => expect(cpuWeightOfShares(shares)).toBe(weight));

  test("io weights reach from end to end", () => {
    expect([ioWeight(10), ioWeight(1000), ioWeight(0)]).toEqual([1, 10_000, 0]);
  });
});

test("paths by hierarchy", () => {
  expect(cgroupPath(hybrid, "memory", "/tiffin/x")).toBe("/sys/fs/cgroup/memory/tiffin/x");
  expect(cgroupPath(hybrid, "unified", "/tiffin/x")).toBe("/sys/fs/cgroup/unified/tiffin/x");
  expect(cgroupPath(v2, "memory", "/tiffin/x")).toBeUndefined();
});

test("effective device rules drop what is void and what is repeated", () => {
  const rule = { allow: true, type: "c", major: 1, minor: 3, access: "rwm" };
  const rules = effectiveDeviceRules([rule, { allow: false }, rule, rule]);
  expect(rules[0]).toEqual({ allow: false });
  expect(rules.filter((each) => each.major === 1 && each.minor === 3)).toEqual([rule]);
  expect(rules.length).toBe(1 + standardDeviceRules.length);
});

describe("statistics files", () => {
  test("limits", () => {
    expect([
      parseLimit("max\n"),
      parseLimit("9223372036854771712\n"),
      parseLimit(""),
      parseLimit("5\n"),
    ]).toEqual([null, null, null, 5]);
  });

  test("block I/O of both versions in one shape", () => {
    expect(parseV1BlockIo("8:0 Read 5\n8:0 Total 5\nTotal 5\n")).toEqual([
      { major: 8, minor: 0, op: "read", value: 5 },
      { major: 8, minor: 0, op: "total", value: 5 },
    ]);
    expect(parseV2IoStat("8:0 rbytes=5 wbytes=6 rios=1 wios=2 dbytes=0 dios=0\n")).toEqual({
      serviceBytes: [
        { major: 8, minor: 0, op: "read", value: 5 },
        { major: 8, minor: 0, op: "write", value: 6 },
        { major: 8, minor: 0, op: "discard", value: 0 },
      ],
      serviced: [
        { major: 8, minor: 0, op: "read", value: 1 },
        { major: 8, minor: 0, op: "write", value: 2 },
        { major: 8, minor: 0, op: "discard", value: 0 },
      ],
    });
  });

  test("processor time of the machine counts guests once", () => {
    expect(parseSystemCpuNs("cpu  1 2 3 4 5 6 7 8 100 100\ncpu0 1\n")).toBe(36 * 1e7);
  });
});
