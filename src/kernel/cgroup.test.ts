import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { pause, until } from "../../test/support/until.ts";
import { randomHex } from "../lib/ids.ts";
import { cgroupPath, decideCgroup, unifiedHierarchy } from "../linux/cgroup.ts";
import type { CgroupResources } from "../linux/cgroup-resources.ts";
import { type CgroupFacts, v1Hierarchy } from "../linux/host-facts.ts";
import {
  applyCgroup,
  CgroupWriter,
  cgroupHierarchies,
  changeCgroup,
  createCgroup,
  listCgroups,
  openCgroupTasks,
  openOomFile,
  prepareCgroupParent,
  readCurrentMemory,
  readOomKills,
  removeCgroup,
  tryRemoveCgroup,
} from "./cgroup.ts";
import {
  freezeCgroup,
  killCgroup,
  listCgroupProcesses,
  signalCgroup,
  thawCgroup,
} from "./cgroup-processes.ts";
import { readCgroupStats, readSystemCpuNs } from "./cgroup-statistics.ts";
import { readTextIfPossible } from "./files.ts";
import { readToEnd } from "./io.ts";
import { reapChild } from "./pidfd.ts";
import { probe } from "./probe.ts";
import { spawn } from "./spawn.ts";
import { SyscallError } from "./syscall.ts";

const machine = probe().cgroup;
/** The facts that a test acts by. */
let cgroup = machine;
let parent = "";
let group = "";
const children: number[] = [];

beforeEach(() => {
  cgroup = machine;
  parent = `/tiffin-test-${randomHex(8)}`;
  group = `${parent}/container`;
});
afterEach(async () => {
  await killCgroup(cgroup, parent);
  for (const pid of children.splice(0)) reapChild(pid, { block: true });
  await removeCgroup(cgroup, parent);
});

/** Makes the group with these limits. */
function limited(resources: CgroupResources): string[] {
  prepareCgroupParent(cgroup, parent);
  return applyCgroup(cgroup, group, decideCgroup(resources, cgroup));
}

/** A shell that moves itself into every v1 group (and v2) and then runs `script`. */
function inside(script: string): number {
  const moves = cgroupHierarchies(cgroup).flatMap((hierarchy) => {
    const path = cgroupPath(cgroup, hierarchy, group);
    if (path === undefined || !existsSync(path)) return [];
    return [`echo 0 > ${path}/${hierarchy === unifiedHierarchy ? "cgroup.procs" : "tasks"}`];
  });
  const argv = ["sh", "-c", [...moves, script].join("; ")];
  const pid = spawn({ executable: "/bin/sh", argv, env: ["PATH=/usr/bin:/bin"] });
  children.push(pid);
  return pid;
}

function ended(pid: number): ReturnType<typeof reapChild> {
  children.splice(children.indexOf(pid), 1);
  return reapChild(pid, { block: true });
}

