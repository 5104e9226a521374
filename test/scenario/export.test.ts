/** What a container changed, and its files as one archive: over the API and the command line. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";

let engine: TestEngine;
let directory = "";
beforeAll(async () => {
  engine = await startEngine();
  directory = mkdtempSync("/tmp/tiffin-test-export-");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

/** A bit of everything that can be done to files. */
const everything = [
  "echo hi:x:9:9:::/bin/sh >> /etc/passwd",
  "mkdir /new; echo a > /new/f; mkfifo /new/fifo; ln /new/f /new/g; ln -s /etc /link",
  "mkdir -p /opt/x/y; touch /opt/x/y/z; chown 70000:3 /opt/x/y/z",
  "touch /tmp/t; rm /tmp/t; touch /var",
  "rm /etc/group; mv /etc/shadow /etc/shadow2; chmod 700 /home",
  "rm -rf /var/lib; mkdir /var/lib; echo b > /var/lib/new",
].join("\n");

/** What `dockerd` says for the same container, in order of paths. */
const told = [
  "A /data",
  "C /etc",
  "D /etc/group",
  "C /etc/passwd",
  "D /etc/shadow",
  "A /etc/shadow2",
  "C /home",
  "A /link",
  "A /new",
  "A /new/f",
  "A /new/fifo",
  "A /new/g",
  "C /opt",
  "A /opt/x",
  "A /opt/x/y",
  "A /opt/x/y/z",
  "C /var",
  "C /var/lib",
  "A /var/lib/new",
];

const unpacked = (archive: string): string => {
  const target = mkdtempSync(`${directory}/unpacked-`);
  expect(Bun.spawnSync(["tar", "-xpf", archive, "-C", target]).exitCode).toBe(0);
  return target;
};

test("diff tells what was added, changed and deleted, and nothing of what was only touched or mounted", async () => {
  await engine.output("run", "--name", "changes", "-v", "/data", "base", "sh", "-ec", everything);
  expect((await engine.output("diff", "changes")).split("\n")).toEqual(told);
  expect((await engine.http("GET", "/v1.41/containers/changes/changes")).json()).toContainEqual({
    Path: "/etc/group",
    Kind: 2,
  });
  await engine.output("run", "--name", "untouched", "base", "true");
  expect(await engine.output("diff", "untouched")).toBe("");
  expect((await engine.http("GET", "/containers/untouched/changes")).json()).toEqual([]);
  const missing = await engine.cli("diff", "nobody");
  expect([missing.exitCode, missing.stderr]).toEqual([
    1,
    "Error response from daemon: No such container: nobody\n",
  ]);
});

test("an export is the whole root without what is mounted, for a container that runs as for one that does not", async () => {
  const script = `${everything}\necho volume > /data/kept; echo ready; exec sleep 1000`;
  await engine.output("run", "-d", "--name", "exported", "-v", "/data", "base", "sh", "-ec", script);
  await engine.output("exec", "exported", "sh", "-c", "until [ -e /data/kept ]; do :; done");
  const [alive, stopped] = [`${directory}/alive.tar`, `${directory}/stopped.tar`];
  await engine.output("export", "-o", alive, "exported");
  await engine.output("stop", "-t", "0", "exported");
  await engine.output("export", "--output", stopped, "exported");
  expect(readFileSync(alive).equals(readFileSync(stopped))).toBe(true);
  const root = unpacked(alive);
  expect(readFileSync(`${root}/etc/passwd`, "utf8")).toEndWith("hi:x:9:9:::/bin/sh\n");
  expect(
    ["etc/group", "etc/shadow", "data/kept", "proc/self"].filter((path) => existsSync(`${root}/${path}`)),
  ).toEqual([]);
  expect(statSync(`${root}/new/f`).ino).toBe(statSync(`${root}/new/g`).ino);
  expect(statSync(`${root}/opt/x/y/z`).uid).toBe(70_000);
  expect(statSync(`${root}/home`).mode & 0o777).toBe(0o700);
  expect(statSync(alive).mode & 0o777).toBe(0o600);
});

test("a container with ids of its own exports them as it has them", async () => {
  const script = "chown 5:6 /opt; echo x > /mine; chmod 4755 /mine";
  await engine.output("run", "--name", "mapped", "--userns", "private", "base", "sh", "-ec", script);
  const archive = `${directory}/mapped.tar`;
  await engine.output("export", "-o", archive, "mapped");
  const root = unpacked(archive);
  const status = (path: string): number[] => {
    const { uid, gid, mode } = statSync(`${root}/${path}`);
    return [uid, gid, mode & 0o7777];
  };
  expect([status("opt"), status("mine"), status("etc/passwd")]).toEqual([
    [5, 6, 0o755],
    [0, 0, 0o4755],
    [0, 0, 0o644],
  ]);
  expect(await engine.output("diff", "mapped")).toBe("A /mine\nC /opt");
});

test("an output that cannot be is refused before anything is read, and a failed export leaves the file that was there", async () => {
  const path = `${directory}/kept.tar`;
  writeFileSync(path, "earlier");
  const refused = async (...args: string[]): Promise<string> => {
    const result = await engine.cli("export", ...args);
    expect([result.exitCode, result.stdout]).toEqual([1, ""]);
    return result.stderr.trim();
  };
  expect(await refused("-o", `${directory}/no/file`, "untouched")).toBe(
    `failed to export container: invalid output path: stat ${directory}/no: no such file or directory`,
  );
  expect(await refused("-o", "/dev/null", "untouched")).toEndWith("cannot write to a character device file");
  expect(await refused("-o", path, "nobody")).toBe("Error response from daemon: No such container: nobody");
  expect(readFileSync(path, "utf8")).toBe("earlier");
  const session = engine.terminal(["export", "untouched"]);
  await session.see("cowardly refusing to save to a terminal. Use the -o flag or redirect");
  expect(await session.exited()).toBe(1);
});
