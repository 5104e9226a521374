import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { until } from "../../../test/support/until.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { LayerStore } from "./layer-store.ts";
import { openOverlayLayerStore } from "./overlay-layer-store.ts";

let root = "";
let store: LayerStore;
const failures: unknown[] = [];
const open = () => openOverlayLayerStore({ root, report: (thrown) => failures.push(thrown) });
const layerA = "a".repeat(64);
const layerB = "b".repeat(64);

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

function commit(id: string, fill: (directory: string) => void = () => {}): void {
  const draft = store.draft();
  fill(draft.directory);
  draft.commit(id, { bytes: 5 });
}

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
  commit(layerA);
  commit(layerB);
  const container = store.prepare("c1", [layerA, layerB]);
  expect(container.lowers).toEqual([`${root}/layers/${layerB}/diff`, `${root}/layers/${layerA}/diff`]);
  expect(readdirSync(container.directory).sort()).toEqual(["logs", "record", "upper", "work"]);
  expect(statSync(container.record).size).toBe(64);
  expect(statSync(container.directory).mode & 0o777).toBe(0o700);
  expect(statSync(container.upper).mode & 0o777).toBe(0o755);
  expect(store.containerDirectory("c1", [layerA, layerB])).toEqual(container);
});

test("the upper directory repeats owner and mode of the top layer", () => {
  commit(layerA, (directory) => chmodSync(directory, 0o1711));
  expect(statSync(store.prepare("c1", [layerA]).upper).mode & 0o7777).toBe(0o1711);
});

test("preparing over a missing layer fails and leaves nothing", () => {
  const error = errorOf(() => store.prepare("c1", [layerA]));
  expect([error.kind, error.code]).toEqual(["notFound", "layer.missing"]);
  expect(readdirSync(`${root}/containers`)).toEqual([]);
});

test("preparing a container twice fails and keeps the first directory", () => {
  commit(layerA);
  const container = store.prepare("c1", [layerA]);
  writeFileSync(`${container.upper}/kept`, "x");
  const error = errorOf(() => store.prepare("c1", [layerA]));
  expect([error.kind, error.code]).toEqual(["conflict", "layer.container-exists"]);
  expect(existsSync(`${container.upper}/kept`)).toBe(true);
});

test("committing a layer that exists discards the draft", async () => {
  commit(layerA, (directory) => writeFileSync(`${directory}/first`, ""));
  commit(layerA, (directory) => writeFileSync(`${directory}/second`, ""));
  expect(readdirSync(store.layerDirectory(layerA))).toEqual(["first"]);
  expect(store.layerBytes(layerA)).toBe(5);
  await store.emptied();
  expect(readdirSync(`${root}/layers`)).toEqual([layerA]);
  expect(readdirSync(`${root}/trash`)).toEqual([]);
});

test("a bad layer id is refused", () => {
  const draft = store.draft();
  expect(errorOf(() => draft.commit("../x", { bytes: 0 })).code).toBe("layer.bad-id");
  draft.abort();
  expect(store.hasLayer("../x")).toBe(false);
});

test("removal takes the directory away at once and deletes without following symbolic links", async () => {
  commit(layerA);
  const outside = `${root}/outside`;
  mkdirSync(outside);
  writeFileSync(`${outside}/file`, "stays");
  const container = store.prepare("c1", [layerA]);
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
  commit(layerA);
  commit(layerB);
  store.draft();
  store.prepare("kept", [layerA]);
  const lost = store.prepare("lost", [layerA]);
  writeFileSync(`${lost.upper}/file`, "of a user");
  store.prepare("interrupted", [layerA]);
  mkdirSync(`${root}/containers/.ready-0`);
  mkdirSync(`${root}/trash/left-by-a-crash`);
  store = open();
  const found = store.sweep({ layers: new Set([layerA]), containers: new Set(["kept"]) });
  expect(found).toEqual({ containers: ["lost"], layers: [layerB] });
  await store.emptied();
  expect(readdirSync(`${root}/layers`).sort()).toEqual([layerA, layerB].sort());
  expect(readdirSync(`${root}/containers`).sort()).toEqual(["kept", "lost"]);
  expect(readdirSync(`${root}/trash`)).toEqual([]);
  expect(store.hasLayer(layerB)).toBe(true);
});

test("directories made ahead of need are used first and are gone after close", async () => {
  commit(layerA);
  store.warm(2);
  await until("two directories", () => readdirSync(`${root}/containers`).length === 2);
  store.prepare("c1", [layerA]);
  expect(readdirSync(`${root}/containers`).filter((name) => name.startsWith(".")).length).toBe(1);
  await store.emptied();
  store.close();
  expect(readdirSync(`${root}/containers`)).toEqual(["c1"]);
});

test("the size of a container counts hard links once", async () => {
  commit(layerA);
  const { upper } = store.prepare("c1", [layerA]);
  writeFileSync(`${upper}/one`, "12345");
  linkSync(`${upper}/one`, `${upper}/two`);
  mkdirSync(`${upper}/directory`);
  writeFileSync(`${upper}/directory/three`, "123");
  expect(await store.containerBytes("c1")).toBe(8);
  expect(await store.containerBytes("unknown")).toBe(0);
});
