/** SIGHUP: the configuration of a running engine is read anew. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { until } from "../support/until.ts";

const directory = mkdtempSync("/tmp/tiffin-test-reload-");
const file = `${directory}/tiffin.json`;
const first = { "registry-mirrors": ["https://one.example"], "log-level": "info", icc: true };
let engine: TestEngine;

beforeAll(async () => {
  writeFileSync(file, JSON.stringify(first));
  engine = await startEngine({ arguments: ["--config", file, "--insecure-registry", "kept:5000"] });
  await until("the engine to be ready", () => engine.log.includes("the engine is ready"));
});

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

interface Info {
  readonly DefaultRuntime: string;
  readonly Runtimes: Readonly<Record<string, unknown>>;
  readonly RegistryConfig: {
    readonly Mirrors: readonly string[];
    readonly IndexConfigs: Readonly<Record<string, unknown>>;
  };
}

async function info(): Promise<Info> {
  // What the engine's own contract has.
  return (await engine.http("GET", "/info")).json() as Info;
}

/** What the engine says of a reload of `text`. */
async function reload(text: string): Promise<string> {
  writeFileSync(file, text);
  const before = engine.log.length;
  process.kill(engine.pid, "SIGHUP");
  await until("what a reload says", () => /the configuration .*\n/.test(engine.log.slice(before)));
  return engine.log.slice(before);
}

test("what can change at once is in force, and an option of the command line still wins", async () => {
  expect((await info()).RegistryConfig.Mirrors).toEqual(["https://one.example"]);
  const said = await reload(
    JSON.stringify({
      ...first,
      "registry-mirrors": ["https://two.example"],
      "insecure-registries": ["passed-over:5000"],
      runtimes: { mine: { path: "/usr/bin/mine" } },
      "default-runtime": "mine",
    }),
  );
  expect(said).toBe(
    "tiffin: the configuration was read anew: now in force: registry-mirrors, runtimes, default-runtime\n",
  );
  const { RegistryConfig, Runtimes, DefaultRuntime } = await info();
  expect(RegistryConfig.Mirrors).toEqual(["https://two.example"]);
  expect(Object.keys(RegistryConfig.IndexConfigs)).toContain("kept:5000");
  expect(Object.keys(RegistryConfig.IndexConfigs)).not.toContain("passed-over:5000");
  expect(Object.keys(Runtimes)).toContain("mine");
  expect(DefaultRuntime).toBe("mine");
});

test("a faulty file keeps the configuration that is in force, and the log says what is wrong", async () => {
  const before = await info();
  const kept = "tiffin: the configuration stays as it was: ";
  expect(await reload('{"registry-mirrors": ["https://three.example"], "icc": 1}')).toBe(
    `${kept}${file}: icc needs true or false, found 1 [daemon.config]\n`,
  );
  expect(await reload("{")).toStartWith(`${kept}${file}: line 1, column 2: found its end`);
  expect(await reload('{"tlsverify": true}')).toStartWith(`${kept}--tlsverify needs --tlscacert and `);
  expect((await info()).RegistryConfig).toEqual(before.RegistryConfig);
});

test("what only a restart changes is named, as often as it is still due", async () => {
  const changed = { ...first, icc: false, "metrics-addr": "127.0.0.1:1" };
  const due = "tiffin: the configuration was read anew: only a restart changes icc, metrics-addr\n";
  await reload(JSON.stringify(changed));
  await until("what is still due", () => engine.log.endsWith(due));
  expect(await reload(JSON.stringify({ ...changed, "log-level": "warn" }))).toBe(due);
  expect(engine.running).toBeTrue();
});
