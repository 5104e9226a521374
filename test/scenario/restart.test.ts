/** Between two runs a container is restarting: to clients it runs, and who stops or kills it then has stopped it for good. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { pause, until } from "../support/until.ts";

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
    "echo run; exit 3",
  );
  const runs = async (): Promise<number> => (await engine.output("logs", "falls")).split("\n").length;
  await until("the last try", async () => (await state("falls")) === "exited false false 3");
  expect(await engine.output("inspect", "--format", "{{.RestartCount}}", "falls")).toBe("2");
  expect(await runs()).toBe(3);
  // Started by hand it has all its tries again.
  await engine.output("start", "falls");
  await until("the last of all tries", async () => (await runs()) === 6);
  await until("its end", async () => (await state("falls")) === "exited false false 3");
  await engine.output("rm", "falls");
});

test("kill and rm -f end it at whatever moment of a restart they come", async () => {
  // Many at once, so that their starts wait for each other and most requests come in the middle of one.
  const names = Array.from({ length: 16 }, (_, index) => `racing-${index}`);
  for (const offsetMs of [60, 110]) {
    for (const [method, path] of [
      ["POST", "/kill"],
      ["DELETE", "?force=true"],
    ] as const) {
      await Promise.all(
        names.map((name) =>
          engine.output("run", "-d", "--name", name, "--restart", "always", "base", "false"),
        ),
      );
      await pause(offsetMs, "restarts begin");
      const asked = await Promise.all(names.map((name) => engine.http(method, `/containers/${name}${path}`)));
      await pause(300, "a restart that was not called off would show");
      for (const [index, { status, text }] of asked.entries()) {
        // One that comes between the end of a run and its settling meets a container that does not run.
        if (method === "POST" && status === 409) continue;
        expect([status, text]).toEqual([204, ""]);
        const { stdout } = await engine.cli("inspect", "--format", "{{.State.Status}}", `racing-${index}`);
        expect(stdout.trim()).toBe(method === "POST" ? "exited" : "");
      }
      await Promise.all(names.map((name) => engine.http("DELETE", `/containers/${name}?force=true`)));
    }
  }
});

test("a wait in the pause hears of a start that failed, and of a removal", async () => {
  const source = mkdtempSync(join(tmpdir(), "tiffin-test-restart-"));
  await restarting("sourceless", "--mount", `type=bind,source=${source},target=/data`);
  const waited = engine.output("wait", "sourceless");
  await pause(20, "the wait arrives");
  rmdirSync(source);
  expect(await waited).not.toBe("");
  expect(await state("sourceless")).toMatch(/^exited false false/);
  await engine.output("rm", "sourceless");

  await restarting("taken");
  const last = engine.output("wait", "taken");
  await pause(20, "the wait arrives");
  await engine.output("rm", "-f", "taken");
  expect(await last).toBe("7");
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
