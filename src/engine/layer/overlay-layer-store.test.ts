import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { HostMounts } from "../../../test/support/host-mount.ts";
import { until } from "../../../test/support/until.ts";
import { recordBytes } from "../../abi/schema.ts";
import { endOfArchive, headerOf, padding, type TarEntry } from "../../archive/mod.ts";
import { listDirectory } from "../../kernel/directory.ts";
import { openFile, openFlags } from "../../kernel/files.ts";
import { inPrivateMounts } from "../../kernel/private-mounts.ts";
import { cString, syscall } from "../../kernel/syscall.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { LayerStore } from "./layer-store.ts";
import { openOverlayLayerStore } from "./overlay-layer-store.ts";

let root = "";
let store: LayerStore;
const failures: unknown[] = [];
const open = () => openOverlayLayerStore({ root, report: (thrown) => failures.push(thrown) });

beforeEach(() => {
  root = mkdtempSync("/tmp/tiffin-test-layer-");
  store = open();
  failures.length = 0;
});
afterEach(async () => {
  await store.emptied();
  store.close();
  rmSync(root, { recursive: true, force: true });
  expect(failures).toEqual([]);
});

const none: Omit<TarEntry, "type" | "path"> = {
  mode: 0o755,
  uid: 0,
  gid: 0,
  sizeBytes: 0,
  modifiedAtNs: 0n,
  linkTarget: "",
  deviceMajor: 0,
  deviceMinor: 0,
  attributes: new Map(),
};
const file = (path: string): TarEntry => ({ ...none, type: "file", path, sizeBytes: 5 });

/** The archive of members; files hold five bytes. */
function archiveOf(...members: readonly TarEntry[]): Uint8Array {
  const pieces = members.flatMap((entry) =>
    entry.sizeBytes === 0
      ? [headerOf(entry)]
      : [headerOf(entry), Buffer.from("12345".slice(0, entry.sizeBytes)), padding(entry.sizeBytes)],
  );
  return Buffer.concat([...pieces, endOfArchive]);
}

/** Stores a layer and returns its id. */
function layerOf(...members: readonly TarEntry[]): string {
  using ingest = store.ingest();
  ingest.push(archiveOf(...members));
  return ingest.finish().id;
}

const treeOf = (id: string): string => `${root}/layers/${id}/diff`;
const layerA = (): string => layerOf(file("first"));
const layerB = (): string => layerOf(file("second"));

function errorOf(action: () => unknown): TiffinError {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof TiffinError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}

test("a container directory lists its lowers uppermost first and has everything a supervisor writes to", () => {
  const a = layerA();
  const b = layerB();
  const container = store.prepare("c1", [a, b]);
  const lowers = [`${root}/layers/${b}/diff`, `${root}/layers/${a}/diff`];
  expect(store.openLowers([a, b])).toEqual(lowers.map((path) => ({ kind: "directory", path })));
  expect(store.lowerPaths([a, b])).toEqual(lowers);
  expect(readdirSync(container.directory).sort()).toEqual(["logs", "record", "upper", "work"]);
  expect(statSync(container.record).size).toBe(64);
  expect(statSync(container.directory).mode & 0o777).toBe(0o700);
  expect(statSync(container.upper).mode & 0o777).toBe(0o755);
  expect(store.containerDirectory("c1")).toEqual(container);
});

test("the upper directory repeats owner and mode of the top layer", () => {
  const a = layerOf({ ...none, type: "directory", path: "./", mode: 0o1711, uid: 7 });
  const { mode, uid } = statSync(store.prepare("c1", [a]).upper);
  expect([mode & 0o7777, uid]).toEqual([0o1711, 7]);
});

test("preparing over a missing layer fails and leaves nothing", () => {
  const error = errorOf(() => store.prepare("c1", ["a".repeat(64)]));
  expect([error.kind, error.code]).toEqual(["notFound", "layer.missing"]);
  expect(readdirSync(`${root}/containers`)).toEqual([]);
});

test("preparing a container twice fails and keeps the first directory", () => {
  const a = layerA();
  const container = store.prepare("c1", [a]);
  writeFileSync(`${container.upper}/kept`, "x");
  const error = errorOf(() => store.prepare("c1", [a]));
  expect([error.kind, error.code]).toEqual(["conflict", "layer.container-exists"]);
  expect(existsSync(`${container.upper}/kept`)).toBe(true);
});

