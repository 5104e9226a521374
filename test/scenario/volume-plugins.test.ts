/** Volumes of other drivers: a plug-in of the test's own answers Docker's protocol, where a Docker engine would find it too. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { until } from "../support/until.ts";

interface Call {
  readonly method: string;
  readonly Name?: string;
  readonly ID?: string;
  readonly Opts?: Readonly<Record<string, string>>;
}

const driver = `tiffin-test-${process.pid}`;
const place = "/run/docker/plugins";
const socket = `${place}/${driver}.sock`;
let engine: TestEngine;
let directory = "";
let calls: Call[] = [];
/** What it says instead of an answer, by method. */
let failing: Record<string, string> = {};
let plugin: { stop(force: boolean): unknown } | undefined;

function answer(call: Call): object {
  const refusal = failing[call.method];
  if (refusal !== undefined) return { Err: refusal };
  const Mountpoint = `${directory}/${call.Name}`;
  switch (call.method) {
    case "Plugin.Activate":
      return { Implements: ["VolumeDriver"] };
    case "VolumeDriver.Create":
      mkdirSync(Mountpoint, { recursive: true });
      return { Err: "" };
    case "VolumeDriver.Remove":
      rmSync(Mountpoint, { recursive: true });
      return { Err: "" };
    case "VolumeDriver.Mount":
    case "VolumeDriver.Path":
      return { Mountpoint, Err: "" };
    case "VolumeDriver.Get":
      if (!existsSync(Mountpoint)) return { Err: "no such volume" };
      return { Volume: { Name: call.Name, Mountpoint, Status: { shelf: 3 } }, Err: "" };
    case "VolumeDriver.Capabilities":
      return { Capabilities: { Scope: "local" } };
    default:
      return { Err: "" };
  }
}

