/** A container as /proc shows it: by its name, by a number inside it, in the tree of all processes, in its groups. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
  await engine.output(
    "run",
    "-d",
    "--name",
    "web",
    "-m",
    "64m",
    "--pids-limit",
    "50",
    "-e",
    "PLACE=here",
    "base",
    "sleep",
    "1000",
  );
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const json = async (...words: readonly string[]) => JSON.parse(await engine.output(...words, "--json"));

test("a container's first process, and the same by its number inside", async () => {
  const pid = Number(await engine.output("inspect", "--format", "{{.State.Pid}}", "web"));
  const environment = await json("proc", "environ", "web");
  expect(environment).toContainEqual({ name: "PLACE", value: "here" });
  expect((await json("proc", "status", "web", "1")).NSpid.value).toEqual([pid, 1]);
  expect((await json("proc", "status", String(pid))).Pid.value).toBe(pid);
  expect(await engine.output("proc", "cmdline", "web")).toContain("1000");
});

test("a program that exec began is in the container's tree, under its name", async () => {
  await engine.output("exec", "-d", "web", "sleep", "2000");
  const rows: { command: string; container: string; inside: number }[] = await json("proc", "tree", "web");
  expect(rows.map(({ command, container }) => [command, container]).sort()).toEqual([
    ["sleep 1000", "web"],
    ["sleep 2000", "web"],
  ]);
  const namespaces: { type: string; containers: string[]; processes: number }[] = await json(
    "ns",
    "--type",
    "net",
  );
  expect(namespaces.filter(({ containers }) => containers.includes("web"))).toMatchObject([
    { type: "net", processes: 2 },
  ]);
});

test("its groups show its limits, up to the root", async () => {
  const id = await engine.output("inspect", "--format", "{{.Id}}", "web");
  const { memory, pids, cpu } = await json("cgroup", "web");
  expect(memory[0].group).toEndWith(id);
  expect(memory[0].limit).toBe(64 * 1024 * 1024);
  expect(memory[0].used).toBeGreaterThan(0);
  expect(memory.at(-1).group).toBe("/");
  expect(pids[0]).toMatchObject({ limit: 50, current: 2 });
  expect(cpu[0].group).toBe(memory[0].group);
});

test("what is not there and what does not run is said in one line", async () => {
  await engine.output("create", "--name", "idle", "base", "true");
  expect(await engine.cli("proc", "status", "idle")).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("container idle is not running (created)"),
  });
  expect(await engine.cli("proc", "status", "nobody")).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("No such container: nobody"),
  });
  expect(await engine.cli("proc", "status", "web", "99")).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("container web has no process 99; it has 1"),
  });
  expect((await engine.cli("proc", "satus", "web")).stderr).toContain('did you mean "status"?');
  expect((await engine.cli("proc", "modules", "--raw")).stderr).toContain("modules has no --raw");
});

test("the check answers with what it found, and its exit code with the worst of it", async () => {
  const result = await engine.cli("check", "--json");
  const { verdict, groups } = JSON.parse(result.stdout);
  expect(result.exitCode).toBe(["ok", "limited", "missing"].indexOf(verdict));
  const all: { id: string; verdict: string }[] = groups.flatMap(
    ({ checks }: { checks: unknown[] }) => checks,
  );
  // This very suite runs containers on it.
  expect(all.filter((one) => one.verdict === "missing")).toEqual([]);
  expect(all.find(({ id }) => id === "network.veth")?.verdict).toBe("ok");
  expect((await engine.cli("check")).stdout).not.toContain("\u001b");
});
