/** What `update` changes of a container while it runs, beyond Docker's limits and policies. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { succeeds } from "../support/until.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
  const options = ["--label", "course=first", "--label", "old=yes", "-e", "DISH=soup", "-e", "OLD=1"];
  await engine.output("run", "-d", "--name", "live", ...options, "base", "sleep", "1000");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const output = async (...words: readonly string[]): Promise<string> => await engine.output(...words);

test("labels come, change and go; filters see them at once", async () => {
  const changes = ["--label-add", "course=second", "--label-add", "new", "--label-rm", "old"];
  expect(await output("update", ...changes, "live")).toBe("live");
  expect(JSON.parse(await output("inspect", "--format", "{{json .Config.Labels}}", "live"))).toEqual({
    course: "second",
    new: "",
  });
  expect(await output("ps", "--filter", "label=course=second", "--format", "{{.Names}}")).toBe("live");
  expect(await output("ps", "-q", "--filter", "label=old")).toBe("");
});

test("environment counts for later execs and for the next start, and the running program keeps its own", async () => {
  await output("update", "--env-add", "DISH=stew=hot", "--env-rm", "OLD", "live");
  expect(await output("exec", "live", "sh", "-c", "echo $DISH:$OLD")).toBe("stew=hot:");
  expect(await output("exec", "live", "sh", "-c", "tr '\\0' '\\n' </proc/1/environ | grep DISH")).toBe(
    "DISH=soup",
  );
  expect(JSON.parse(await output("inspect", "--format", "{{json .Config.Env}}", "live"))).toContain(
    "DISH=stew=hot",
  );
  await output("restart", "-t", "0", "live");
  expect(
    await output("exec", "live", "sh", "-c", "tr '\\0' '\\n' </proc/1/environ | grep -E 'DISH|OLD'"),
  ).toBe("DISH=stew=hot");
});

test("a check of health begins, changes and ends while the container runs", async () => {
  const status = () =>
    output("inspect", "--format", "{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}", "live");
  const becomes = (wanted: string) => succeeds(async () => expect(await status()).toBe(wanted));
  expect(await status()).toBe("none");
  await output("update", "--health-cmd", "true", "--health-interval", "50ms", "live");
  await becomes("healthy");
  // What is not said stays: the interval.
  await output("update", "--health-cmd", "false", "--health-retries", "1", "live");
  await becomes("unhealthy");
  expect(await output("inspect", "--format", "{{json .Config.Healthcheck.Interval}}", "live")).toBe(
    "50000000",
  );
  await output("update", "--no-healthcheck", "live");
  await becomes("none");
});

test("all of it outlives the engine", async () => {
  await output("update", "--label-add", "kept=1", "--env-add", "KEPT=1", "live");
  await engine.crash();
  await engine.start();
  expect(await output("inspect", "--format", "{{.Config.Labels.kept}}", "live")).toBe("1");
  expect(await output("exec", "live", "sh", "-c", "echo $KEPT")).toBe("1");
});

test("what cannot be is refused, and then nothing has changed", async () => {
  await output("update", "--no-healthcheck", "live");
  const before = await output("inspect", "live");
  const refused = async (...flags: readonly string[]): Promise<string> => {
    const { exitCode, stderr } = await engine.cli("update", ...flags, "live");
    expect(exitCode).toBe(1);
    return stderr;
  };
  expect(await refused("--env-add", "NOVALUE")).toContain("--env-add wants NAME=value");
  expect(await refused("--env-add", "=x")).toContain("names no variable");
  expect(await refused("--label-add", "=x")).toContain("a label has no name");
  expect(await refused("--health-cmd", "true", "--no-healthcheck")).toContain("conflicts");
  expect(await refused("--label-add", "half=1", "--memory", "1k")).toContain("Minimum memory limit");
  expect(await output("inspect", "live")).toBe(before);
});
