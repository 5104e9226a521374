/** Checks that only a machine with everything in cgroup v2 can make; elsewhere they are skipped, with the reason. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { randomHex } from "../lib/ids.ts";
import { decideCgroup } from "../linux/cgroup.ts";
import type { CgroupResources } from "../linux/cgroup-resources.ts";
import { attachedDevicePrograms } from "./bpf.ts";
import {
  applyCgroup,
  openCgroupDirectory,
  prepareCgroupParent,
  readCurrentMemory,
  readOomKills,
  removeCgroup,
} from "./cgroup.ts";
import { killCgroup } from "./cgroup-processes.ts";
import { readCgroupStats } from "./cgroup-statistics.ts";
import { readTextIfPossible } from "./files.ts";
import { reapChild } from "./pidfd.ts";
import { probe } from "./probe.ts";
import { spawn } from "./spawn.ts";

const facts = probe().cgroup;
const mountPoint = facts.v2?.mountPoint ?? "";
let parent = "";
let group = "";

beforeEach(() => {
  parent = `/tiffin-test-${randomHex(8)}`;
  group = `${parent}/container`;
});
afterEach(async () => {
  if (facts.mode !== "v2") return;
  await killCgroup(facts, parent);
  await removeCgroup(facts, parent);
});

function limited(resources: CgroupResources): string[] {
  prepareCgroupParent(facts, parent);
  return applyCgroup(facts, group, decideCgroup(resources, facts));
}

const read = (file: string): string | undefined =>
  readTextIfPossible(`${mountPoint}${group}/${file}`)?.trim();

function run(script: string): ReturnType<typeof reapChild> {
  const argv = ["sh", "-c", `echo 0 > ${mountPoint}${group}/cgroup.procs; ${script}`];
  return reapChild(spawn({ executable: "/bin/sh", argv, env: ["PATH=/usr/bin:/bin"] }), { block: true });
}

describe.skipIf(facts.mode !== "v2")("pure cgroup v2 (skipped where controllers are in v1)", () => {
  test("controllers are delegated and limits arrive", () => {
    const warnings = limited({
      memory: { limit: 64 << 20, swap: 96 << 20, reservation: 32 << 20 },
      cpu: { shares: 1024, quota: 50_000, period: 100_000, cpus: "0" },
      pids: { limit: 17 },
    });
    expect(warnings).toEqual([]);
    expect([
      read("memory.max"),
      read("memory.swap.max"),
      read("memory.low"),
      read("cpu.weight"),
      read("cpu.max"),
      read("cpuset.cpus"),
      read("pids.max"),
    ]).toEqual(["67108864", "33554432", "33554432", "100", "50000 100000", "0", "17"]);
    expect(readCurrentMemory(facts, group)).toEqual({ limitBytes: 64 << 20, memoryAndSwapBytes: 96 << 20 });
    expect(readCgroupStats(facts, group).memory.limitBytes).toBe(64 << 20);
  });

  test("an update replaces limits, down and up", () => {
    limited({ memory: { limit: 64 << 20, swap: 64 << 20 } });
    for (const limit of [32 << 20, 128 << 20]) {
      applyCgroup(
        facts,
        group,
        decideCgroup({ memory: { limit, swap: limit } }, facts, readCurrentMemory(facts, group)),
      );
      expect([read("memory.max"), read("memory.swap.max")]).toEqual([String(limit), "0"]);
    }
  });

  test("the OOM killer is counted", () => {
    limited({ memory: { limit: 8 << 20, swap: 8 << 20 } });
    expect(run("exec tail /dev/zero")).toEqual({ kind: "signaled", signal: 9, coreDumped: false });
    expect(readOomKills(facts, group)).toBe(1);
  });

  test("device rules decide, and an update replaces the program", () => {
    limited({ devices: [{ allow: false }] });
    expect(run("head -c 1 /dev/zero > /dev/null")).toEqual({ kind: "exited", code: 0 });
    const readKmsg = "true 2> /dev/null < /dev/kmsg || exit 7";
    expect(run(readKmsg)).toEqual({ kind: "exited", code: 7 });
    const kmsg = { allow: true, type: "c", major: 1, minor: 11, access: "r" };
    applyCgroup(facts, group, decideCgroup({ devices: [{ allow: false }, kmsg] }, facts));
    expect(run(readKmsg)).toEqual({ kind: "exited", code: 0 });
    using directory = openCgroupDirectory(facts, group);
    expect(attachedDevicePrograms(directory).length).toBe(1);
  });

  test("a file of the unified map is written as it is", () => {
    limited({ unified: { "memory.high": "50331648", "pids.max": "9" } });
    expect([read("memory.high"), read("pids.max")]).toEqual(["50331648", "9"]);
  });
});
