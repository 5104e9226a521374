/** Layers as images: the same store, with what is different about them. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { HostMounts } from "../../../test/support/host-mount.ts";
import { archiveOf, type Member } from "../../../test/support/layer-archive.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { openFlags, openInRoot, readText } from "../../kernel/files.ts";
import type { ImageMountWay } from "../../kernel/image-mount.ts";
import { readToEnd } from "../../kernel/io.ts";
import { inMounts } from "../../kernel/private-mounts.ts";
import { probe } from "../../kernel/probe.ts";
import { syscall } from "../../kernel/syscall.ts";
import { TreeView } from "../../kernel/tree-view.ts";
import { TiffinError } from "../../lib/errors.ts";
import { parseMountInfo } from "../../linux/mountinfo.ts";
import { rlimitNumbers } from "../../linux/rlimits.ts";
import { decideLayerForm } from "./layer-form.ts";
import { closeLowers, type LayerStore, type Lower } from "./layer-store.ts";
import { openOverlayLayerStore } from "./overlay-layer-store.ts";
import { treeLayerOf } from "./root-layers.ts";

const facts = probe();
const possible = facts.features.erofs && facts.identity.uid === 0;
const ownWay: ImageMountWay = facts.features.erofsFromFiles ? "file" : "loop";

let scratch: TemporaryDirectory;
let store: LayerStore;
const failures: unknown[] = [];
const open = (way: ImageMountWay = ownWay, attached = false): LayerStore =>
  openOverlayLayerStore({
    root: scratch.path,
    form: { kind: "image", way, attached },
    report: (thrown) => failures.push(thrown),
  });

beforeEach(() => {
  scratch = temporaryDirectory("images");
  store = open();
  failures.length = 0;
});
afterEach(async () => {
  await store.emptied();
  store.close();
  scratch[Symbol.dispose]();
  expect(failures).toEqual([]);
});

function layerOf(members: readonly Member[], into = store): string {
  using ingest = into.ingest();
  ingest.push(archiveOf(members));
  return ingest.finish().id;
}

const imageOf = (id: string): string => `${scratch.path}/layers/${id}/image`;

function textIn(lower: Lower, path: string): string {
  if (lower.kind !== "image") throw new Error("an image was wanted");
  using file = openInRoot(lower.mount, path, openFlags.readOnly);
  return Buffer.from(readToEnd(file, 1000)).toString();
}

async function thrownBy(action: () => unknown): Promise<TiffinError> {
  try {
    await action();
  } catch (thrown) {
    if (thrown instanceof TiffinError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}

test.skipIf(!possible)("a layer is one file, mounted as a descriptor and on the host nowhere", () => {
  const id = layerOf([{ path: "etc/motd", content: "hello" }]);
  expect(readdirSync(`${scratch.path}/layers/${id}`).sort()).toEqual([
    "image",
    "layer.json",
    "tar-skeleton.zst",
  ]);
  expect(store.layerBytes(id)).toBe(5);
  expect(store.lowerPaths([id])).toEqual([imageOf(id)]);
  const lowers = store.openLowers([id]);
  expect(textIn(lowers[0] as Lower, "etc/motd")).toBe("hello");
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(" erofs ");
  closeLowers(lowers);
});

test.skipIf(!possible)("all who open a layer have the same mount, and with the store it is gone", () => {
  const before = readdirSync("/proc/self/fd").length;
  const id = layerOf([{ path: "f", content: "1" }]);
  const all = [store.openLowers([id]), store.openLowers([id])].flat();
  const devices = all.map(
    (lower) => lower.kind === "image" && statSync(`/proc/self/fd/${lower.mount.raw}`).dev,
  );
  expect(new Set(devices).size).toBe(1);
  closeLowers(all);
  store.close();
  expect(readdirSync("/proc/self/fd").length).toBe(before);
});

test.skipIf(!possible || !facts.features.loopDevices)(
  "where images are read from block devices only, one frees itself with the mount",
  () => {
    store.close();
    store = open("loop");
    const id = layerOf([{ path: "f", content: "by a loop device" }]);
    const lowers = store.openLowers([id]);
    expect(textIn(lowers[0] as Lower, "f")).toBe("by a loop device");
    const backing = (): string[] =>
      readdirSync("/sys/block")
        .map((name) => `/sys/block/${name}/loop/backing_file`)
        .filter((path) => existsSync(path))
        .map((path) => readFileSync(path, "utf8").trim());
    expect(backing()).toContain(imageOf(id));
    closeLowers(lowers);
    store.close();
    expect(backing()).not.toContain(imageOf(id));
  },
);

test.skipIf(!possible)(
  "where overlays take no mount that is attached nowhere, images are attached in a namespace of the store's own",
  () => {
    store.close();
    store = open(ownWay, true);
    const ids = ["1", "2"].map((content) => layerOf([{ path: "f", content }]));
    const lowers = store.openLowers(ids);
    using namespace = store.openNamespace();
    if (namespace === undefined) throw new Error("a namespace was wanted");
    const seen = inMounts(namespace, () => {
      return lowers.map((lower) => readText(`${lower.kind === "image" ? lower.attached?.place : ""}/f`));
    });
    expect(seen).toEqual(["2", "1"]);
    expect(lowers.map((lower) => textIn(lower, "f"))).toEqual(["2", "1"]);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(scratch.path);
    // Nothing of the host is kept from being unmounted by it.
    const mounted = inMounts(namespace, () => readText("/proc/thread-self/mountinfo"));
    expect(parseMountInfo(mounted).filter(({ type }) => type === "tmpfs" || type === "cgroup")).toEqual([]);
    closeLowers(lowers);
    const [first = ""] = ids;
    store.removeLayer(first);
    expect(inMounts(namespace, () => readText("/proc/thread-self/mountinfo"))).not.toContain(first);
  },
);

test.skipIf(!possible)("a chain may hold images and directories, and a view merges them", () => {
  const directories = openOverlayLayerStore({ root: scratch.path });
  const lower = layerOf(
    [
      { path: "a/old", content: "1" },
      { path: "b/x", content: "2" },
    ],
    directories,
  );
  directories.close();
  const upper = layerOf([{ path: "a/.wh.old" }, { path: "a/new", content: "3" }]);
  const lowers = store.openLowers([lower, upper]);
  expect(lowers.map(({ kind }) => kind)).toEqual(["image", "directory"]);
  using view = new TreeView(lowers.map(treeLayerOf));
  expect(Buffer.from(view.read("/a/new", 10) ?? []).toString()).toBe("3");
  expect(view.read("/a/old", 10)).toBeUndefined();
  expect(Buffer.from(view.read("/b/x", 10) ?? []).toString()).toBe("2");
  closeLowers(lowers);
});

test.skipIf(!possible)("a container's own directory repeats owner and mode of an image's top", () => {
  const id = layerOf([{ path: ".", type: "directory", mode: 0o1711, uid: 70_000, gid: 8 }]);
  const { mode, uid, gid } = statSync(store.prepare("c1", [id]).upper);
  expect([mode & 0o7777, uid, gid]).toEqual([0o1711, 70_000, 8]);
});

test.skipIf(!possible)(
  "want of descriptors says nothing of an image, and marks none as damaged",
  async () => {
    const id = layerOf([{ path: "file", content: new Uint8Array(3_000_000).fill(7) }]);
    const [before, none] = [new BigUint64Array(2), new BigUint64Array(2)];
    const set = (limits: BigUint64Array | 0, old: BigUint64Array | 0) =>
      syscall("prlimit64", "descriptors", 0, rlimitNumbers.RLIMIT_NOFILE, limits, old);
    set(0, before);
    none[1] = before[1] ?? 0n;
    set(none, 0);
    let error: unknown;
    try {
      error = await store.checkLayer(id).catch((thrown: unknown) => thrown);
    } finally {
      set(before, 0);
    }
    expect(error).toMatchObject({ code: "EMFILE" });
    expect(await store.checkLayer(id)).toEqual({ result: "good" });
    expect(store.hasLayer(id)).toBe(true);
  },
);

test.skipIf(!possible)("an image that is not what was written is found and named", async () => {
  const members = [
    { path: "large", content: new Uint8Array(3_000_000).fill(7) },
    { path: "other", type: "hardLink", linkTarget: "large" },
  ] as const;
  const id = layerOf(members);
  expect(await store.checkLayer(id)).toEqual({ result: "good" });
  const whole = readFileSync(imageOf(id));
  for (const at of [1030, 5000, 2_500_000, whole.length - 1]) {
    const changed = Buffer.from(whole);
    changed[at] = (changed[at] ?? 0) ^ 1;
    writeFileSync(imageOf(id), changed);
    const found = await store.checkLayer(id);
    expect(found.result === "damaged" && found.problem).toStartWith(`${imageOf(id)}: check sum `);
  }
  truncateSync(imageOf(id), 4096);
  expect(await store.checkLayer(id)).toEqual({
    result: "damaged",
    problem: `${imageOf(id)}: 4096 bytes where ${whole.length} were written`,
  });
  writeFileSync(imageOf(id), new Uint8Array(8192));
  const error = await thrownBy(() => store.openLowers([id]));
  expect([error.code, error.message]).toEqual([
    "layer.not-mounted",
    `cannot mount layer ${id}: fsconfig EROFS image ${imageOf(id)}: EINVAL`,
  ]);
});

test.skipIf(!possible)(
  "what is another layer than was wanted, is no tar, or leads out leaves nothing",
  async () => {
    const good = archiveOf([{ path: "a", content: "1" }]);
    const cases = [
      ["layer.other-digest", good],
      ["archive.malformed", good.subarray(0, 600)],
      ["archive.escapes", archiveOf([{ path: "../x" }])],
    ] as const;
    for (const [code, bytes] of cases) {
      const error = await thrownBy(() => {
        using ingest = store.ingest();
        ingest.push(bytes);
        ingest.finish("0".repeat(64));
      });
      expect(error.code).toBe(code);
    }
    await store.emptied();
    expect([readdirSync(`${scratch.path}/layers`), readdirSync(`${scratch.path}/trash`)]).toEqual([[], []]);
  },
);

test.skipIf(!possible)("a disk that is full refuses a layer in words, and leaves nothing of it", async () => {
  await using mounts = new HostMounts();
  const place = `${scratch.path}/small`;
  mkdirSync(place);
  mounts.add(place, "size=6m");
  const small = openOverlayLayerStore({ root: place, form: { kind: "image", way: "loop", attached: false } });
  const archive = archiveOf([{ path: "large", content: randomBytes(8_000_000) }]);
  // Given up while other threads write: what they have is closed when they are done, and nothing of it is left either.
  {
    using ingest = small.ingest();
    ingest.push(archive.subarray(0, 5_500_000));
  }
  const error = await thrownBy(async () => {
    using ingest = small.ingest();
    ingest.push(archive);
    await ingest.settle();
    ingest.finish();
  });
  expect([error.kind, error.code]).toEqual(["unavailable", "layer.write-failed"]);
  expect(error.message).toMatch(/^cannot write the layer to \/.*: no space left on device$/);
  await small.emptied();
  expect([readdirSync(`${place}/layers`), readdirSync(`${place}/trash`)]).toEqual([[], []]);
  small.close();
});

test.skipIf(!possible)(
  "a damaged layer counts as missing, and coming in again it takes the other's place",
  async () => {
    const members = [{ path: "f", content: "whole" }] as const;
    const id = layerOf(members);
    const image = readFileSync(imageOf(id));
    image[1200] = (image[1200] ?? 0) ^ 1;
    writeFileSync(imageOf(id), image);
    expect((await store.checkLayer(id)).result).toBe("damaged");
    expect(store.hasLayer(id)).toBe(false);
    // A start finds it as damaged as it was.
    store.close();
    store = open();
    expect(store.hasLayer(id)).toBe(false);
    expect(layerOf(members)).toBe(id);
    expect(store.hasLayer(id)).toBe(true);
    expect(await store.checkLayer(id)).toEqual({ result: "good" });
    const lowers = store.openLowers([id]);
    expect(textIn(lowers[0] as Lower, "f")).toBe("whole");
    closeLowers(lowers);
    await store.emptied();
    expect(readdirSync(`${scratch.path}/layers`)).toEqual([id]);
  },
);

test.skipIf(!possible)("who has a layer open keeps it when it is removed", async () => {
  const id = layerOf([{ path: "f", content: "still there" }]);
  const lowers = store.openLowers([id]);
  store.removeLayer(id);
  await store.emptied();
  expect(store.hasLayer(id)).toBe(false);
  expect(textIn(lowers[0] as Lower, "f")).toBe("still there");
  closeLowers(lowers);
});

test("the form of new layers is chosen from what the kernel can", () => {
  const ext4 = 0xef53;
  const formWith = (features: Partial<typeof facts.features>, fileSystem = ext4) =>
    decideLayerForm(
      {
        ...facts,
        identity: { ...facts.identity, inUserNamespace: false },
        features: {
          ...facts.features,
          erofs: true,
          erofsFromFiles: true,
          loopDevices: true,
          overlayDetachedLowers: true,
          overlayLowerdirAdd: true,
          ...features,
        },
      },
      fileSystem,
    );
  expect(formWith({})).toEqual({ kind: "image", way: "file", attached: false });
  const tmpfs = 0x0102_1994;
  expect(formWith({}, tmpfs)).toEqual({ kind: "image", way: "loop", attached: false });
  expect(formWith({ loopDevices: false }, tmpfs)).toEqual({ kind: "directory" });
  expect(formWith({ erofsFromFiles: false })).toEqual({ kind: "image", way: "loop", attached: false });
  expect(formWith({ erofsFromFiles: false, loopDevices: false })).toEqual({ kind: "directory" });
  expect(formWith({ erofs: false })).toEqual({ kind: "directory" });
  expect(formWith({ overlayDetachedLowers: false })).toEqual({ kind: "image", way: "file", attached: true });
});
