import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../../test/support/until.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { type ContainerRecord, createRecord, recordProcess, settleRecord } from "./container-record.ts";
import { KnownContainers, type Listed } from "./known-containers.ts";
import { startTicksOf } from "./status.ts";

let top = "";
let root = "";
let known = new KnownContainers();
let told: string[] = [];
let pauses = 0;
const host = {
  pause: async (): Promise<void> => {
    pauses += 1;
    await Promise.resolve();
  },
};
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), "tiffin-test-known-"));
  root = join(top, "root");
  mkdirSync(root);
  known = new KnownContainers();
  told = [];
  pauses = 0;
});
afterEach(() => rmSync(top, { recursive: true }));

const recordOf = (bundle: string, startSocket?: string): ContainerRecord => ({
  bundle,
  rootfs: `${bundle}/rootfs`,
  created: "2026-01-01T00:00:00Z",
  process: { args: ["true"], cwd: "/", user: { uid: 0, gid: 0 }, env: ["LARGE=1"] },
  cgroup: null,
  namespaces: [],
  ownPidNamespace: true,
  ...(startSocket !== undefined && { startSocket }),
});
const list = (): Promise<Listed[]> => known.list(root, host, (error) => void told.push(error.message));
const shown = async (): Promise<string[]> =>
  (await list()).map(({ container: { id, record }, status }) => `${id} ${record.bundle} ${status}`);
/** From the second list on all is told from memory. */
const twice = async (): Promise<void> => {
  await list();
  await list();
};
const create = (id: string, bundle = "/b", startSocket?: string): OwnedFd =>
  createRecord(root, id, recordOf(bundle, startSocket));
async function settle(file: OwnedFd, pid: number): Promise<void> {
  await settleRecord(file, { pid, startTicks: startTicksOf(pid) ?? 0 }, host);
}
const openDescriptors = (): number => readdirSync("/proc/self/fd").length;

test("what has not changed is not read again, and what a list does not show is not kept", async () => {
  using _file = create("a");
  await twice();
  const [one] = await list();
  const [again] = await list();
  expect(one?.container).toBe(again?.container as NonNullable<typeof one>["container"]);
  expect(one?.container.record.process).toBeUndefined();
  expect(one?.uid).toBe(process.geteuid?.() ?? 0);
});

test("a state that changes is told at once: created, recorded, started, ended, deleted", async () => {
  await twice();
  expect(await shown()).toEqual([]);
  using file = create("a", "/b", `@start-${"a1".repeat(8)}`);
  expect(await shown()).toEqual(["a /b creating"]);
  const sleeper = Bun.spawn(["sleep", "1000"]);
  try {
    const pid = sleeper.pid;
    recordProcess(file, { pid, startTicks: startTicksOf(pid) ?? 0 });
    expect(await shown()).toEqual(["a /b creating"]);
    writeFileSync(join(root, `@start-${"a1".repeat(8)}`), "");
    await settle(file, pid);
    expect(await shown()).toEqual(["a /b created"]);
    rmSync(join(root, `@start-${"a1".repeat(8)}`));
    expect(await shown()).toEqual(["a /b running"]);
  } finally {
    sleeper.kill("SIGKILL");
  }
  await until("the end", async () => (await shown())[0] === "a /b stopped");
  await sleeper.exited;
  expect(await shown()).toEqual(["a /b stopped"]);
  rmSync(join(root, "a"));
  expect(await shown()).toEqual([]);
});

test("a number that another process has by now is no container that lives", async () => {
  using file = create("a");
  await settleRecord(file, { pid: process.pid, startTicks: 1 }, host);
  await twice();
  expect(await shown()).toEqual(["a /b stopped"]);
});

test("another container of the same name is another one", async () => {
  create("a")[Symbol.dispose]();
  await twice();
  rmSync(join(root, "a"));
  create("a", "/c")[Symbol.dispose]();
  expect(await shown()).toEqual(["a /c creating"]);
});

test("a root in another's place is another one, and one that is gone has nothing", async () => {
  create("a")[Symbol.dispose]();
  await twice();
  renameSync(root, join(top, "before"));
  expect(await shown()).toEqual([]);
  mkdirSync(root);
  create("b")[Symbol.dispose]();
  expect(await shown()).toEqual(["b /b creating"]);
  rmSync(root, { recursive: true });
  symlinkSync("before", root);
  await twice();
  expect(await shown()).toEqual(["a /b creating"]);
});

test("what is no state of this user's is told of each time and shown never, until it is one", async () => {
  await twice();
  writeFileSync(join(top, "elsewhere"), "tiffin-runtime 1 ");
  symlinkSync("../elsewhere", join(root, "link"));
  mkdirSync(join(root, "directory"));
  create("good")[Symbol.dispose]();
  writeFileSync(join(root, "torn"), "tiffin-runtime 1 0000000000 00000000000000000000\n{}}\n");
  for (const _time of [1, 2]) {
    told = [];
    expect(await shown()).toEqual(["good /b creating"]);
    expect(told.length).toBe(3);
  }
  rmSync(join(root, "torn"));
  linkSync(join(root, "good"), join(root, "torn"));
  expect(await shown()).toEqual(["good /b creating", "torn /b creating"]);
});

test("more changes than the kernel remembers have all read again", async () => {
  create("a")[Symbol.dispose]();
  await twice();
  // Equal ones that follow each other count once, so two take turns.
  for (let count = 0; count < 10_000; count += 1) {
    writeFileSync(join(root, "@one"), "");
    writeFileSync(join(root, "@two"), "");
  }
  rmSync(join(root, "a"));
  create("b")[Symbol.dispose]();
  expect(await shown()).toEqual(["b /b creating"]);
});

test("descriptors are given back: of what has ended, of what is gone, of roots that nobody asks for", async () => {
  const before = openDescriptors();
  using file = create("a");
  await settle(file, process.pid);
  await twice();
  // The state file, inotify, the process.
  expect(openDescriptors()).toBe(before + 3);
  rmSync(join(root, "a"));
  await list();
  expect(openDescriptors()).toBe(before + 2);
  for (const other of ["w", "x", "y", "z"]) await known.list(join(top, other), host, () => undefined);
  expect(openDescriptors()).toBe(before + 1);
});

test("lists that overlap, in a root that is replaced meanwhile, see what is there", async () => {
  for (let count = 100; count < 200; count += 1) create(`c${count}`)[Symbol.dispose]();
  await list();
  const all = [list(), list(), list()];
  renameSync(root, join(top, "before"));
  mkdirSync(root);
  create("new")[Symbol.dispose]();
  expect(await shown()).toEqual(["new /b creating"]);
  for (const one of await Promise.all(all)) expect(one.length).toBeLessThanOrEqual(100);
  expect(pauses).toBeGreaterThan(0);
  expect(await shown()).toEqual(["new /b creating"]);
});
