import type { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { TiffinError } from "../../lib/errors.ts";
import { type LayerStore, openOverlayLayerStore } from "../layer/mod.ts";
import { migratedDatabase } from "../store/testing/migrated-database.ts";
import type { ImageStore } from "./image.ts";
import { openImageStore } from "./image-store.ts";
import { imageInspect, imageSummary } from "./present.ts";

let root = "";
let layers: LayerStore;
let images: ImageStore;
let database: Database;

beforeEach(() => {
  root = mkdtempSync("/tmp/tiffin-test-image-");
  database = migratedDatabase(`${root}/db`);
  layers = openOverlayLayerStore({ root });
  images = openImageStore({ database, layers });
});
afterEach(async () => {
  await layers.emptied();
  layers.close();
  database.close();
  rmSync(root, { recursive: true, force: true });
});

function errorOf(action: () => unknown): TiffinError {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof TiffinError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}

test("base is made on its first use and found by name, id and prefix", () => {
  expect(images.list()).toEqual([]);
  const base = images.resolve("base");
  expect(base.config.Cmd).toEqual(["sh"]);
  expect(base.chain.length).toBe(1);
  const hex = base.id.slice("sha256:".length);
  for (const name of ["base:latest", "docker.io/library/base", base.id, hex, hex.slice(0, 12)]) {
    expect(images.resolve(name).id).toBe(base.id);
  }
  expect(images.resolve(`sha256:${hex.slice(0, 12)}`).id).toBe(base.id);
  expect(images.tags(base.id)).toEqual(["base:latest"]);
  expect([...images.layers()]).toEqual([...base.chain]);
});

test("base has a shell, users, and modes that the process's umask did not change", () => {
  const before = process.umask(0o077);
  try {
    const [layer = ""] = images.resolve("base").chain;
    const directory = `${root}/layers/${layer}/diff`;
    const mode = (path: string) => lstatSync(`${directory}/${path}`).mode & 0o7777;
    expect(readlinkSync(`${directory}/bin/sh`)).toBe("busybox");
    expect(readlinkSync(`${directory}/usr/bin`)).toBe("../bin");
    expect(existsSync(`${directory}/usr/bin/env`)).toBe(true);
    expect(readFileSync(`${directory}/etc/passwd`, "utf8")).toStartWith("root:x:0:0:root:/root:/bin/sh\n");
    expect(["bin/busybox", "tmp", "root", "etc/passwd", "proc"].map(mode)).toEqual([
      0o755, 0o1777, 0o700, 0o644, 0o555,
    ]);
  } finally {
    process.umask(before);
  }
});

test("the id is the digest of the configuration and the same on every host with this busybox", () => {
  const base = images.resolve("base");
  const digest = createHash("sha256").update(images.configuration(base.id)).digest("hex");
  expect(base.id).toBe(`sha256:${digest}`);
  const otherRoot = mkdtempSync("/tmp/tiffin-test-image-");
  try {
    using other = migratedDatabase();
    const otherLayers = openOverlayLayerStore({ root: otherRoot });
    expect(openImageStore({ database: other, layers: otherLayers }).resolve("base").id).toBe(base.id);
  } finally {
    rmSync(otherRoot, { recursive: true, force: true });
  }
});

test("a store that is opened again knows its images", () => {
  const base = images.resolve("base");
  expect(openImageStore({ database, layers, busybox: "/nonexistent" }).resolve("base")).toEqual(base);
});

test("base is made again when its layer is gone", () => {
  const base = images.resolve("base");
  for (const layer of base.chain) layers.removeLayer(layer);
  expect(images.resolve("base").id).toBe(base.id);
  expect(base.chain.every((layer) => layers.hasLayer(layer))).toBe(true);
});

test.each([
  ["foo", "No such image: foo:latest"],
  ["foo:1", "No such image: foo:1"],
  ["localhost:5000/foo", "No such image: localhost:5000/foo:latest"],
  ["deadbeef", "No such image: deadbeef:latest"],
  [`sha256:${"0".repeat(64)}`, `No such image: sha256:${"0".repeat(64)}`],
])("an unknown image %s is reported in Docker's words", (reference, message) => {
  const error = errorOf(() => images.resolve(reference));
  expect([error.kind, error.code, error.message]).toEqual(["notFound", "image.not-found", message]);
});

test.each([
  ["/nonexistent/busybox", (path: string) => path],
  [
    "not a program",
    (path: string) => {
      writeFileSync(`${path}/text`, "#!/bin/sh\n");
      return `${path}/text`;
    },
  ],
  ["a program that needs a dynamic linker", () => "/bin/ls"],
])("base without a usable busybox (%s) says what to install and leaves nothing", (_what, make) => {
  const store = openImageStore({ database, layers, busybox: make(root) });
  const error = errorOf(() => store.resolve("base"));
  expect([error.kind, error.code]).toEqual(["unavailable", "image.no-busybox"]);
  expect(error.remedy).toBe("install it with: apt-get install busybox-static");
  expect(store.list()).toEqual([]);
});

test("an image is presented in Docker's shapes", () => {
  const base = images.resolve("base");
  const names = { tags: images.tags(base.id), digests: images.digests(base.id) };
  const summary = imageSummary(base, names, { containers: 0, sharedSize: -1 });
  expect(summary).toMatchObject({ Id: base.id, RepoTags: ["base:latest"], Size: base.size, Labels: null });
  const inspect = imageInspect(base, names, images.taggedMs(base.id));
  expect(inspect.RootFS).toEqual({ Type: "layers", Layers: base.chain.map((id) => `sha256:${id}`) });
  expect(inspect.Config?.Cmd).toEqual(["sh"]);
});
