import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import os from "node:os";
import { cgroupFactsOf } from "../linux/cgroup-mounts.ts";
import { kernelAtLeast } from "../linux/host-facts.ts";
import { parseMountInfo } from "../linux/mountinfo.ts";
import { parseProcessCgroups } from "../linux/proc.ts";
import { probe } from "./probe.ts";

test("facts are frozen, plain JSON, and agree with other sources", () => {
  const facts = probe();
  expect(JSON.parse(JSON.stringify(facts))).toEqual(facts);
  expect(Object.isFrozen(facts) && Object.isFrozen(facts.cgroup.v1) && Object.isFrozen(facts.features)).toBe(
    true,
  );
  expect(facts.kernel.release).toBe(os.release());
  expect(facts.hostname).toBe(os.hostname());
  expect(facts.hardware.cpus).toBe(os.cpus().length);
  expect(facts.hardware.memoryBytes).toBe(os.totalmem());
  expect(facts.identity.uid).toBe(process.getuid?.() ?? -1);
  expect(facts.identity.lastCapability).toBeGreaterThanOrEqual(40);
  expect(facts.security.seccompActions).toContain("errno");
  expect(kernelAtLeast(facts, facts.kernel.major, facts.kernel.minor)).toBe(true);
  expect(kernelAtLeast(facts, facts.kernel.major + 1, 0)).toBe(false);
  const [soft, hard] =
    /^Max open files\s+(\d+)\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.slice(1) ?? [];
  expect(facts.identity.hardRlimits["RLIMIT_NOFILE"]).toBe(Number(hard));
  expect(soft).toBeDefined();
});

test("a machine with everything in cgroup v2", () => {
  const mounts = parseMountInfo(
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
  );
  const own = parseProcessCgroups("0::/system.slice/tiffin.service\n");
  expect(cgroupFactsOf(mounts, own, ["cpu", "memory"], true)).toEqual({
    mode: "v2",
    v1: [],
    v2: {
      mountPoint: "/sys/fs/cgroup",
      ownPath: "/system.slice/tiffin.service",
      controllers: ["cpu", "memory"],
    },
    swapAccounting: true,
  });
});

test("a systemd machine with v1 controllers, one mounted twice, seen from a container's part of the tree", () => {
  const mounts = parseMountInfo(
    [
      "31 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
      "33 30 0:29 /docker/c1 /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
      "34 30 0:29 / /elsewhere rw - cgroup cgroup rw,cpu,cpuacct",
      "35 30 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/lib/x,name=systemd",
    ].join("\n"),
  );
  const own = parseProcessCgroups("4:cpu,cpuacct:/docker/c1/engine\n1:name=systemd:/docker/c1\n0::/x\n");
  const facts = cgroupFactsOf(mounts, own, [], false);
  expect(facts.mode).toBe("hybrid");
  expect(facts.v1).toEqual([
    {
      name: "cpu,cpuacct",
      controllers: ["cpu", "cpuacct"],
      mountPoint: "/sys/fs/cgroup/cpu,cpuacct",
      ownPath: "/engine",
    },
    {
      name: "name=systemd",
      controllers: ["name=systemd"],
      mountPoint: "/sys/fs/cgroup/systemd",
      ownPath: "/docker/c1",
    },
  ]);
  expect(cgroupFactsOf([], own, [], false).mode).toBe("none");
});
