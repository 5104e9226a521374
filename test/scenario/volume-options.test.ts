/** Volumes that are a mount by their options, parts of volumes and of images, and what one container takes over of another. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";

let engine: TestEngine;
let outside = "";
beforeAll(async () => {
  engine = await startEngine();
  outside = mkdtempSync("/tmp/tiffin-test-volume-options-");
  mkdirSync(`${outside}/sub`);
  writeFileSync(`${outside}/sub/file`, "of the host");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(outside, { recursive: true, force: true });
});

const run = async (flags: readonly string[], script: string): Promise<string> =>
  await engine.output("run", "--rm", "--network", "none", ...flags, "base", "sh", "-c", script);

async function refused(...args: readonly string[]): Promise<string> {
  const { exitCode, stderr } = await engine.cli(...args);
  expect(exitCode).not.toBe(0);
  return stderr;
}

/** Of this engine: others come and go meanwhile. */
const mountsOfHost = (): string[] =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(engine.root));

test("options of local volumes are refused with Docker's words", async () => {
  for (const [options, words] of [
    [["-o", "foo=x"], 'create vo: invalid option: "foo"'],
    [["-o", "type=tmpfs"], 'create vo: missing required option: "device"'],
    [["-o", "device=tmpfs"], 'create vo: missing required option: "type"'],
    [["-o", "size=10m"], "create vo: quota size requested but no quota support"],
    [["-d", "nope"], 'create vo: error looking up volume plugin nope: plugin "nope" not found'],
  ] as const) {
    expect(await refused("volume", "create", ...options, "vo")).toContain(words);
  }
  expect(await engine.output("volume", "ls", "-q")).toBe("");
});

test("a tmpfs volume has its options, is shared while containers run, and is never on the host", async () => {
  const options = ["-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m,uid=1000,mode=0750,noexec"];
  await engine.output("volume", "create", ...options, "mem");
  const flags = ["-v", "mem:/mem"];
  await engine.output("run", "-d", "--name", "first", "--network", "none", ...flags, "base", "sleep", "1000");
  expect(
    await engine.output("exec", "first", "sh", "-c", "echo shared >/mem/file; stat -c '%u %a' /mem"),
  ).toBe("1000 750");
  expect(await run(flags, "cat /mem/file; grep ' /mem ' /proc/mounts")).toMatch(
    /^shared\ntmpfs \/mem tmpfs rw,noexec.*size=1024k/,
  );
  expect(mountsOfHost()).toEqual([]);
  await engine.crash();
  await engine.start();
  expect(await run(flags, "cat /mem/file")).toBe("shared");
  await engine.output("rm", "-f", "first");
  expect(await run(flags, "ls /mem")).toBe("");
  expect(mountsOfHost()).toEqual([]);
  const [shown] = JSON.parse(await engine.output("volume", "inspect", "mem"));
  expect(shown.Options).toEqual({ type: "tmpfs", device: "tmpfs", o: "size=1m,uid=1000,mode=0750,noexec" });
});

test("a volume that binds a directory shows it, read-only where it is to be", async () => {
  const bind = ["-o", "type=none", "-o", `device=${outside}`];
  await engine.output("volume", "create", ...bind, "-o", "o=bind", "bound");
  await engine.output("volume", "create", ...bind, "-o", "o=bind,ro", "fixed");
  expect(await run(["-v", "bound:/x"], "cat /x/sub/file; echo new >/x/new")).toBe("of the host");
  expect(readFileSync(`${outside}/new`, "utf8")).toBe("new\n");
  expect(await run(["-v", "fixed:/x"], "cat /x/new; touch /x/y 2>&1 || true")).toContain("Read-only");
  await engine.output(
    "volume",
    "create",
    "-o",
    "type=none",
    "-o",
    "device=/not/there",
    "-o",
    "o=bind",
    "gone",
  );
  expect(await refused("run", "--rm", "-v", "gone:/x", "base", "true")).toContain(
    "error while mounting volume gone: failed to mount local volume",
  );
});

test("--mount makes a volume with labels and options; a part of one is mounted, and nothing outside", async () => {
  const options = "volume-opt=type=tmpfs,volume-opt=device=tmpfs,volume-opt=o=size=1m";
  const flags = ["--mount", `type=volume,source=made,dst=/x,volume-driver=local,volume-label=a=b,${options}`];
  expect(await run(flags, "grep ' /x ' /proc/mounts")).toContain("size=1024k");
  const [made] = JSON.parse(await engine.output("volume", "inspect", "made"));
  expect([made.Labels, made.Options]).toEqual([{ a: "b" }, { type: "tmpfs", device: "tmpfs", o: "size=1m" }]);

  await run(["-v", "parts:/v"], `mkdir -p /v/a/b; echo here >/v/a/b/f; ln -s ${outside} /v/out`);
  const part = (path: string) => ["--mount", `type=volume,source=parts,dst=/x,volume-subpath=${path}`];
  expect(await run(part("a/b"), "cat /x/f")).toBe("here");
  expect(await run(part("a/b/f"), "cat /x")).toBe("here");
  expect(await refused("run", "--rm", ...part("out"), "base", "true")).toContain(
    "error while mounting volume parts (out)",
  );
  expect(await refused("run", "--rm", ...part("../parts"), "base", "true")).toContain("relative path");
});

