import { afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { randomHex } from "../lib/ids.ts";
import { cgroupPath, decideCgroup, unifiedHierarchy } from "../linux/cgroup.ts";
import type { CgroupResources } from "../linux/cgroup-resources.ts";
import { type HostFacts, v1Hierarchy } from "../linux/host-facts.ts";
import {
  applyCgroup,
  cgroupHierarchies,
  createCgroup,
  listCgroups,
  openCgroupTasks,
  openOomFile,
  prepareCgroupParent,
  readCurrentMemory,
  readOomKills,
  removeCgroup,
  tryRemoveCgroup,
  writeCgroupFile,
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

let facts: HostFacts;
let parent = "";
let group = "";
const children: number[] = [];

beforeAll(() => {
  facts = probe();
});
beforeEach(() => {
  parent = `/tiffin-test-${randomHex(8)}`;
  group = `${parent}/container`;
});
afterEach(async () => {
  await killCgroup(facts.cgroup, parent);
  for (const pid of children.splice(0)) reapChild(pid, { block: true });
  await removeCgroup(facts.cgroup, parent);
});

/** Makes the group with these limits. */
function limited(resources: CgroupResources): string[] {
  prepareCgroupParent(facts.cgroup, parent);
  return applyCgroup(facts.cgroup, group, decideCgroup(resources, facts.cgroup));
}

/** A shell that moves itself into every v1 group (and v2) and then runs `script`. */
function inside(script: string): number {
  const moves = cgroupHierarchies(facts.cgroup).flatMap((hierarchy) => {
    const path = cgroupPath(facts.cgroup, hierarchy, group);
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

async function until(what: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    if (what()) return;
    await Bun.sleep(5);
  }
  throw new Error("it did not happen");
}

const v1 = (): boolean => probe().cgroup.mode !== "v2";

describe.skipIf(!v1())("cgroup v1 and hybrid", () => {
  test("limits arrive in the kernel's files", () => {
    const warnings = limited({
      memory: { limit: 64 << 20, swap: 64 << 20, reservation: 32 << 20 },
      cpu: { shares: 512, quota: 50_000, period: 100_000, cpus: "0" },
      pids: { limit: 17 },
    });
    expect(warnings).toEqual([]);
    const read = (controller: string, file: string): string | undefined =>
      readTextIfPossible(`${v1Hierarchy(facts.cgroup, controller)?.mountPoint}${group}/${file}`)?.trim();
    expect([
      read("memory", "memory.limit_in_bytes"),
      read("memory", "memory.memsw.limit_in_bytes"),
      read("cpu", "cpu.shares"),
      read("cpu", "cpu.cfs_quota_us"),
      read("cpuset", "cpuset.cpus"),
      read("cpuset", "cpuset.mems"),
      read("pids", "pids.max"),
    ]).toEqual(["67108864", "67108864", "512", "50000", "0", "0", "17"]);
    expect(readCurrentMemory(facts.cgroup, group)).toEqual({
      limitBytes: 64 << 20,
      memoryAndSwapBytes: 64 << 20,
    });
  });

  test("an update can raise and lower memory and swap in either direction", () => {
    limited({ memory: { limit: 64 << 20, swap: 64 << 20 } });
    for (const size of [128 << 20, 32 << 20]) {
      const current = readCurrentMemory(facts.cgroup, group);
      applyCgroup(
        facts.cgroup,
        group,
        decideCgroup({ memory: { limit: size, swap: size } }, facts.cgroup, current),
      );
      expect(readCurrentMemory(facts.cgroup, group)).toEqual({ limitBytes: size, memoryAndSwapBytes: size });
    }
  });

  test("the OOM killer is counted for the group that it struck", () => {
    limited({ memory: { limit: 8 << 20, swap: 8 << 20 } });
    const pid = inside("exec tail /dev/zero");
    expect(ended(pid)).toEqual({ kind: "signaled", signal: 9, coreDumped: false });
    expect(readOomKills(facts.cgroup, group)).toBe(1);
    const file = openOomFile(facts.cgroup, group);
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
    using tasks = openCgroupTasks(facts.cgroup, v1Hierarchy(facts.cgroup, "memory")?.name ?? "", group);
    const pid = spawn({
      executable: "/bin/sh",
      argv: ["sh", "-c", "echo 0 >&3; read x <&1"],
      fds: [[tasks, 3]],
    });
    children.push(pid);
    expect(ended(pid)).toEqual({ kind: "exited", code: 1 });
  });
});

describe("any version", () => {
  test("the pids limit bites", () => {
    limited({ pids: { limit: 2 } });
    expect(ended(inside("(true | true | true | true) 2>/dev/null"))).not.toEqual({ kind: "exited", code: 0 });
  });

  test("listing, freezing, thawing and killing reach nested groups", async () => {
    limited({});
    const pid = inside("sleep 100 & sleep 100 & wait");
    await until(() => listCgroupProcesses(facts.cgroup, group).length === 3);
    const nested = cgroupHierarchies(facts.cgroup).find((name) => name === "unified") ?? "memory";
    const path = cgroupPath(facts.cgroup, nested, `${group}/nested`) ?? "";
    mkdirSync(path);
    await Bun.write(`${path}/cgroup.procs`, String(listCgroupProcesses(facts.cgroup, group)[2]));
    expect(listCgroupProcesses(facts.cgroup, group).length).toBe(3);
    await freezeCgroup(facts.cgroup, group);
    expect(readFileSync(`/proc/${pid}/status`, "utf8")).toMatch(/^State:\t[SD]/m);
    await thawCgroup(facts.cgroup, group);
    expect(signalCgroup(facts.cgroup, group, 0)).toBe(3);
    await killCgroup(facts.cgroup, group);
    expect(listCgroupProcesses(facts.cgroup, group)).toEqual([]);
    expect(ended(pid)).toEqual({ kind: "signaled", signal: 9, coreDumped: false });
  });

  test("a frozen group can be killed", async () => {
    limited({});
    const pid = inside("sleep 100");
    await until(() => listCgroupProcesses(facts.cgroup, group).length > 0);
    await freezeCgroup(facts.cgroup, group);
    await killCgroup(facts.cgroup, group);
    expect(ended(pid)).toEqual({ kind: "signaled", signal: 9, coreDumped: false });
  });

  test("statistics move with the work that is done", () => {
    limited({ memory: { limit: 64 << 20 } });
    const before = readSystemCpuNs();
    ended(inside("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"));
    const stats = readCgroupStats(facts.cgroup, group);
    expect(stats.cpu.totalNs).toBeGreaterThan(0);
    expect(stats.memory.limitBytes).toBe(64 << 20);
    expect(Object.keys(stats.memory.stat).length).toBeGreaterThan(10);
    expect(stats.pids).toEqual({ current: 0, limit: null });
    expect(readSystemCpuNs()).toBeGreaterThan(before);
    expect(readCgroupStats(facts.cgroup, `${parent}/none`).memory.usageBytes).toBe(0);
  });

  test("creation makes parents, says whether it was first, and removal takes nested groups", async () => {
    const [hierarchy] = cgroupHierarchies(facts.cgroup);
    if (hierarchy === undefined) throw new Error("no hierarchy");
    expect(createCgroup(facts.cgroup, hierarchy, `${group}/a/b`)).toBe(true);
    expect(createCgroup(facts.cgroup, hierarchy, `${group}/a/b`)).toBe(false);
    expect(listCgroups(facts.cgroup, parent)).toEqual(["container"]);
    await removeCgroup(facts.cgroup, group);
    expect(listCgroups(facts.cgroup, parent)).toEqual([]);
    await removeCgroup(facts.cgroup, group);
  });

  test("a group with a process is busy until it has ended", async () => {
    limited({});
    const pid = inside("sleep 100");
    await until(() => listCgroupProcesses(facts.cgroup, group).length > 0);
    expect(tryRemoveCgroup(facts.cgroup, group)).toBeString();
    const removal = killCgroup(facts.cgroup, group).then(() => removeCgroup(facts.cgroup, group));
    expect(ended(pid)).toMatchObject({ signal: 9 });
    await removal;
    expect(tryRemoveCgroup(facts.cgroup, group)).toBeUndefined();
  });

  test("a write that the kernel refuses throws with its errno, or is told when that was tolerated", () => {
    limited({});
    const [hierarchy, file] = facts.cgroup.mode === "v2" ? ["unified", "pids.max"] : ["pids", "pids.max"];
    const write = (tolerate: string[]): string | undefined =>
      writeCgroupFile(facts.cgroup, hierarchy, group, file, "nonsense", tolerate);
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