describe.skipIf(machine.mode === "v2")("cgroup v1 and hybrid", () => {
  test("limits arrive in the kernel's files", () => {
    const warnings = limited({
      memory: { limit: 64 << 20, swap: 64 << 20, reservation: 32 << 20 },
      cpu: { shares: 512, quota: 50_000, period: 100_000, cpus: "0" },
      pids: { limit: 17 },
    });
    expect(warnings).toEqual([]);
    const read = (controller: string, file: string): string | undefined =>
      readTextIfPossible(`${v1Hierarchy(cgroup, controller)?.mountPoint}${group}/${file}`)?.trim();
    expect([
      read("memory", "memory.limit_in_bytes"),
      read("memory", "memory.memsw.limit_in_bytes"),
      read("cpu", "cpu.shares"),
      read("cpu", "cpu.cfs_quota_us"),
      read("cpuset", "cpuset.cpus"),
      read("cpuset", "cpuset.mems"),
      read("pids", "pids.max"),
    ]).toEqual(["67108864", "67108864", "512", "50000", "0", "0", "17"]);
    expect(readCurrentMemory(cgroup, group)).toEqual({
      limitBytes: 64 << 20,
      memoryAndSwapBytes: 64 << 20,
    });
  });

  test("an update can raise and lower memory and swap in either direction", () => {
    limited({ memory: { limit: 64 << 20, swap: 64 << 20 } });
    for (const size of [128 << 20, 32 << 20]) {
      const current = readCurrentMemory(cgroup, group);
      applyCgroup(cgroup, group, decideCgroup({ memory: { limit: size, swap: size } }, cgroup, current));
      expect(readCurrentMemory(cgroup, group)).toEqual({ limitBytes: size, memoryAndSwapBytes: size });
    }
  });

  test("the OOM killer is counted for the group that it struck", () => {
    limited({ memory: { limit: 8 << 20, swap: 8 << 20 } });
    const pid = inside("exec tail /dev/zero");
    expect(ended(pid)).toEqual({ kind: "signaled", signal: 9, coreDumped: false });
    expect(readOomKills(cgroup, group)).toBe(1);
    const file = openOomFile(cgroup, group);
    if (file === undefined) throw new Error("no file");
    using opened = file;
    expect(new TextDecoder().decode(readToEnd(opened, 4096))).toContain("oom_kill 1");
  });

  test("devices: what is not listed is refused, the standard ones work", () => {
    limited({ devices: [{ allow: false }] });
    expect(ended(inside("head -c 1 /dev/zero > /dev/null"))).toEqual({ kind: "exited", code: 0 });
    expect(ended(inside("true 2> /dev/null < /dev/kmsg"))).toEqual({ kind: "exited", code: 2 });
    expect(ended(inside(`mknod /tmp/${parent.slice(1)} c 1 3; rm /tmp/${parent.slice(1)}`))).toEqual({
      kind: "exited",
      code: 0,
    });
  });

  test("a tasks file takes a process that moves itself", () => {
    limited({});
    using tasks = openCgroupTasks(cgroup, v1Hierarchy(cgroup, "memory")?.name ?? "", group);
    const pid = spawn({
      executable: "/bin/sh",
      argv: ["sh", "-c", "echo 0 >&3; read x <&1"],
      fds: [[tasks, 3]],
    });
    children.push(pid);
    expect(ended(pid)).toEqual({ kind: "exited", code: 1 });
  });
});

/** A hybrid machine is also a v1 machine when nobody looks at its v2 mount: other files freeze, kill and list. */
const variants: [string, CgroupFacts][] = [[machine.mode, machine]];
if (machine.mode === "hybrid") variants.push(["v1 alone", { ...machine, mode: "v1", v2: null }]);