beforeAll(async () => {
  engine = await startEngine();
  directory = mkdtempSync("/tmp/tiffin-test-volume-plugins-");
  mkdirSync(place, { recursive: true });
  plugin = Bun.serve({
    unix: socket,
    async fetch(request) {
      const method = new URL(request.url).pathname.slice(1);
      const text = await request.text();
      const call: Call = { ...(text === "" ? {} : JSON.parse(text)), method };
      calls.push(call);
      return Response.json(answer(call));
    },
  });
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await plugin?.stop(true);
  rmSync(socket, { force: true });
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(() => {
  calls = [];
  failing = {};
});

const methods = (): string[] => calls.map(({ method }) => method.replace("VolumeDriver.", ""));
const run = async (...words: readonly string[]): Promise<string> =>
  await engine.output("run", "--network", "none", ...words);
/** Each use that was begun has been ended, once. */
const uses = (): { readonly begun: string[]; readonly ended: string[] } => ({
  begun: calls.filter(({ method }) => method === "VolumeDriver.Mount").map(({ ID = "" }) => ID),
  ended: calls.filter(({ method }) => method === "VolumeDriver.Unmount").map(({ ID = "" }) => ID),
});

test("a volume of a plug-in is made, mounted for a run, unmounted after it, shown and removed by the plug-in", async () => {
  await engine.output("volume", "create", "-d", driver, "-o", "size=1", "--label", "a=b", "shelf");
  expect(calls.at(-1)).toEqual({ method: "VolumeDriver.Create", Name: "shelf", Opts: { size: "1" } });
  await run("--rm", "-v", "shelf:/s", "base", "sh", "-c", "echo kept >/s/file");
  expect(readFileSync(`${directory}/shelf/file`, "utf8")).toBe("kept\n");
  const { begun, ended } = uses();
  expect([begun.length, ended]).toEqual([1, begun]);
  const shown = await engine.output(
    "volume",
    "inspect",
    "-f",
    "{{.Driver}} {{.Mountpoint}} {{json .Status}}",
    "shelf",
  );
  expect(shown).toBe(`${driver} ${directory}/shelf {"shelf":3}`);
  expect(await engine.output("volume", "ls", "--format", "{{.Driver}} {{.Name}}")).toBe(`${driver} shelf`);
  failing = { "VolumeDriver.Remove": "it is nailed down" };
  expect((await engine.cli("volume", "rm", "shelf")).stderr).toContain("it is nailed down");
  failing = {};
  await engine.output("volume", "rm", "shelf");
  expect(readdirSync(directory)).toEqual([]);
  expect(await engine.output("volume", "ls", "-q")).toBe("");
});

test("--volume-driver and --mount make volumes by the plug-in, and --rm removes anonymous ones with it", async () => {
  await run("--rm", "--volume-driver", driver, "-v", "/anonymous", "base", "true");
  expect(methods()).toEqual(["Get", "Create", "Mount", "Unmount", "Remove"]);
  calls = [];
  const mount = `type=volume,src=named,dst=/n,volume-driver=${driver},volume-opt=k=v,readonly`;
  expect(
    await run("--rm", "--mount", mount, "base", "sh", "-c", "(echo x >/n/file) 2>/dev/null || echo refused"),
  ).toContain("refused");
  expect(calls.find(({ method }) => method === "VolumeDriver.Create")?.Opts).toEqual({ k: "v" });
  await engine.output("volume", "rm", "named");
});

test("a start that fails, by the plug-in or after it, leaves nothing mounted", async () => {
  await engine.output("volume", "create", "-d", driver, "v1");
  failing = { "VolumeDriver.Mount": "the shelf is full" };
  const refused = await engine.cli("run", "--rm", "--network", "none", "-v", "v1:/v", "base", "true");
  expect([refused.exitCode, refused.stderr]).toEqual([
    125,
    expect.stringContaining("error while mounting volume v1: volume driver"),
  ]);
  expect(refused.stderr).toContain("VolumeDriver.Mount: the shelf is full");
  expect(uses().ended).toEqual([]);
  failing = {};
  calls = [];
  const broken = await engine.cli("run", "--rm", "--network", "none", "-v", "v1:/v", "base", "/nosuch");
  expect(broken.exitCode).toBe(127);
  expect(uses().ended).toEqual(uses().begun);
  expect(uses().begun.length).toBe(1);
  await engine.output("volume", "rm", "v1");
});

test("copies to and from a container that does not run, and mounts of one that does, end the uses that they begin", async () => {
  await engine.output("volume", "create", "-d", driver, "v2");
  writeFileSync(`${directory}/v2/file`, "of the plug-in");
  await engine.output("create", "--name", "copied", "--network", "none", "-v", "v2:/v", "base", "true");
  await engine.output("cp", "copied:/v/file", `${directory}/out`);
  expect(readFileSync(`${directory}/out`, "utf8")).toBe("of the plug-in");
  expect(uses().begun.length).toBeGreaterThan(0);
  expect(uses().ended).toEqual(uses().begun);
  await engine.output("rm", "copied");
  calls = [];
  await run("-d", "--name", "live", "base", "sleep", "1000");
  await engine.output("update", "--mount-add", "type=volume,src=v2,dst=/v", "live");
  expect(await engine.output("exec", "live", "cat", "/v/file")).toBe("of the plug-in");
  await engine.output("update", "--mount-rm", "/v", "live");
  expect(uses().ended).toEqual(uses().begun);
  await engine.output("rm", "-f", "live");
  rmSync(`${directory}/out`);
  await engine.output("volume", "rm", "v2");
});

test("the end of a container under an engine that came after a killed one ends the use", async () => {
  await engine.output("volume", "create", "-d", driver, "v3");
  await run("-d", "--name", "survivor", "-v", "v3:/v", "base", "sleep", "1000");
  await engine.crash();
  await engine.start();
  await engine.output("rm", "-f", "survivor");
  await until("the use ended", () => uses().ended.length === 1);
  expect(uses().ended).toEqual(uses().begun);
  await engine.output("volume", "rm", "v3");
});

test("a volume that the plug-in has already is taken over as it is", async () => {
  mkdirSync(`${directory}/v5`);
  writeFileSync(`${directory}/v5/file`, "older");
  expect(await run("--rm", "--volume-driver", driver, "-v", "v5:/v", "base", "cat", "/v/file")).toBe("older");
  expect(methods()).toEqual(["Get", "Mount", "Unmount"]);
  await engine.output("volume", "rm", "v5");
});

test("drivers that are not there, and names that climb, are told", async () => {
  const there = await engine.cli("volume", "create", "-d", "nosuchdriver", "v4");
  expect(there.stderr).toContain(
    'create v4: error looking up volume plugin nosuchdriver: plugin "nosuchdriver" not found',
  );
  const climbing = await engine.cli(
    "run",
    "--rm",
    "--volume-driver",
    `../plugins/${driver}`,
    "-v",
    "/x",
    "base",
    "true",
  );
  expect([climbing.exitCode, climbing.stderr]).toEqual([125, expect.stringContaining("not found")]);
  expect(await engine.output("volume", "ls", "-q")).toBe("");
  expect(await engine.output("ps", "-aq")).toBe("");
});
