/** Between two runs a container is restarting: to clients it runs, and who stops or kills it then has stopped it for good. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { until } from "../support/until.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const state = async (name: string): Promise<string> =>
  await engine.output(
    "inspect",
    "--format",
    "{{.State.Status}} {{.State.Running}} {{.State.Restarting}} {{.State.ExitCode}}",
    name,
  );

/** A container that ends at once, several times in a row, so that its pauses have become long. */
async function restarting(name: string, ...flags: readonly string[]): Promise<void> {
  await engine.output(
    "run",
    "-d",
    "--name",
    name,
    "--restart",
    "always",
    ...flags,
    "base",
    "sh",
    "-c",
    "exit 7",
  );
  await until("a long pause", async () => {
    const text = await engine.output("inspect", "--format", "{{.State.Status}} {{.RestartCount}}", name);
    return text.startsWith("restarting") && Number(text.split(" ")[1]) >= 5;
  });
}

test("it counts as running, and lists say that it is restarting", async () => {
  await restarting("again");
  expect(await state("again")).toBe("restarting true true 7");
  const rows = await engine.output(
    "ps",
    "--format",
    "{{.Names}} {{.State}} {{.Status}}",
    "--filter",
    "name=again",
  );
  expect(rows).toMatch(/^again restarting Restarting \(7\) .* ago$/);
  expect(await engine.output("ps", "-q", "--filter", "status=restarting")).not.toBe("");
  const removal = await engine.cli("rm", "again");
  expect([removal.exitCode, removal.stderr]).toEqual([1, expect.stringContaining("container is restarting")]);
  for (const args of [
    ["exec", "again", "true"],
    ["attach", "again"],
  ]) {
    const { exitCode, stderr } = await engine.cli(...args);
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/is restarting, wait until|attach to a restarting container/);
  }
  await engine.output("rename", "again", "renamed");
  expect(await engine.output("rm", "-f", "renamed")).toBe("renamed");
  expect(await engine.output("ps", "-aq", "--filter", "name=renamed")).toBe("");
});

test("stop and every kill in the pause end it for good, and a wait for its end hears of it", async () => {
  for (const [name, ...command] of [
    ["stopped", "stop"],
    ["killed", "kill"],
    ["hung-up", "kill", "-s", "HUP"],
  ] as const) {
    await restarting(name);
    const waited = engine.output("wait", name);
    expect(await engine.output(...command, name)).toBe(name);
    expect(await state(name)).toBe("exited false false 7");
    expect(await waited).toBe("7");
    // It can be started by hand, and its policy holds again.
    await engine.output("start", name);
    await until("its next end", async () => (await state(name)).startsWith("restarting"));
    await engine.output("rm", "-f", name);
  }
});

test("a signal that is meant to end a container keeps it down", async () => {
  for (const [name, signal, ...flags] of [
    ["by-term", "TERM"],
    ["by-kill", "KILL"],
    ["by-own", "USR1", "--stop-signal", "USR1"],
  ] as const) {
    const script = "trap 'exit 5' TERM USR1; touch /ready; while :; do sleep 0.05; done";
    await engine.output(
      "run",
      "-d",
      "--name",
      name,
      "--restart",
      "always",
      ...flags,
      "base",
      "sh",
      "-c",
      script,
    );
    await until(
      "the trap",
      async () => (await engine.cli("exec", name, "test", "-e", "/ready")).exitCode === 0,
    );
    await engine.output("kill", "-s", signal, name);
    await until("the end", async () => !(await state(name)).startsWith("running"));
    expect(await state(name)).toBe(`exited false false ${signal === "KILL" ? 137 : 5}`);
    await engine.output("rm", name);
  }
});

test("an end that nobody asked for is followed by another run", async () => {
  await engine.output(
    "run",
    "-d",
    "--name",
    "falls",
    "--restart",
    "on-failure:2",
    "base",
    "sh",
    "-c",
    "exit 3",
  );
  await until("the last try", async () => (await state("falls")) === "exited false false 3");
  expect(await engine.output("inspect", "--format", "{{.RestartCount}}", "falls")).toBe("2");
  await engine.output("rm", "falls");
});

test("an engine that is killed in the pause is followed by one that goes on restarting", async () => {
  await restarting("survives");
  await engine.crash();
  await engine.start();
  await until("another run", async () => {
    const text = await engine.output(
      "inspect",
      "--format",
      "{{.State.Status}} {{.RestartCount}}",
      "survives",
    );
    return /^restarting [1-9]/.test(text);
  });
  await engine.output("stop", "survives");
  expect(await state("survives")).toBe("exited false false 7");
  await engine.output("rm", "survives");
});

test("an exec that meets the end of its container is told so, never a fault", async () => {
  const answers = new Set<string>();
  for (let round = 0; round < 40; round += 1) {
    const name = `short-${round}`;
    await engine.output("run", "-d", "--name", name, "base", "sleep", "0.05");
    for (let tries = 0; tries < 6; tries += 1) {
      const created = await engine.http("POST", `/containers/${name}/exec`, {
        Cmd: ["true"],
        AttachStdout: true,
      });
      if (created.status !== 201) {
        answers.add(`create ${created.status}`);
        break;
      }
      const { Id } = created.json() as { readonly Id: string };
      const started = await engine.http("POST", `/exec/${Id}/start`, { Detach: true });
      answers.add(`start ${started.status}`);
    }
    await engine.output("rm", "-f", name);
  }
  for (const answer of answers)
    expect(["create 409", "start 200", "start 204", "start 409"]).toContain(answer);
});
