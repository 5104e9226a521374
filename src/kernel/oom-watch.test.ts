import { expect, test } from "bun:test";
import { readdirSync, watch } from "node:fs";
import { until } from "../../test/support/until.ts";
import { randomHex } from "../lib/ids.ts";
import { cgroupPath, decideCgroup } from "../linux/cgroup.ts";
import { v1Hierarchy } from "../linux/host-facts.ts";
import { applyCgroup, removeCgroup } from "./cgroup.ts";
import { watchOomKills } from "./oom-watch.ts";
import { reapChild } from "./pidfd.ts";
import { probe } from "./probe.ts";
import { spawn } from "./spawn.ts";

const facts = probe().cgroup;

test("each OOM kill is heard, then the end of the group, and no descriptor stays", async () => {
  const directory = `/tiffin-test-${randomHex(8)}`;
  const resources = { memory: { limit: 8 << 20, swap: 8 << 20 } };
  applyCgroup(facts, directory, decideCgroup(resources, facts));
  // The first watch of a process opens what all of them share and what stays.
  watch("/").close();
  const before = readdirSync("/proc/self/fd").length;
  const totals: number[] = [];
  let ended = 0;
  const watching = watchOomKills(
    facts,
    directory,
    (total) => totals.push(total),
    () => {
      ended += 1;
    },
  );
  try {
    const memory = v1Hierarchy(facts, "memory")?.name ?? "unified";
    const path = cgroupPath(facts, memory, directory);
    for (const expected of [1, 2]) {
      const argv = ["sh", "-c", `echo 0 > ${path}/cgroup.procs; exec tail /dev/zero`];
      const pid = spawn({ executable: "/bin/sh", argv });
      await until("the kernel to tell", () => totals.at(-1) === expected);
      expect(reapChild(pid, { block: true })).toMatchObject({ signal: 9 });
    }
    expect(totals).toEqual([1, 2]);
  } finally {
    await removeCgroup(facts, directory);
  }
  await until("the kernel to tell", () => ended === 1);
  watching[Symbol.dispose]();
  await until("the kernel to tell", () => readdirSync("/proc/self/fd").length <= before);
  expect(totals).toEqual([1, 2]);
});

test("watching can be stopped early", async () => {
  const directory = `/tiffin-test-${randomHex(8)}`;
  applyCgroup(facts, directory, decideCgroup({}, facts));
  const before = readdirSync("/proc/self/fd").length;
  let calls = 0;
  const count = (): void => {
    calls += 1;
  };
  watchOomKills(facts, directory, count, count)[Symbol.dispose]();
  await until("the kernel to tell", () => readdirSync("/proc/self/fd").length <= before);
  await removeCgroup(facts, directory);
  expect(calls).toBe(0);
});
