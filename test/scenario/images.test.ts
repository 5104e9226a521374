/** The life of images by the command line: where they come from, what they are called, how they go. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dockerArchive, tarOf } from "../../src/engine/image/testing/image-archive.ts";
import { makeBusyboxRoot } from "../support/busybox-root.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { type SmallRegistry, serveImage } from "../support/small-registry.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";
import { until } from "../support/until.ts";

let engine: TestEngine;
let files: TemporaryDirectory;
let registry: SmallRegistry;

beforeAll(async () => {
  engine = await startEngine();
  files = temporaryDirectory("images");
  mkdirSync(`${files.path}/root`);
  const root = makeBusyboxRoot(`${files.path}/root`);
  const tree = Bun.spawnSync(["tar", "-C", root, "-c", "."]).stdout;
  writeFileSync(`${files.path}/tree.tar`, tree);
  registry = serveImage([new Uint8Array(tree)]);
}, 60_000);
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

const layers = (): number => readdirSync(`${engine.root}/layers`).length;

test("run and create pull what is missing, by what --pull says", async () => {
  const never = await engine.cli("run", "--rm", "--pull", "never", registry.image, "true");
  expect([never.exitCode, never.stderr]).toEqual([
    125,
    expect.stringContaining(`No such image: ${registry.image}`),
  ]);
  const missing = await engine.cli("run", "--rm", registry.image, "echo", "ran");
  expect([missing.exitCode, missing.stdout]).toEqual([0, "ran\n"]);
  expect(missing.stderr).toMatch(
    /^Unable to find image '.*' locally\n1: Pulling from small\n[\s\S]*Status: Downloaded newer image for /,
  );
  expect((await engine.cli("run", "--rm", registry.image, "echo", "there")).stderr).toBe("");
  const always = await engine.cli("create", "--pull", "always", "--name", "made", registry.image, "true");
  expect(always.stderr).toContain("Status: Image is up to date for ");
  const quiet = await engine.cli("run", "--rm", "-q", "--pull", "always", registry.image, "echo", "quiet");
  expect(quiet).toEqual({ exitCode: 0, stdout: "quiet\n", stderr: "" });
  const odd = await engine.cli("run", "--pull", "sometimes", registry.image);
  expect([odd.exitCode, odd.stderr]).toEqual([
    125,
    expect.stringContaining("invalid pull option: 'sometimes'"),
  ]);
  await engine.output("rm", "made");
});

test("pull by tag and by digest, tag, list, and remove", async () => {
  const host = registry.image.slice(0, registry.image.lastIndexOf("/"));
  const pulled = (await engine.output("pull", registry.image)).split("\n");
  expect(pulled.at(-1)).toBe(registry.image);
  const digest = /^Digest: (sha256:[0-9a-f]{64})$/m.exec(pulled.join("\n"))?.[1] ?? "";
  expect(
    await engine.output(
      "images",
      "--digests",
      "--format",
      "{{.Repository}} {{.Tag}} {{.Digest}}",
      `${host}/small`,
    ),
  ).toBe(`${host}/small 1 ${digest}`);
  expect(await engine.output("pull", "-q", `${host}/small@${digest}`)).toBe(`${host}/small@${digest}`);
  await engine.output("tag", registry.image, "mine/copy");
  const listed = await engine.output(
    "images",
    "--format",
    "{{.Repository}}:{{.Tag}}",
    "--filter",
    "reference=mine/*",
  );
  expect(listed).toBe("mine/copy:latest");
  expect(await engine.output("rmi", registry.image)).toBe(
    `Untagged: ${registry.image}\nUntagged: ${host}/small@${digest}`,
  );
  expect((await engine.output("image", "rm", "mine/copy")).split("\n")[0]).toBe("Untagged: mine/copy:latest");
  const again = await engine.cli("rmi", "mine/copy");
  expect([again.exitCode, again.stderr]).toEqual([
    1,
    "Error response from daemon: No such image: mine/copy:latest\n",
  ]);
  expect((await engine.cli("rmi", "-f", "mine/copy")).exitCode).toBe(0);
  expect(layers()).toBe(0);
  const unknown = await engine.cli("pull", `${host}/small-not:1`);
  expect([unknown.exitCode, unknown.stderr]).toEqual([1, expect.stringMatching(/not found|denied|404/)]);
});

test("import, history, save to a pipe and load from one", async () => {
  const id = await engine.output(
    "import",
    "-m",
    "of a tree",
    "-c",
    'CMD ["sh"]',
    `${files.path}/tree.tar`,
    "made:1",
  );
  expect(await engine.output("image", "inspect", "-f", "{{.Id}} {{.Comment}}", "made:1")).toBe(
    `${id} of a tree`,
  );
  expect(await engine.output("history", "--format", "{{.ID}} {{.Comment}}", "--no-trunc", "made:1")).toBe(
    `${id} of a tree`,
  );
  await engine.output("save", "-o", `${files.path}/saved.tar`, "made");
  await engine.output("rmi", "made:1");
  const input = readFileSync(`${files.path}/saved.tar`);
  const loaded = await engine.cliWith({ input: new Uint8Array(input) }, "load");
  expect(loaded).toEqual({ exitCode: 0, stdout: "Loaded image: made:1\n", stderr: "" });
  const refused = await engine.cliWith({ input: "{}" }, "load");
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("not a tar archive")]);
  const absent = await engine.cli("load", "-i", "/no/such/file");
  expect([absent.exitCode, absent.stderr]).toEqual([1, "open /no/such/file: no such file or directory\n"]);
});

test("an image without layers runs what is mounted into it, and what is written there is its first layer", async () => {
  const archive = dockerArchive([], ["bare:1"]);
  await engine.cliWith({ input: tarOf(archive) }, "load");
  const busybox = `${files.path}/root/bin/busybox`;
  const ran = await engine.cli(
    "run",
    "--name",
    "bare",
    "-v",
    `${busybox}:/busybox:ro`,
    "bare:1",
    "/busybox",
    "touch",
    "/made",
  );
  expect(ran).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  expect((await engine.output("diff", "bare")).split("\n")).toContain("A /made");
  await engine.output("commit", "bare", "bare:2");
  expect(await engine.output("image", "inspect", "-f", "{{len .RootFS.Layers}}", "bare:2")).toBe("1");
  await engine.output("rm", "bare");
  await engine.output("rmi", "bare:1", "bare:2");
});

test("prune asks, and takes what it says", async () => {
  await engine.output("import", `${files.path}/tree.tar`, "made:1");
  const no = await engine.cliWith({ input: "n\n" }, "image", "prune", "-a");
  expect(no.stdout).toContain("WARNING! This will remove all images without at least one container");
  expect(await engine.output("images", "-q", "made:1")).not.toBe("");
  const yes = await engine.cliWith({ input: "y\n" }, "image", "prune", "-a");
  expect(yes.stdout).toMatch(/Deleted Images:\n[\s\S]*untagged: made:1\n[\s\S]*Total reclaimed space: \d/);
  expect(await engine.output("images", "-q", "-a")).toBe("");
});

test("a client that goes in the middle of a load leaves nothing", async () => {
  const large = tarOf({ file: new Uint8Array(3_000_000).fill(65) });
  const archive = tarOf(dockerArchive([large], ["large:1"]));
  const before = engine.snapshot();
  const { promise: sent, resolve } = Promise.withResolvers<void>();
  const socket = await Bun.connect({ unix: engine.socket, socket: { data() {}, drain: () => resolve() } });
  socket.write(`POST /images/load?quiet=1 HTTP/1.1\r\nHost: x\r\nContent-Length: ${archive.length}\r\n\r\n`);
  if (socket.write(archive.subarray(0, 2_000_000)) < 2_000_000) await sent;
  await until("the layer to be on its way", () => readdirSync(`${engine.root}/unfinished`).length > 0);
  socket.terminate();
  expect(await engine.leftovers(before)).toEqual([]);
  expect((await engine.http("GET", "/images/json")).json()).toEqual([]);
});

test("what the engine unpacks has a limit that can be set", async () => {
  await using other = await startEngine({ arguments: ["--unpacked-limit", "1000000"] });
  const large = tarOf({ file: new Uint8Array(2_000_000) });
  writeFileSync(`${files.path}/bomb.tar.gz`, new Uint8Array(Bun.gzipSync(large)));
  for (const command of [["load", "-i"], ["import"]]) {
    const refused = await other.cli(...command, `${files.path}/bomb.tar.gz`);
    expect([refused.exitCode, refused.stderr]).toEqual([
      1,
      expect.stringMatching(
        /unpacks to more than 1000000 bytes\n {2}\(start the engine with a larger --unpacked-limit/,
      ),
    ]);
  }
  expect(readdirSync(`${other.root}/layers`)).toEqual([]);
});