test("a layer that exists already discards what came in", async () => {
  const id = layerA();
  expect(layerA()).toBe(id);
  expect(readdirSync(treeOf(id))).toEqual(["first"]);
  expect(store.layerBytes(id)).toBe(5);
  await store.emptied();
  expect(readdirSync(`${root}/layers`)).toEqual([id]);
  expect(readdirSync(`${root}/trash`)).toEqual([]);
});

test("what is another layer than was wanted, is no tar, or ends early leaves nothing", async () => {
  const whole = archiveOf(file("a"));
  const cases = [
    ["layer.other-digest", whole],
    ["archive.malformed", whole.subarray(0, 600)],
    ["archive.malformed", Buffer.from("<html>".repeat(200))],
    ["archive.escapes", archiveOf({ ...file("x"), path: "../x" })],
    ["archive.unpack-failed", archiveOf({ ...none, type: "hardLink", path: "x", linkTarget: "nosuch" })],
  ] as const;
  for (const [code, bytes] of cases) {
    const failing = (): void => {
      using ingest = store.ingest();
      ingest.push(bytes);
      ingest.finish("0".repeat(64));
    };
    expect(errorOf(failing).code).toBe(code);
  }
  await store.emptied();
  expect([readdirSync(`${root}/layers`), readdirSync(`${root}/trash`)]).toEqual([[], []]);
});

test("what a layer takes away stands in overlayfs's own words, and the kernel reads it so", () => {
  const lower = layerOf(
    { ...none, type: "directory", path: "kept" },
    file("kept/gone"),
    file("kept/stays"),
    { ...none, type: "directory", path: "closed" },
    file("closed/hidden"),
  );
  const upper = layerOf(
    { ...none, type: "directory", path: "kept" },
    { ...file("kept/.wh.gone"), sizeBytes: 0 },
    { ...none, type: "directory", path: "closed" },
    { ...file("closed/.wh..wh..opq"), sizeBytes: 0 },
    file("closed/new"),
  );
  store.prepare("c1", [lower, upper]);
  const lowers = store.lowerPaths([lower, upper]);
  const merged = `${root}/merged`;
  mkdirSync(merged);
  inPrivateMounts(() => {
    const type = cString("overlay");
    syscall("mount", merged, type, cString(merged), type, 0, cString(`lowerdir=${lowers.join(":")}`));
    const names = (path: string) => {
      using directory = openFile(undefined, path, openFlags.readOnly | openFlags.directory);
      return listDirectory(directory, path).map(({ name }) => name);
    };
    expect(names(`${merged}/kept`)).toEqual(["stays"]);
    expect(names(`${merged}/closed`)).toEqual(["new"]);
  });
});

test("removal takes the directory away at once and deletes without following symbolic links", async () => {
  const a = layerA();
  const outside = `${root}/outside`;
  mkdirSync(outside);
  writeFileSync(`${outside}/file`, "stays");
  const container = store.prepare("c1", [a]);
  symlinkSync(outside, `${container.upper}/link`);
  mkdirSync(`${container.work}/work`, { mode: 0 });
  store.remove("c1");
  expect(existsSync(container.directory)).toBe(false);
  store.remove("c1");
  await store.emptied();
  expect(readdirSync(`${root}/trash`)).toEqual([]);
  expect(existsSync(`${outside}/file`)).toBe(true);
});

test("a start sweeps what is unfinished and empties the trash; what nobody knows stays and is told", async () => {
  const a = layerA();
  const b = layerB();
  store.ingest().push(archiveOf(file("x")).subarray(0, 600));
  store.prepare("kept", [a]);
  const lost = store.prepare("lost", [a]);
  writeFileSync(`${lost.upper}/file`, "of a user");
  store.prepare("interrupted", [a]);
  mkdirSync(`${root}/containers/.ready-0`);
  mkdirSync(`${root}/trash/left-by-a-crash`);
  store = open();
  expect(store.sweep(new Set(["kept"]))).toEqual(["lost"]);
  expect(readdirSync(`${root}/unfinished`)).toEqual([]);
  mkdirSync(`${root}/layers/.ingest-of-an-older-engine`);
  expect(store.sweepLayers(new Set([a]))).toEqual([b]);
  await store.emptied();
  expect(readdirSync(`${root}/layers`).sort()).toEqual([a, b].sort());
  expect(readdirSync(`${root}/containers`).sort()).toEqual(["kept", "lost"]);
  expect(readdirSync(`${root}/trash`)).toEqual([]);
  expect(store.hasLayer(b)).toBe(true);
});