describe.each(variants)("%s", (_, variant) => {
  beforeEach(() => {
    cgroup = variant;
  });
  test("the pids limit bites", () => {
    limited({ pids: { limit: 2 } });
    expect(ended(inside("(true | true | true | true) 2>/dev/null"))).not.toEqual({ kind: "exited", code: 0 });
  });

  test("listing, signalling and killing reach nested groups", async () => {
    limited({});
    const pid = inside("sleep 100 & sleep 100 & wait");
    await until("the group to do so", () => listCgroupProcesses(cgroup, group).length === 3);
    const nested = cgroupHierarchies(cgroup).find((name) => name === "unified") ?? "memory";
    const path = cgroupPath(cgroup, nested, `${group}/nested`) ?? "";
    mkdirSync(path);
    await Bun.write(`${path}/cgroup.procs`, String(listCgroupProcesses(cgroup, group)[2]));
    expect(listCgroupProcesses(cgroup, group).length).toBe(3);
    expect(signalCgroup(cgroup, group, 0)).toBe(3);
    await killCgroup(cgroup, group);
    expect(listCgroupProcesses(cgroup, group)).toEqual([]);
    expect(ended(pid)).toEqual({ kind: "signaled", signal: 9, coreDumped: false });
  });

  test("a frozen group does nothing until it is thawed", async () => {
    limited({});
    const counter = `/tmp${parent}-counter`;
    const pid = inside(`i=0; while :; do i=$((i+1)); echo $i > ${counter}; done`);
    const count = (): number => Number(readTextIfPossible(counter) ?? "0");
    try {
      await until("the group to do so", () => count() > 0);
      await freezeCgroup(cgroup, group);
      const frozenAt = readFileSync(counter, "utf8");
      await pause(30, "what is frozen does not count");
      expect(readFileSync(counter, "utf8")).toBe(frozenAt);
      await thawCgroup(cgroup, group);
      await until("the group to do so", () => count() > Number(frozenAt));
      await killCgroup(cgroup, group);
      expect(ended(pid)).toEqual({ kind: "signaled", signal: 9, coreDumped: false });
    } finally {
      rmSync(counter, { force: true });
    }
  });

  test("a frozen group can be killed", async () => {
    limited({});
    const pid = inside("sleep 100");
    await until("the group to do so", () => listCgroupProcesses(cgroup, group).length > 0);
    await freezeCgroup(cgroup, group);
    await killCgroup(cgroup, group);
    expect(ended(pid)).toEqual({ kind: "signaled", signal: 9, coreDumped: false });
  });

  test("statistics move with the work that is done", () => {
    limited({ memory: { limit: 64 << 20 } });
    const before = readSystemCpuNs();
    ended(inside("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"));
    const stats = readCgroupStats(cgroup, group);
    expect(stats.cpu.totalNs).toBeGreaterThan(0);
    expect(stats.cpu.userNs + stats.cpu.systemNs).toBeGreaterThan(0);
    expect(stats.memory.limitBytes).toBe(64 << 20);
    expect(Object.keys(stats.memory.stat).length).toBeGreaterThan(10);
    expect(stats.pids).toEqual({ current: 0, limit: null });
    expect(readSystemCpuNs()).toBeGreaterThan(before);
    expect(readCgroupStats(cgroup, `${parent}/none`).memory.usageBytes).toBe(0);
  });

  test("creation makes parents, says whether it was first, and removal takes nested groups", async () => {
    const [hierarchy] = cgroupHierarchies(cgroup);
    if (hierarchy === undefined) throw new Error("no hierarchy");
    expect(createCgroup(cgroup, hierarchy, `${group}/a/b`)).toBe(true);
    expect(createCgroup(cgroup, hierarchy, `${group}/a/b`)).toBe(false);
    expect(listCgroups(cgroup, parent)).toEqual(["container"]);
    await removeCgroup(cgroup, group);
    expect(listCgroups(cgroup, parent)).toEqual([]);
    await removeCgroup(cgroup, group);
  });

  test("a group with a process is busy until it has ended", async () => {
    limited({});
    const pid = inside("sleep 100");
    await until("the group to do so", () => listCgroupProcesses(cgroup, group).length > 0);
    expect(tryRemoveCgroup(cgroup, group)).toBeString();
    const removal = killCgroup(cgroup, group).then(() => removeCgroup(cgroup, group));
    expect(ended(pid)).toMatchObject({ signal: 9 });
    await removal;
    expect(tryRemoveCgroup(cgroup, group)).toBeUndefined();
  });

  test("a write that the kernel refuses throws with its errno, or is told when that was tolerated", () => {
    limited({});
    const [hierarchy, file] = cgroup.mode === "v2" ? ["unified", "pids.max"] : ["pids", "pids.max"];
    const write = (tolerate: string[]): string | undefined =>
      new CgroupWriter(cgroup).write(hierarchy, group, file, "nonsense", tolerate);
    expect(write(["EINVAL"])).toBe("pids.max was not set to nonsense: invalid argument");
    let caught: unknown;
    try {
      write([]);
    } catch (thrown) {
      caught = thrown;
    }
    expect(caught instanceof SyscallError ? caught.code : caught).toBe("EINVAL");
  });
});

/**
 * Limits that bound each other, below a parent that allows little: whichever of the two is written first, half of these
 * changes have a moment that the kernel refuses. Each row is gone through forwards and backwards.
 */
const bounded: Readonly<
  Record<string, { readonly above?: CgroupResources; readonly states: readonly CgroupResources[] }>
