/**
 * SIGKILL of the engine at every step of create, start, stop, exec and remove. Whatever the moment: the next engine comes up, a
 * container is either as before or as after the step, and after removal nothing is left on the host.
 */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { failpoints } from "../../src/engine/container/failpoints.ts";
import { startEngine, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";
import { until } from "../support/until.ts";

/** A life that passes every failpoint; commands may fail, because the engine dies under them. */
async function wholeLife(engine: TestEngine): Promise<void> {
  const steps = [
    [
      "run",
      "-d",
      "--name",
      "victim",
      "-p",
      "127.0.0.1:17171:80",
      "-v",
      "/scratch",
      "base",
      "sh",
      "-c",
      "echo hello; exec sleep 1000",
    ],
    ["exec", "victim", "true"],
    ["stop", "-t", "1", "victim"],
    ["rm", "-v", "victim"],
    ["run", "-d", "--name", "second", "--userns", "private", "base", "sleep", "1000"],
    ["rm", "-f", "second"],
  ];
  for (const step of steps) {
    if (!engine.running) return;
    await engine.cli(...step);
  }
}

async function removeAll(engine: TestEngine): Promise<void> {
  const ids = (await engine.output("ps", "-aq")).split("\n").filter(Boolean);
  if (ids.length > 0) await engine.output("rm", "-f", "-v", ...ids);
  expect(await engine.output("ps", "-aq")).toBe("");
}

for (const name of failpoints) {
  test(`killed at ${name}: the next engine comes up and nothing is left after removal`, async () => {
    await using engine = await startEngine();
    await engine.output("run", "--rm", "base", "true");
    const before = engine.snapshot();
    await engine.stop();
    await engine.start({ env: { TIFFIN_FAILPOINT: `${name}:kill` } });
    await wholeLife(engine);
    await engine.ended();
    await engine.start();
    await removeAll(engine);
    expect(await engine.leftovers({ ...before, descriptors: engine.snapshot().descriptors })).toEqual([]);
    expect(await engine.output("run", "--rm", "--name", "victim", "base", "echo", "alive")).toBe("alive");
  });

  test(`failing at ${name}: one error, and nothing is left after removal`, async () => {
    await using engine = await startEngine();
    await engine.output("run", "--rm", "base", "true");
    const before = engine.snapshot();
    await engine.stop();
    await engine.start({ env: { TIFFIN_FAILPOINT: name } });
    await wholeLife(engine);
    expect(engine.running).toBe(true);
    await engine.stop();
    await engine.start();
    await removeAll(engine);
    expect(await engine.leftovers({ ...before, descriptors: engine.snapshot().descriptors })).toEqual([]);
  });
}

test("SIGKILL while containers run: they and their logs go on, wait and exit codes are right", async () => {
  await using engine = await startEngine();
  await engine.output("run", "--rm", "base", "true");
  const before = engine.snapshot();
  const script = "i=0; while [ $i -lt 60 ]; do echo line $i; i=$((i+1)); sleep 0.05; done; exit 33";
  await engine.output("run", "-d", "--name", "counts", "base", "sh", "-c", script);
  await engine.output(
    "run",
    "-d",
    "--name",
    "stays",
    "-p",
    "127.0.0.1:17172:80",
    "base",
    "sh",
    "-c",
    "mkdir /w; echo up > /w/index.html; exec httpd -f -p 80 -h /w",
  );
  await engine.output("run", "-d", "--name", "ends", "base", "sh", "-c", "sleep 2; exit 44");
  const page = async (): Promise<string> =>
    await fetch("http://127.0.0.1:17172/").then(
      async (response) => await response.text(),
      () => "not yet",
    );
  await until("the server", async () => (await page()) === "up\n");
  const ending = await engine.output("inspect", "--format", "{{.State.Pid}}", "ends");
  await engine.crash();
  expect(await page()).toBe("up\n");
  await until("an end that no engine sees", () => !existsSync(`/proc/${ending}`));
  await engine.start();
  expect(await engine.output("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "ends")).toBe(
    "exited 44",
  );
  expect(await engine.output("inspect", "--format", "{{.State.Status}}", "stays")).toBe("running");
  expect(await (await fetch("http://127.0.0.1:17172/")).text()).toBe("up\n");
  expect(await engine.output("exec", "stays", "cat", "/w/index.html")).toBe("up");
  expect(await engine.output("wait", "counts")).toBe("33");
  const lines = (await engine.output("logs", "counts")).split("\n");
  expect(lines).toEqual(Array.from({ length: 60 }, (_, index) => `line ${index}`));
  await removeAll(engine);
  expect(await engine.leftovers({ ...before, descriptors: engine.snapshot().descriptors })).toEqual([]);
});

test("after stop and --uninstall nothing of the engine is on the host but the files of its root", async () => {
  await using engine = await startEngine();
  await engine.output("run", "-d", "--name", "one", "-p", "127.0.0.1:17173:80", "base", "sleep", "1000");
  await engine.stop();
  const uninstall = tiffinCommand(
    "daemon",
    "--root",
    engine.root,
    "--run",
    engine.run,
    "--host",
    engine.host,
    "--uninstall",
  );
  const refused = Bun.spawnSync(uninstall, { stderr: "pipe" });
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr.toString()).toContain("container one is running");
  await engine.start();
  await engine.output("rm", "-f", "one");
  expect(await engine.stop()).toBe(0);
  expect(Bun.spawnSync(uninstall).exitCode).toBe(0);
  const left = engine.snapshot();
  expect({ ...left, files: [], networkNamespaces: [] }).toEqual({
    mounts: [],
    links: [],
    networkNamespaces: [],
    cgroups: [],
    tables: [],
    processes: [],
    files: [],
    descriptors: [],
  });
});
