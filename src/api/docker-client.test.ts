/**
 * The real docker client against the API with an engine in memory: its shapes, its flows, its exit codes. Skipped where
 * no client of version 20.10 or later is installed; with several, the newest is used.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { dockerClients } from "../../test/support/docker-clients.ts";
import { outcomeOf } from "../../test/support/outcome.ts";
import { type ApiServer, createApi } from "./mod.ts";
import { type FakeEngine, fakeEngine } from "./testing/fake-engine.ts";

const clientPath = dockerClients[0]?.path;
const withClient = test.skipIf(clientPath === undefined);

let directory = "";
let engine: FakeEngine;
let api: ApiServer;

beforeAll(async () => {
  directory = mkdtempSync("/tmp/tiffin-test-client-");
  engine = fakeEngine();
  api = createApi(engine);
  await api.listen(`unix://${directory}/s`);
});

afterAll(async () => {
  await api.close(0);
  rmSync(directory, { recursive: true });
});

async function docker(args: readonly string[], options: { stdin?: string; apiVersion?: string } = {}) {
  const child = Bun.spawn([clientPath ?? "docker", ...args], {
    env: {
      DOCKER_HOST: `unix://${directory}/s`,
      HOME: directory,
      ...(options.apiVersion !== undefined && { DOCKER_API_VERSION: options.apiVersion }),
    },
    stdin: Buffer.from(options.stdin ?? ""),
    stdout: "pipe",
    stderr: "pipe",
  });
  return await outcomeOf(child);
}

withClient("version and info are understood", async () => {
  const version = await docker(["version", "--format", "{{.Server.Version}} {{.Server.APIVersion}}"]);
  expect(version).toMatchObject({ stdout: "0.1.0 1.50\n", code: 0 });
  const info = await docker(["info"]);
  expect(info.code).toBe(0);
  expect(info.stdout).toContain("Storage Driver: overlay2");
  expect(info.stdout).toContain("Total Memory: 3.725GiB");
});

withClient("run gives output and exit code", async () => {
  expect(await docker(["run", "--rm", "base", "echo", "hello"])).toMatchObject({
    stdout: "hello\n",
    stderr: "",
    code: 0,
  });
  expect(await docker(["run", "--rm", "base", "warn", "oops"])).toMatchObject({
    stdout: "",
    stderr: "oops\n",
    code: 3,
  });
  expect(await docker(["run", "--rm", "-i", "base", "cat"], { stdin: "typed" })).toMatchObject({
    stdout: "typed",
    code: 0,
  });
});

withClient("megabytes through run are whole", async () => {
  const { stdout, code } = await docker(["run", "--rm", "base", "flood", "3000000"]);
  expect([stdout.length, code]).toEqual([3_000_000, 0]);
});

withClient("failures give Docker's codes and words", async () => {
  const missing = await docker(["run", "--rm", "base", "nope"]);
  expect(missing.code).toBe(127);
  expect(missing.stderr).toContain('exec: "nope": executable file not found in $PATH');
  const unknown = await docker(["rm", "none"]);
  expect(unknown).toMatchObject({ code: 1 });
  expect(unknown.stderr).toBe("Error response from daemon: No such container: none\n");
});

withClient("a detached container: ps, logs, exec, inspect, stop, wait, rm", async () => {
  const { stdout: id } = await docker([
    "run",
    "-d",
    "--name",
    "d",
    "-m",
    "64m",
    "-e",
    "A=b",
    "base",
    "sleep",
  ]);
  expect(engine.created.at(-1)).toMatchObject({ Env: ["A=b"], HostConfig: { Memory: 64 * 1024 * 1024 } });
  expect((await docker(["ps", "-q", "--no-trunc"])).stdout).toBe(id);
  expect(await docker(["exec", "d", "warn", "x"])).toMatchObject({ stdout: "", stderr: "x\n", code: 3 });
  expect(await docker(["exec", "-i", "d", "cat"], { stdin: "in" })).toMatchObject({ stdout: "in", code: 0 });
  expect((await docker(["inspect", "-f", "{{.State.Status}} {{.Name}}", "d"])).stdout).toBe("running /d\n");
  engine.all.get(id.trim())?.process.output("stdout", Buffer.from("line\n"));
  expect((await docker(["logs", "-t", "d"])).stdout).toBe("2026-01-02T03:04:05.000000000Z line\n");
  expect((await docker(["stop", "d"])).stdout).toBe("d\n");
  expect((await docker(["wait", "d"])).stdout).toBe("143\n");
  expect((await docker(["rename", "d", "e"])).code).toBe(0);
  expect((await docker(["rm", "e"])).stdout).toBe("e\n");
});

withClient("images are listed and inspected", async () => {
  expect((await docker(["images", "--format", "{{.Repository}}:{{.Tag}}"])).stdout).toBe("base:latest\n");
  expect((await docker(["image", "inspect", "-f", "{{.Os}}", "base"])).stdout).toBe("linux\n");
});

const versions = ["1.24", "1.30", "1.41", "1.44", "1.49"] as const;

withClient.each(versions)("a client of version %s reads what it is told", async (apiVersion) => {
  for (const args of [["ps", "-a"], ["info"], ["version"], ["images"], ["image", "inspect", "base"]]) {
    expect(await docker(args, { apiVersion })).toMatchObject({ code: 0 });
  }
});

// Before 1.30 the client follows the events of the engine to learn the exit.
withClient.each(versions.slice(1))("a client of version %s runs containers", async (apiVersion) => {
  const ran = await docker(["run", "--rm", "-i", "base", "cat"], { stdin: "old", apiVersion });
  expect(ran).toMatchObject({ stdout: "old", code: 0 });
});