test("an image is mounted, read-only, or a part of it, and stays while a container has it", async () => {
  await engine.output("tag", "base", "other");
  expect(
    await run(
      ["--mount", "type=image,source=other,dst=/img"],
      "head -c 4 /img/etc/passwd; touch /img/x 2>&1 || true",
    ),
  ).toMatch(/^root.*Read-only/s);
  expect(
    await run(["--mount", "type=image,source=other,dst=/img,image-subpath=etc"], "cat /img/group | head -1"),
  ).toMatch(/^root/);
  expect(await refused("create", "--mount", "type=image,source=nosuch,dst=/x", "base", "true")).toContain(
    "image mount at /x",
  );
});

test("--tmpfs and --mount type=tmpfs take options", async () => {
  expect(await run(["--tmpfs", "/t:size=1m,mode=0700,exec"], "grep ' /t ' /proc/mounts")).toMatch(
    /size=1024k,mode=700/,
  );
  expect(await refused("run", "--rm", "--tmpfs", "/t:bogus", "base", "true")).toContain(
    'invalid tmpfs option ["bogus"]',
  );
});

test("--volumes-from takes over volumes and binds, and the last container takes anonymous ones away", async () => {
  const flags = ["-v", "named:/named", "-v", "/anonymous", "-v", `${outside}:/bind`, "--tmpfs", "/t"];
  await engine.output("create", "--name", "donor", ...flags, "base", "true");
  expect(
    await run(["--volumes-from", "donor"], "echo x >/anonymous/f; cat /bind/sub/file; ls -d /named"),
  ).toBe("of the host/named");
  expect(await run(["--volumes-from", "donor:ro"], "cat /anonymous/f; touch /named/f 2>&1 || true")).toMatch(
    /^x\n.*Read-only/,
  );
  expect(await run(["--volumes-from", "donor", "-v", "own:/named"], "touch /named/own; ls /named")).toBe(
    "own",
  );
  await engine.output("create", "--name", "heir", "--volumes-from", "donor:z", "base", "true");
  const before = (await engine.output("volume", "ls", "-q")).split("\n").length;
  await engine.output("rm", "-v", "donor");
  expect((await engine.output("volume", "ls", "-q")).split("\n")).toHaveLength(before);
  await engine.output("rm", "-v", "heir");
  expect((await engine.output("volume", "ls", "-q")).split("\n")).toHaveLength(before - 1);
  expect(await refused("create", "--volumes-from", "nosuch", "base", "true")).toContain(
    "No such container: nosuch",
  );
  expect(await refused("create", "--volumes-from", "nosuch:zz", "base", "true")).toContain(
    "invalid mode: zz",
  );
});

test("a type of file system that the kernel does not have is told with the type and the way out", async () => {
  await engine.output("volume", "create", "-o", "type=nosuchfs", "-o", "device=:/x", "-o", "o=ro", "foreign");
  const told = await refused("run", "--rm", "--network", "none", "-v", "foreign:/x", "base", "true");
  expect(told).toContain("failed to mount local volume: mount :/x (nosuchfs): ENODEV");
  expect(told).toContain("this kernel has no file system of that type");
  await engine.output("volume", "rm", "foreign");
});

test("nfs is mounted by its options, or the kernel that cannot is named as the reason", async () => {
  const options = ["-o", "type=nfs", "-o", "device=:/x", "-o", "o=addr=127.0.0.1,ro,soft,retrans=0,timeo=1"];
  await engine.output("volume", "create", ...options, "remote");
  const told = await refused("run", "--rm", "--network", "none", "-v", "remote:/x", "base", "true");
  // Nobody serves it: the connection is refused, or there is no such file system at all.
  expect(told).toMatch(
    /error while mounting volume remote: failed to mount local volume: mount :\/x \(nfs\): E[A-Z]+/,
  );
  await engine.output("volume", "rm", "remote");
});

test("events tell of each mount and its end", async () => {
  const since = String(Math.floor(Date.now() / 1000));
  await run(["-v", "told:/x:ro"], "true");
  const format =
    '{{.Action}} {{.Actor.ID}} {{index .Actor.Attributes "destination"}} {{index .Actor.Attributes "read/write"}}';
  const told = await engine.output(
    "events",
    "--since",
    since,
    "--until",
    "0s",
    "--filter",
    "volume=told",
    "--format",
    format,
  );
  expect(told.split("\n").map((line) => line.trim())).toEqual([
    "create told",
    "mount told /x false",
    "unmount told",
  ]);
});