> = {
  "period and quota": {
    above: { cpu: { period: 100_000, quota: 50_000 } },
    states: [
      { cpu: { period: 1_000_000, quota: 500_000 } },
      { cpu: { period: 10_000, quota: 3_000 } },
      { cpu: { period: 200_000, quota: 100_000 } },
      { cpu: { period: 50_000, quota: 25_000 } },
      { cpu: { period: 100_000, quota: -1 } },
      { cpu: { period: 1_000_000, quota: 400_000 } },
    ],
  },
  "quota and burst": {
    states: [
      { cpu: { period: 100_000, quota: 80_000, burst: 80_000 } },
      { cpu: { period: 100_000, quota: 20_000, burst: 10_000 } },
      { cpu: { period: 50_000, quota: 50_000, burst: 50_000 } },
      { cpu: { period: 100_000, quota: 5_000, burst: 0 } },
    ],
  },
  "real-time period and runtime": {
    above: { cpu: { realtimePeriod: 1_000_000, realtimeRuntime: 100_000 } },
    states: [
      { cpu: { realtimePeriod: 1_000_000, realtimeRuntime: 100_000 } },
      { cpu: { realtimePeriod: 100_000, realtimeRuntime: 5_000 } },
      { cpu: { realtimePeriod: 400_000, realtimeRuntime: 40_000 } },
      { cpu: { realtimePeriod: 10_000, realtimeRuntime: 1_000 } },
    ],
  },
  "memory and its sum with swap": {
    states: [
      { memory: { limit: 64 << 20, swap: 64 << 20 } },
      { memory: { limit: 256 << 20, swap: 300 << 20 } },
      { memory: { limit: 8 << 20, swap: 16 << 20 } },
      { memory: { limit: -1, swap: -1 } },
      { memory: { limit: 32 << 20, swap: -1 } },
    ],
  },
  "weight and idleness": {
    states: [{ cpu: { idle: 1 } }, { cpu: { shares: 2048, idle: 0 } }],
  },
  "processors and memory nodes": {
    states: [
      { cpu: { cpus: "0", mems: "0" } },
      { cpu: { cpus: readTextIfPossible("/sys/devices/system/cpu/online")?.trim() ?? "0", mems: "0" } },
    ],
  },
};

function valuesOf(decision: ReturnType<typeof decideCgroup>): Record<string, string> {
  return Object.fromEntries(
    decision.writes.map(({ hierarchy, file }) => [
      `${hierarchy}/${file}`,
      readTextIfPossible(`${cgroupPath(cgroup, hierarchy, group)}/${file}`)?.trim() ?? "",
    ]),
  );
}

/** How version 1 shows that memory has no limit. */
const unlimitedBytes = "9223372036854771712";

function wantedOf(decision: ReturnType<typeof decideCgroup>): Record<string, string> {
  return Object.fromEntries(
    decision.writes.map(({ hierarchy, file, value }) => [
      `${hierarchy}/${file}`,
      value === "-1" && file.startsWith("memory.") ? unlimitedBytes : value,
    ]),
  );
}

describe.skipIf(machine.mode === "none")("limits that bound each other", () => {
  for (const [name, { above, states }] of Object.entries(bounded)) {
    const isVersion1Only = name.startsWith("real-time");
    test.skipIf(isVersion1Only && machine.mode === "v2")(`${name}: every change of them is possible`, () => {
      prepareCgroupParent(cgroup, parent);
      if (above !== undefined) applyCgroup(cgroup, parent, decideCgroup(above, cgroup));
      for (const from of states) {
        for (const to of states) {
          // As a creation does it, which knows nothing of what somebody has left there.
          const made = decideCgroup(from, cgroup);
          applyCgroup(cgroup, group, made);
          expect({ from, to, ...valuesOf(made) }).toEqual({ from, to, ...wantedOf(made) });
          const changed = decideCgroup(to, cgroup, readCurrentMemory(cgroup, group));
          changeCgroup(cgroup, group, changed);
          expect({ from, to, ...valuesOf(changed) }).toEqual({ from, to, ...wantedOf(changed) });
        }
      }
    });
  }

  test("a change that is refused for good leaves all of them as they were", () => {
    prepareCgroupParent(cgroup, parent);
    applyCgroup(cgroup, parent, decideCgroup({ cpu: { period: 100_000, quota: 50_000 } }, cgroup));
    applyCgroup(cgroup, group, decideCgroup({ cpu: { period: 1_000_000, quota: 500_000 } }, cgroup));
    const refused = decideCgroup({ cpu: { period: 10_000, quota: 20_000, burst: 30_000 } }, cgroup);
    const before = valuesOf(refused);
    expect(() => changeCgroup(cgroup, group, refused)).toThrow("EINVAL");
    expect(valuesOf(refused)).toEqual(before);
  });
});
