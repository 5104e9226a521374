/**
 * A supervisor that is stopped answers nobody. Its container can still be signalled, stopped and removed, whoever needs the
 * supervisor is told so in time, and an engine that starts serves all others at once.
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { pause, until } from "../support/until.ts";

/** Far above what the engine waits by itself, far below what a client would call for ever. */
const soonMs = 15_000;

async function soon<T>(what: string, work: Promise<T>): Promise<T> {
  const late = pause(soonMs, "the limit of a wait").then(() => {
    throw new Error(`${what} did not come to an end`);
  });
  return await Promise.race([work, late]);
}

function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function isRunning(pid: number): boolean {
  try {
    return statOf(pid)[0] !== "Z";
  } catch {
    return false;
  }
}

/** Stops the supervisor of a container, and lets it go on at the end of the test. */
async function stopSupervisor(
  engine: TestEngine,
  name: string,
): Promise<Disposable & { pid: number; main: number }> {
  const main = Number(await engine.output("inspect", "--format", "{{.State.Pid}}", name));
  const pid = Number(statOf(main)[1]);
  process.kill(pid, "SIGSTOP");
  await until("the supervisor to stop", () => statOf(pid)[0] === "T");
  return {
    pid,
    main,
    [Symbol.dispose]() {
      if (isRunning(pid)) process.kill(pid, "SIGCONT");
    },
  };
}

async function status(engine: TestEngine, name: string): Promise<string> {
  return await engine.output("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name);
}

const obedient = ["sh", "-c", "trap 'exit 5' TERM; trap : USR1; echo ready; while :; do sleep 0.05; done"];

/** Runs it until its traps are set. */
async function runObedient(engine: TestEngine, name: string): Promise<void> {
  await engine.output("run", "-d", "--name", name, "base", ...obedient);
  await until("the traps", async () => (await engine.output("logs", name)) === "ready");
}

test("rm -f, stop and kill reach a container whose supervisor is stopped", async () => {
  await using engine = await startEngine();
  await engine.output("run", "--rm", "base", "true");
  const before = engine.snapshot();
  for (const name of ["removed", "stopped", "killed"]) await runObedient(engine, name);
  using _one = await stopSupervisor(engine, "removed");
  using two = await stopSupervisor(engine, "stopped");
  using three = await stopSupervisor(engine, "killed");
  for (const name of ["stopped", "killed"])
    await soon("kill -s USR1", engine.output("kill", "-s", "USR1", name));

  const removal = soon("rm -f", engine.cli("rm", "-f", "removed"));
  const stop = soon("stop", engine.cli("stop", "-t", "10", "stopped"));
  expect(await soon("kill", engine.cli("kill", "killed"))).toMatchObject({ exitCode: 0 });
  await until("the kill to be delivered", () => !isRunning(three.main));
  expect(await removal).toMatchObject({ exitCode: 0, stderr: "" });
  expect(await stop).toMatchObject({ exitCode: 0, stderr: "" });
  expect(isRunning(two.main)).toBe(false);
  expect(await status(engine, "stopped")).toBe("exited 5");
  await until("the end of the killed one", async () => (await status(engine, "killed")) === "exited 137");
  expect(await engine.cli("kill", "killed")).toMatchObject({ exitCode: 1 });
  await engine.output("rm", "stopped", "killed");
  expect(await engine.leftoversOfOthers(before)).toEqual([]);
});

test("who needs a stopped supervisor is told which process does not answer, and the way out", async () => {
  await using engine = await startEngine();
  await engine.output("run", "-d", "-t", "--name", "silent", "base", "sleep", "1000");
  using supervisor = await stopSupervisor(engine, "silent");
  const requests = [
    engine.http("POST", "/containers/silent/attach?stream=1&stdout=1"),
    engine.http("POST", "/containers/silent/resize?h=20&w=70"),
  ];
  for (const answer of await soon("the answers", Promise.all(requests))) {
    expect(answer.status).toBe(503);
    expect(answer.text).toContain(`its supervisor (process ${supervisor.pid}) has not answered for 2 s`);
    expect(answer.text).toContain(`kill -CONT ${supervisor.pid}`);
  }
  // More than a listener lets wait, and all at once: the engine itself is never held up.
  const many = Array.from({ length: 100 }, () =>
    engine.http("POST", "/containers/silent/attach?stream=1&stdout=1"),
  );
  expect((await soon("a ping", engine.http("GET", "/_ping"))).status).toBe(200);
  for (const answer of await soon("the answers", Promise.all(many))) expect(answer.status).toBe(503);
  process.kill(supervisor.pid, "SIGCONT");
  await until("the supervisor to answer", async () => {
    return (await engine.http("POST", "/containers/silent/resize?h=20&w=70")).status === 200;
  });
  expect(await engine.output("exec", "silent", "echo", "hello")).toBe("hello");
});

test("an engine that starts serves at once whatever supervisors do, and loses none of them", async () => {
  await using engine = await startEngine();
  for (const name of ["free", "woken", "ended"]) await runObedient(engine, name);
  using woken = await stopSupervisor(engine, "woken");
  using ended = await stopSupervisor(engine, "ended");
  await engine.crash();
  process.kill(ended.main, "SIGTERM");
  const began = performance.now();
  await soon("the start", engine.start());
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(engine.log).toContain(`its supervisor (process ${woken.pid}) does not answer`);
  expect(await status(engine, "free")).toBe("running 0");
  expect(await status(engine, "woken")).toBe("running 0");
  expect(await soon("exec", engine.output("exec", "woken", "echo", "inside"))).toBe("inside");
  // It ended meanwhile, and its supervisor is woken to say how.
  await until("the end", async () => (await status(engine, "ended")) === "exited 5");
  process.kill(woken.pid, "SIGCONT");
  await soon("stop", engine.output("stop", "woken"));
  expect(await status(engine, "woken")).toBe("exited 5");
});

test("an exec whose supervisor is stopped does not hold up the next engine", async () => {
  await using engine = await startEngine();
  await engine.output("run", "-d", "--name", "one", "base", "sleep", "1000");
  await engine.output("exec", "-d", "one", "sleep", "999");
  const [execId] = JSON.parse(
    await engine.output("inspect", "--format", "{{json .ExecIDs}}", "one"),
  ) as string[];
  const { Pid: inside } = (await engine.http("GET", `/exec/${execId}/json`)).json() as {
    readonly Pid: number;
  };
  const supervisor = Number(statOf(inside)[1]);
  process.kill(supervisor, "SIGSTOP");
  try {
    await engine.crash();
    await soon("the start", engine.start());
    expect(await status(engine, "one")).toBe("running 0");
    await soon("rm -f", engine.output("rm", "-f", "one"));
  } finally {
    // The engine may have ended it, and whoever inherited it may have reaped it.
    if (isRunning(supervisor)) process.kill(supervisor, "SIGCONT");
  }
});
