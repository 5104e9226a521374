/** What an engine that is killed leaves to the next one of restart policies: stops that were asked for, and counts. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { until } from "../support/until.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

interface Look {
  readonly State: { readonly Status: string; readonly ExitCode: number; readonly Pid: number };
  readonly RestartCount: number;
}

async function look(name: string): Promise<Look> {
  return (await engine.http("GET", `/containers/${name}/json`)).json() as Look;
}

/** Status, exit code and how often the policy has started it. */
async function shown(name: string): Promise<string> {
  const { State, RestartCount } = await look(name);
  return `${State.Status} ${State.ExitCode} ${RestartCount}`;
}

/** Says when it was asked to end, and ends when it may. */
const reluctant = [
  "trap 'touch /t/asked; while ! test -e /t/go; do sleep 0.02; done; exit 9' TERM",
  "touch /t/ready",
  "while :; do sleep 0.02; done",
].join("; ");

for (const ends of ["before", "after"] as const) {
  test(`a stop stays asked for when the engine is killed and the process ends ${ends} the next one starts`, async () => {
    using directory = temporaryDirectory("asked");
    const policies = ["always", "unless-stopped", "on-failure", "on-failure:3", "no"];
    const path = (policy: string, name: string): string =>
      `${directory.path}/${policies.indexOf(policy)}.${name}`;
    const nameOf = (policy: string): string => policy.replace(":", "-");
    for (const policy of policies) {
      const script = reluctant.replaceAll("/t/", `/t/${policies.indexOf(policy)}.`);
      const flags = ["--name", nameOf(policy), "--restart", policy, "-v", `${directory.path}:/t`];
      await engine.output("run", "-d", ...flags, "base", "sh", "-c", script);
      await until("the trap", () => existsSync(path(policy, "ready")));
    }
    const pids = await Promise.all(policies.map(async (policy) => (await look(nameOf(policy))).State.Pid));
    // Two ways to ask; the engine goes before either is answered.
    const asked = policies.map(async (policy, index) => {
      const request = index % 2 === 0 ? "stop?t=-1" : "kill?signal=TERM";
      await engine.http("POST", `/containers/${nameOf(policy)}/${request}`).catch(() => {});
    });
    for (const policy of policies) await until("the signal", () => existsSync(path(policy, "asked")));
    await engine.crash();
    await Promise.all(asked);
    const letEnd = async (): Promise<void> => {
      for (const policy of policies) writeFileSync(path(policy, "go"), "");
      await until("the ends", () => pids.every((pid) => !existsSync(`/proc/${pid}`)));
    };
    if (ends === "before") await letEnd();
    await engine.start();
    if (ends === "after") await letEnd();
    for (const policy of policies) {
      // As Docker: what is to run always does so again whenever an engine starts.
      if (policy === "always") {
        const count = ends === "before" ? 0 : 1;
        await until("another run", async () => (await shown("always")) === `running 0 ${count}`);
      } else {
        await until("the end", async () => (await look(nameOf(policy))).State.Status !== "running");
        expect([policy, await shown(nameOf(policy))]).toEqual([policy, "exited 9 0"]);
      }
      await engine.output("rm", "-f", nameOf(policy));
    }
  });
}

test("the count of restarts outlives the engine, and no try is given twice", async () => {
  using directory = temporaryDirectory("count");
  const run = async (name: string, policy: string, script: string): Promise<void> => {
    const flags = ["--name", name, "--restart", policy, "-v", `${directory.path}:/t`];
    await engine.output("run", "-d", ...flags, "base", "sh", "-c", script);
  };
  const runs = async (name: string): Promise<number> =>
    (await engine.output("logs", name)).split("\n").length;
  await run("steady", "always", "echo x >>/t/n; test $(wc -l </t/n) -gt 2 && exec sleep 1000; exit 3");
  await run("given-up", "on-failure:2", "echo run; exit 3");
  await run("trying", "on-failure:6", "echo run; exit 3");
  await run("again", "always", "echo run; exit 3");
  await until("the third run", async () => (await shown("steady")) === "running 0 2");
  await until("the last try", async () => (await shown("given-up")) === "exited 3 2");
  for (const name of ["trying", "again"])
    await until("a pause", async () => /^restarting 3 [4-6]$/.test(await shown(name)));
  await engine.crash();
  await engine.start();
  expect(await shown("steady")).toBe("running 0 2");
  expect([await shown("given-up"), await runs("given-up")]).toEqual(["exited 3 2", 3]);
  await until("the last try", async () => (await shown("trying")) === "exited 3 6");
  expect(await runs("trying")).toBe(7);
  // Not a policy that counts: the start of the engine is a new beginning.
  expect((await look("again")).RestartCount).toBeLessThan(5);
  await engine.output("stop", "again");
  // A stop of the engine is no different.
  expect(await engine.stop()).toBe(0);
  await engine.start();
  expect(await shown("steady")).toBe("running 0 2");
  expect([await shown("given-up"), await runs("given-up")]).toEqual(["exited 3 2", 3]);
  expect(await runs("trying")).toBe(7);
  await engine.output("rm", "-f", "steady", "given-up", "trying", "again");
});

/** Lets the engine die at the place of that name, with the request that leads there. */
async function dieAt(place: string, request: () => Promise<unknown>): Promise<void> {
  await engine.crash();
  // It may die before it answers.
  await engine.start({ env: { TIFFIN_FAILPOINT: `${place}:kill` } }).catch(() => {});
  await request().catch(() => {});
  await engine.ended();
  await until("the ends of what it left", () => engine.cgroup.processes().length === 0);
  await engine.start();
}

const runsOf = async (name: string): Promise<number> =>
  (await engine.output("logs", name)).split("\n").length;

test("a run that began and ended while the engine died is an end like any other", async () => {
  const flags = ["--name", "unseen", "--restart", "on-failure:2"];
  await engine.output("create", ...flags, "base", "sh", "-c", "echo run; exit 3");
  await dieAt("start.launched", () => engine.http("POST", "/containers/unseen/start"));
  await until("the last try", async () => (await shown("unseen")) === "exited 3 2");
  expect(await runsOf("unseen")).toBe(3);
  await engine.output("rm", "unseen");
});

test("a try that came to nothing because the engine died is made by the next", async () => {
  const flags = ["--name", "owed", "--restart", "on-failure:4"];
  await engine.output("run", "-d", ...flags, "base", "sh", "-c", "echo run; exit 3");
  await until("the pause before the last try", async () => (await shown("owed")) === "restarting 3 4");
  await dieAt("start.token", async () => {});
  await until("the last try", async () => (await shown("owed")) === "exited 3 4");
  expect(await runsOf("owed")).toBe(5);
  await engine.output("rm", "owed");
});

test("a start by hand that came to nothing because the engine died leaves the last end as it was", async () => {
  await engine.output("run", "-d", "--name", "ended", "base", "sh", "-c", "exit 3");
  await until("the end", async () => (await shown("ended")) === "exited 3 0");
  const before = await look("ended");
  await dieAt("start.token", () => engine.http("POST", "/containers/ended/start"));
  expect((await look("ended")).State).toEqual(before.State);
  await engine.output("rm", "ended");
});
