/** Limits that bite, seen from inside the container and in the kernel's own files outside. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { until } from "../support/until.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const output = async (...args: readonly string[]): Promise<string> => await engine.output(...args);

/** A limit file of the container's first process, wherever its controller is mounted. */
function cgroupFile(pid: number, controller: string, v1: string, v2: string): string {
  const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().split("\n");
  const line = lines.find((text) => text.split(":")[1]?.split(",").includes(controller));
  const path = (line ?? lines.find((text) => text.startsWith("0::")) ?? "").split(":")[2];
  const base =
    line === undefined ? `/sys/fs/cgroup${path}/${v2}` : `/sys/fs/cgroup/${controller}${path}/${v1}`;
  return readFileSync(base, "utf8").trim();
}

const pidOf = async (name: string): Promise<number> =>
  Number(await output("inspect", "--format", "{{.State.Pid}}", name));

test("memory: the program that takes too much is killed, 137, and inspect says OOMKilled", async () => {
  const hungry = "dd if=/dev/zero of=/dev/null bs=64M count=1";
  const result = await engine.cli(
    "run",
    "--name",
    "hungry",
    "-m",
    "16m",
    "--memory-swap",
    "16m",
    "base",
    "sh",
    "-c",
    `exec ${hungry}`,
  );
  expect(result.exitCode).toBe(137);
  expect(await output("inspect", "--format", "{{.State.OOMKilled}} {{.State.ExitCode}}", "hungry")).toBe(
    "true 137",
  );
});

test("memory: a plain SIGKILL is 137 without OOMKilled", async () => {
  await output("run", "-d", "--name", "killed", "-m", "16m", "base", "sleep", "1000");
  expect(cgroupFile(await pidOf("killed"), "memory", "memory.limit_in_bytes", "memory.max")).toBe("16777216");
  await output("kill", "killed");
  expect(await output("wait", "killed")).toBe("137");
  expect(await output("inspect", "--format", "{{.State.OOMKilled}}", "killed")).toBe("false");
});

test("pids: the fork that is one too many fails", async () => {
  await output("run", "-d", "--name", "forks", "--pids-limit", "8", "base", "sleep", "1000");
  expect(cgroupFile(await pidOf("forks"), "pids", "pids.max", "pids.max")).toBe("8");
  const result = await engine.cli(
    "exec",
    "forks",
    "sh",
    "-c",
    "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 5 & done; wait",
  );
  expect(result.stderr).toContain("can't fork");
});

test("cpus: a busy loop is throttled", async () => {
  await output("run", "-d", "--name", "busy", "--cpus", "0.1", "base", "sh", "-c", "while :; do :; done");
  const pid = await pidOf("busy");
  const quota = cgroupFile(pid, "cpu", "cpu.cfs_quota_us", "cpu.max");
  expect(quota.split(" ")[0]).toBe("10000");
  await until("it to be throttled", () => {
    const stat = cgroupFile(pid, "cpu", "cpu.stat", "cpu.stat");
    return Number(/^nr_throttled (\d+)$/m.exec(stat)?.[1]) > 3;
  });
  await output("rm", "-f", "busy");
});

test("cpu shares and cpuset reach the kernel, and the container sees its processors", async () => {
  await output("run", "-d", "--name", "pinned", "-c", "512", "--cpuset-cpus", "0", "base", "sleep", "1000");
  const pid = await pidOf("pinned");
  expect(cgroupFile(pid, "cpuset", "cpuset.cpus", "cpuset.cpus")).toBe("0");
  expect(readFileSync(`/proc/${pid}/status`, "utf8")).toMatch(/^Cpus_allowed_list:\t0$/m);
  expect(["512", "59"]).toContain(cgroupFile(pid, "cpu", "cpu.shares", "cpu.weight"));
  expect(await output("exec", "pinned", "nproc")).toBe("1");
});

test("rlimits given with --ulimit hold inside", async () => {
  expect(
    await output("run", "--rm", "--ulimit", "nofile=64:128", "base", "sh", "-c", "ulimit -Sn; ulimit -Hn"),
  ).toBe("64\n128");
});

test("cgroup-parent: the limits are in a group below it, and a template of inspect finds what was not set", async () => {
  const parent = `/tiffin-scenario-${process.pid}`;
  await output(
    "run",
    "-d",
    "--name",
    "child",
    "--cgroup-parent",
    parent,
    "-m",
    "32m",
    "base",
    "sleep",
    "1000",
  );
  expect(cgroupFile(await pidOf("child"), "memory", "memory.limit_in_bytes", "memory.max")).toBe("33554432");
  expect(readFileSync(`/proc/${await pidOf("child")}/cgroup`, "utf8")).toContain(`:${parent}/`);
  const format = "{{.HostConfig.NanoCPUs}} {{.HostConfig.Binds}} {{.Config.StopSignal}}|{{.State.Health}}";
  expect(await output("inspect", "--format", format, "child")).toBe("0 [] |<nil>");
  await output("rm", "-f", "child");
  expect(existsSync(`/sys/fs/cgroup/memory${parent}`) || existsSync(`/sys/fs/cgroup${parent}`)).toBe(false);
});

test("values that cannot be are refused with exit code 125 and leave no container", async () => {
  const before = await output("ps", "-aq");
  for (const [option, value] of [
    ["-m", "1k"],
    ["--cpus", "-1"],
    ["--cpus", "1000"],
    ["--cpuset-cpus", "99"],
    ["-m", "banana"],
    ["--pids-limit", "many"],
  ] as const) {
    const result = await engine.cli("run", option, value, "base", "true");
    expect({ option, value, code: result.exitCode, out: result.stdout }).toEqual({
      option,
      value,
      code: 125,
      out: "",
    });
    expect(result.stderr).not.toBe("");
  }
  expect(await output("ps", "-aq")).toBe(before);
});