test("directories made ahead of need are used first and are gone after close", async () => {
  const a = layerA();
  store.warm(2);
  await until("two directories", () => readdirSync(`${root}/containers`).length === 2);
  store.prepare("c1", [a]);
  expect(readdirSync(`${root}/containers`).filter((name) => name.startsWith(".")).length).toBe(1);
  await store.emptied();
  store.close();
  expect(readdirSync(`${root}/containers`)).toEqual(["c1"]);
});

test("a directory ahead of need for which there is no room is told, leaves nothing, and is made when there is", async () => {
  await using mounts = new HostMounts();
  // Room for two directories, where one container has four files and directories, and its own.
  mounts.add(`${root}/containers`, "nr_inodes=3");
  store.warm(1);
  await until("a failure", () => failures.length > 0);
  expect(failures.splice(0).map(String)).toEqual([
    expect.stringMatching(/^Error: cannot make a container's directory ahead of need: .*ENOSPC/),
  ]);
  expect(readdirSync(`${root}/containers`)).toEqual([]);
  expect(() => store.prepare("c1", [])).toThrow("ENOSPC");
  expect(readdirSync(`${root}/containers`)).toEqual([]);
  Bun.spawnSync(["mount", "-o", "remount,nr_inodes=100", `${root}/containers`]);
  store.warm(1);
  await until("a directory", () => readdirSync(`${root}/containers`).length === 1);
  await store.emptied();
  store.close();
});

test("the directory of a container that has left nothing is used again, as good as new", async () => {
  const first = store.prepare("c1", [layerA()]);
  // What a life leaves in it: overlayfs's own directories, a log, a record, the engine's row.
  mkdirSync(`${first.work}/work/incompat/volatile`, { recursive: true });
  writeFileSync(`${first.work}/work/incompat/volatile/dirty`, "");
  writeFileSync(`${first.logs}/1.log`, "line");
  writeFileSync(first.record, new Uint8Array(recordBytes).fill(7));
  writeFileSync(`${first.directory}/container.json`, "{}");
  chmodSync(first.upper, 0o1777);
  store.remove("c1");
  expect(existsSync(first.directory)).toBe(false);
  await store.emptied();
  expect(readdirSync(`${root}/containers`)).toEqual([expect.stringMatching(/^\.ready-/)]);
  const second = store.prepare("c2", []);
  expect(readdirSync(`${root}/containers`)).toEqual(["c2"]);
  expect(readdirSync(second.directory).sort()).toEqual(["logs", "record", "upper", "work"]);
  for (const place of [second.upper, second.work, second.logs]) expect(readdirSync(place)).toEqual([]);
  expect(statSync(second.upper).mode & 0o7777).toBe(0o755);
  expect(statSync(second.work).mode & 0o7777).toBe(0o700);
  expect(readFileSync(second.record).equals(new Uint8Array(recordBytes))).toBe(true);
});

test("directories of containers that come and go are put elsewhere on the disk from time to time", async () => {
  const inodes = new Set<number>();
  for (let life = 0; life < 40; life += 1) {
    inodes.add(statSync(store.prepare(`c${life}`, []).directory).ino);
    store.remove(`c${life}`);
    await store.emptied();
  }
  expect(inodes.size).toBe(2);
});

test.each([
  ["a file in its layer", "upper/left"],
  ["something beside overlayfs's own", "work/other"],
  ["a name that nobody knows", "stranger"],
])("the directory of a container that has left %s is deleted", async (_what, left) => {
  const { directory } = store.prepare("c1", []);
  mkdirSync(`${directory}/${left}`, { recursive: true });
  store.remove("c1");
  await store.emptied();
  expect(readdirSync(`${root}/containers`)).toEqual([]);
  expect(readdirSync(`${root}/trash`)).toEqual([]);
});

test("the size of a container counts hard links once, and what symbolic links say", async () => {
  const a = layerA();
  const { upper } = store.prepare("c1", [a]);
  writeFileSync(`${upper}/one`, "12345");
  linkSync(`${upper}/one`, `${upper}/two`);
  mkdirSync(`${upper}/directory`);
  writeFileSync(`${upper}/directory/three`, "123");
  symlinkSync("target", `${upper}/link`);
  linkSync(`${upper}/link`, `${upper}/directory/other-name-of-it`);
  expect(await store.containerBytes("c1")).toBe(8 + 6);
  expect(await store.containerBytes("unknown")).toBe(0);
});
