/** What a container may do in its mounts, on the real kernel. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { HostMounts } from "../support/host-mount.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

let engine: TestEngine;
const mounts = new HostMounts();
const directory = temporaryDirectory("mounts");
const source = join(directory.path, "source");

beforeAll(async () => {
  engine = await startEngine();
  mkdirSync(join(source, "below"), { recursive: true });
  mounts.add(join(source, "below"), "rw");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await mounts[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

const isMounted = "grep -q ' /m/below ' /proc/self/mountinfo && echo mounted";
const written = "touch /m/x 2>/dev/null && echo top; touch /m/below/x 2>/dev/null && echo below; true";
const bind = "type=bind,source=SOURCE,target=/m";
const cases: readonly (readonly [words: readonly string[], seen: string])[] = [
  [["-v", "SOURCE:/m"], "mounted top below"],
  [["-v", "SOURCE:/m:ro"], "mounted"],
  [["--mount", `${bind},readonly`], "mounted"],
  [["--mount", `${bind},readonly,bind-recursive=enabled`], "mounted"],
  [["--mount", `${bind},readonly,bind-recursive=disabled`], ""],
  [["--mount", `${bind},bind-recursive=disabled`], "top below"],
  [["--mount", `${bind},readonly,bind-recursive=writable`], "mounted below"],
  [["--mount", `${bind},readonly,bind-recursive=readonly,bind-propagation=rprivate`], "mounted"],
];
test.each(cases)("a bind by %p can be written to at: %p", async (words, seen) => {
  const options = words.map((word) => word.replace("SOURCE", source));
  const said = await engine.output("run", "--rm", ...options, "base", "sh", "-c", `${isMounted}; ${written}`);
  expect(said.split("\n").join(" ")).toBe(seen);
});

test.each([
  [{ ReadOnlyForceRecursive: true, ReadOnlyNonRecursive: true }, "mount options conflict"],
  [{ ReadOnlyForceRecursive: true, Propagation: "rslave" }, "needs the propagation rprivate"],
])("a bind that must be read-only throughout is refused with %p", async (options, message) => {
  const mount = { Type: "bind", Source: source, Target: "/m", ReadOnly: true, BindOptions: options };
  const answer = await engine.http("POST", "/containers/create", {
    Image: "base",
    HostConfig: { Mounts: [mount] },
  });
  expect(answer.status).toBe(400);
  expect(answer.text).toContain(message);
});

function binds(count: number): string[] {
  return Array.from({ length: count }, (_, index) => ["-v", `${source}:/m/${index}`]).flat();
}

test("two hundred binds", async () => {
  const count = "grep -c ' /m/[0-9]* ' /proc/self/mountinfo";
  expect(await engine.output("run", "--rm", ...binds(200), "base", "sh", "-c", count)).toBe("200");
});

test("more binds than a start takes are refused before anything is started, and nothing is left", async () => {
  await engine.output("run", "--rm", "base", "true");
  const before = engine.snapshot();
  const { exitCode, stderr } = await engine.cli("run", "--rm", ...binds(300), "base", "true");
  expect(exitCode).toBe(125);
  expect(stderr).toMatch(/the container needs 3\d\d descriptors at its start, at most 252 can be sent/);
  expect(await engine.leftovers(before)).toEqual([]);
});

test("a tmpfs has the mode of the directory that it covers, and 1777 where there is none", async () => {
  const modes = [
    "--tmpfs",
    "/etc",
    "--tmpfs",
    "/absent",
    "--mount",
    "type=tmpfs,target=/root,tmpfs-mode=750",
  ];
  const said = await engine.output(
    "run",
    "--rm",
    ...modes,
    "base",
    "stat",
    "-c",
    "%a",
    "/etc",
    "/absent",
    "/root",
  );
  expect(said.split("\n")).toEqual(["755", "1777", "750"]);
});
