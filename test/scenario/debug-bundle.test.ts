/** `tiffin debug bundle`: all that a report needs, and no secret. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

test("the archive has versions, the machine, and state and plan of each container, and no secret of any", async () => {
  const secret = "swordfish-of-the-test";
  await engine.output(
    "volume",
    "create",
    "-o",
    `o=size=1m,${secret}`,
    "-o",
    "type=tmpfs",
    "-o",
    "device=tmpfs",
    "vault",
  );
  // In no variable: a command alone knows it.
  const spoken = "marlin-of-the-test";
  const health = ["--health-cmd", `curl -u cook:${spoken} kitchen`, "--health-interval", "1h"];
  const given = ["-e", `TOKEN=${secret}`, "--label", `users=${secret}`, ...health];
  await engine.output(
    "run",
    "-d",
    ...given,
    "base",
    "sh",
    "-c",
    `: ${secret}; exec sleep 600`,
    `--password=${secret}2`,
    `-p${spoken}`,
    spoken,
  );
  const archive = `${engine.directory}/bundle.tar.gz`;
  expect(await engine.output("debug", "bundle", "-o", archive)).toBe("");
  const [id = ""] = (await engine.output("ps", "-q")).split("\n");
  const listed = Bun.spawnSync(["tar", "-tzf", archive]).stdout.toString().trim().split("\n").sort();
  const files = [
    "check.txt",
    "containers.json",
    "images.json",
    "info.json",
    "networks.json",
    "version.json",
    "volumes.json",
  ];
  const ofContainer = ["inspect.json", "plan.txt", "trace.json"].map((name) => `containers/${id}/${name}`);
  expect(listed).toEqual([...files, ...ofContainer].map((name) => `tiffin-debug/${name}`).sort());
  const whole = Bun.spawnSync(["tar", "-xzOf", archive]).stdout.toString();
  expect(whole).toContain('"TOKEN=***"');
  expect(whole).toContain("pivotRoot");
  expect([whole.includes(secret), whole.includes(spoken)]).toEqual([false, false]);
});

test("nothing is written to a terminal", async () => {
  await using session = engine.terminal(["debug", "bundle"]);
  expect(await session.exited()).not.toBe(0);
});
