/** Archives of images, good and bad ones. Whatever is wrong: one error that says what, and nothing left. */
import type { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import type { ProgressMessage } from "../../../docker/types/progress.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { EventBus } from "../../event/mod.ts";
import { type LayerStore, openOverlayLayerStore } from "../../layer/mod.ts";
import { openRegistryClient } from "../../registry/mod.ts";
import { migratedDatabase } from "../../store/testing/migrated-database.ts";
import type { ImageStore } from "../image.ts";
import { openImageStore } from "../image-store.ts";
import {
  blobOf,
  type Content,
  configOf,
  digestOf,
  dockerArchive,
  ociLayout,
  tarOf,
} from "../testing/image-archive.ts";
import { layerTar } from "../testing/made-image.ts";
import { type ImportContext, importArchive } from "./import-archive.ts";
import { loadArchive } from "./load-archive.ts";

const first = layerTar("a");
const second = layerTar("b");
const unknownDigest = `sha256:${"0".repeat(64)}`;
const host = { os: "linux", architecture: "amd64", variant: "" };
const limitBytes = 10_000_000;

let root = "";
let layers: LayerStore;
let images: ImageStore;
let database: Database;
let told: ProgressMessage[];
let context: ImportContext;

beforeEach(() => {
  root = mkdtempSync("/tmp/tiffin-test-load-");
  database = migratedDatabase(`${root}/db`);
  layers = openOverlayLayerStore({ root });
  images = openImageStore({ database, layers });
  told = [];
  const registry = openRegistryClient({ userAgent: "tiffin/test" });
  context = { images, layers, events: new EventBus(() => {}), registry, host, limitBytes, fail: () => {} };
});
afterEach(async () => {
  await layers.emptied();
  layers.close();
  database.close();
  rmSync(root, { recursive: true, force: true });
});

async function* pieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

async function loadBytes(bytes: Uint8Array, platform?: typeof host): Promise<void> {
  await loadArchive(context, pieces(bytes), { quiet: true, platform }, (message) => told.push(message));
}

const load = (members: Record<string, Content>) => loadBytes(tarOf(members));

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => new Error("nothing was thrown"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof TiffinError)) throw error;
  return `${error.code}: ${error.message}`;
}

function left(): unknown[] {
  return [
    images.size,
    readdirSync(`${root}/layers`),
    database.query("SELECT id FROM loose_layer").all(),
    database.query("SELECT id FROM image").all(),
  ];
}
const nothing = [0, [], [], []];

test("an archive of docker, whatever the order of its members", async () => {
  const members = Object.entries(dockerArchive([first, second], ["me/a:1", "b"]));
  for (const ordered of [members, members.toReversed()]) {
    told = [];
    await load(Object.fromEntries(ordered));
    const image = images.resolve("me/a:1");
    expect(image.id).toBe(digestOf(configOf([first, second])));
    expect(images.tags(image.id)).toEqual(["b:latest", "me/a:1"]);
    expect(told).toEqual([{ stream: "Loaded image: me/a:1\n" }, { stream: "Loaded image: b:latest\n" }]);
  }
  expect(database.query("SELECT id FROM loose_layer").all()).toEqual([]);
});

test("layers that are links to others, as podman writes them", async () => {
  const archive = dockerArchive([first], ["a:1"]);
  const path = `${digestOf(first).slice(7)}/layer.tar`;
  await load({ ...archive, [path]: { link: "../real.tar" }, "real.tar": first });
  expect(images.resolve("a:1").chain).toEqual([digestOf(first).slice(7)]);
});

test("an OCI layout, with compressed layers, and its manifest is kept", async () => {
  const zipped = new Uint8Array(Bun.gzipSync(first));
  await load(ociLayout([first], [zipped], { name: "quay.io/a:1" }));
  const image = images.resolve("quay.io/a:1");
  expect(image.chain).toEqual([digestOf(first).slice(7)]);
  const [manifest] = images.manifests(image.id);
  expect(digestOf(manifest?.content ?? "")).toBe(manifest?.digest ?? "");
});

test("an image without a name is told by its id; of several platforms the one that is wanted is taken", async () => {
  await load(ociLayout([first]));
  expect(told).toEqual([{ stream: `Loaded image ID: ${digestOf(configOf([first]))}\n` }]);
  const other = dockerArchive([second], ["arm:1"], configOf([second], { architecture: "arm64" }));
  expect(await refusal(loadBytes(tarOf(other), host))).toContain("archive.no-platform");
  await loadBytes(tarOf(other), { ...host, architecture: "arm64" });
  expect(images.resolve("arm:1").architecture).toBe("arm64");
});

test("a tag that is taken moves, and that is told", async () => {
  await load(dockerArchive([first], ["a:1"]));
  const before = images.resolve("a:1").id;
  told = [];
  await load(dockerArchive([second], ["a:1"]));
  expect(told[0]?.stream).toBe(
    `The image a:1 already exists, renaming the old one with ID ${before} to empty string\n`,
  );
});

test("a layer that is there already need not be in the archive", async () => {
  await load(dockerArchive([first], ["a:1"]));
  const { [`${digestOf(first).slice(7)}/layer.tar`]: _absent, ...rest } = dockerArchive(
    [first, second],
    ["b:1"],
  );
  await load(rest);
  expect(images.resolve("b:1").chain.length).toBe(2);
});

const config = configOf([first]);
const good = dockerArchive([first], ["a:1"]);
const layerPath = `${digestOf(first).slice(7)}/layer.tar`;
const configPath = `${digestOf(config).slice(7)}.json`;
const manifest = (fields: object): string =>
  JSON.stringify([{ Config: configPath, RepoTags: ["a:1"], Layers: [layerPath], ...fields }]);
const without = (path: string): Record<string, Content> =>
  Object.fromEntries(Object.entries(good).filter(([name]) => name !== path));
const layout = ociLayout([first]);
const escaping = tarOf({ "../../etc/x": "y" });

test.each<[string, Record<string, Content>, string]>([
  [
    "nothing in it",
    {},
    "archive.bad-image: cannot load the archive: it has neither a manifest.json nor an index.json",
  ],
  [
    "an archive of an old docker",
    { repositories: "{}", "x/layer.tar": first },
    "saved by a docker older than 1.10",
  ],
  ["a missing layer", without(layerPath), `layer 1 of ${digestOf(config)} is not in it`],
  ["a missing configuration", without(configPath), `"${configPath}" is not in it`],
  [
    "a manifest that is no JSON",
    { ...good, "manifest.json": "{" },
    "manifest.json: invalid manifest.json: not JSON",
  ],
  ["a manifest of another shape", { ...good, "manifest.json": '{"a":1}' }, "found an object, wanted a list"],
  [
    "a manifest with more layers",
    { ...good, "manifest.json": manifest({ Layers: [layerPath, layerPath] }) },
    "has 1 layers, its manifest 2",
  ],
  [
    "a manifest with a configuration for a layer",
    { ...good, "manifest.json": manifest({ Layers: [configPath] }) },
    "is no layer",
  ],
  [
    "a manifest with a layer for a configuration",
    { ...good, "manifest.json": manifest({ Config: layerPath }) },
    "is a layer and no document",
  ],
  [
    "another layer than the configuration's",
    { ...good, [layerPath]: second },
    `has the digest ${digestOf(second)}, its configuration says ${digestOf(first)}`,
  ],
  [
    "another configuration than its name's",
    { ...good, [configPath]: `${config} ` },
    `${configPath} has the digest`,
  ],
  ["a bad tag", { ...good, "manifest.json": manifest({ RepoTags: ["a:1", "A:1"] }) }, "must be lowercase"],
  [
    "a path that leads out",
    { ...good, "../x": "y" },
    'archive.escapes: cannot load the archive: "../x" leads out of it',
  ],
  ["a link that leads out", { ...good, [layerPath]: { link: "../../../etc/passwd" } }, "leads out of it"],
  ["a link to itself", { ...good, [layerPath]: { link: "layer.tar" } }, "is a link to a link"],
  [
    "a layer that leads out",
    dockerArchive([escaping], ["a:1"]),
    'archive.escapes: cannot load the archive: layer "',
  ],
  [
    "a blob with another digest",
    { ...layout, ...{ [`blobs/${unknownDigest.replace(":", "/")}`]: first } },
    `has the digest ${digestOf(first)}`,
  ],
  [
    "a document with another digest",
    { ...layout, [`blobs/${unknownDigest.replace(":", "/")}`]: "{}" },
    "has the digest",
  ],
  [
    "an index without images",
    { ...layout, "index.json": '{"schemaVersion":2,"manifests":[]}' },
    "its index.json names no image",
  ],
  [
    "an index of what is not there",
    {
      ...layout,
      "index.json": JSON.stringify({
        schemaVersion: 2,
        manifests: [
          { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: unknownDigest, size: 1 },
        ],
      }),
    },
    "is not in it",
  ],
  [
    "a manifest in an index that is both",
    {
      ...layout,
      ...blobOf("{}"),
      "index.json": JSON.stringify({
        schemaVersion: 2,
        manifests: [
          { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: digestOf("{}"), size: 2 },
        ],
      }),
    },
    "archive.bad-image",
  ],
  [
    "a manifest of five megabytes",
    { ...good, "manifest.json": `[${" ".repeat(5_000_000)}]` },
    "no document: those have at most 4194304 bytes",
  ],
  ["a configuration that is none", dockerArchive([first], ["a:1"], '{"rootfs":7}'), "archive.bad-image"],
])("%s is refused, and nothing is left", async (_what, members, message) => {
  expect(await refusal(load(members))).toContain(message);
  expect(left()).toEqual(nothing);
});

test("an archive that is cut short anywhere is refused, and nothing is left", async () => {
  const whole = tarOf(good);
  // Behind the last member only end marks follow.
  for (let at = 100; at < whole.length - 1600; at += 333) {
    await refusal(loadBytes(whole.subarray(0, at)));
    expect(left()).toEqual(nothing);
  }
});

test("what unpacks to more than the limit ends there: the archive, and a layer in it", async () => {
  const large = tarOf({ zeros: new Uint8Array(limitBytes + 1) });
  const bomb = new Uint8Array(Bun.gzipSync(large));
  expect(await refusal(loadBytes(bomb))).toStartWith("archive.too-large");
  expect(await refusal(load(ociLayout([large], [bomb])))).toStartWith("archive.too-large");
  const imported = importArchive(
    context,
    pieces(bomb),
    { source: "-", repository: "", tag: "", message: "", changes: [], platform: undefined },
    () => {},
    new AbortController().signal,
  );
  expect(await refusal(imported)).toStartWith("archive.too-large");
  expect(left()).toEqual(nothing);
});

test("a failure at any step leaves nothing, and the next try works", async () => {
  for (const point of ["load.layers", "load.image"] as const) {
    const fail = (name: string): void => {
      if (name === point) throw new TiffinError("internal", "engine.failpoint", point);
    };
    const failing = loadArchive(
      { ...context, fail },
      pieces(tarOf(good)),
      { quiet: true, platform: undefined },
      () => {},
    );
    expect(await refusal(failing)).toBe(`engine.failpoint: ${point}`);
    // The image is whole or not there.
    expect(images.list().every(({ chain }) => chain.every((layer) => layers.hasLayer(layer)))).toBe(true);
    await load(good);
    images.remove(images.resolve("a:1").id);
    expect(left()).toEqual(nothing);
  }
});

test("an imported tree is an image of one layer, with what the changes say", async () => {
  const options = {
    source: "-",
    repository: "me/it",
    tag: "v1",
    message: "",
    changes: ['CMD ["/x"]', "ENV A=b"],
    platform: { os: "linux", architecture: "arm", variant: "v7" },
  };
  const signal = new AbortController().signal;
  await importArchive(
    context,
    pieces(new Uint8Array(Bun.gzipSync(first))),
    options,
    (one) => told.push(one),
    signal,
  );
  const image = images.resolve("me/it:v1");
  expect(told).toEqual([{ status: image.id }]);
  expect([image.config, image.architecture, image.variant, image.chain]).toEqual([
    { Cmd: ["/x"], Env: ["A=b"] },
    "arm",
    "v7",
    [digestOf(first).slice(7)],
  ]);
  expect(image.history.map(({ comment }) => comment)).toEqual(["Imported from -"]);
  expect(
    await refusal(
      importArchive(context, pieces(first), { ...options, changes: ["RUN x"] }, () => {}, signal),
    ),
  ).toBe("image.bad-change: RUN is not a valid change command");
  expect(
    await refusal(
      importArchive(context, pieces(first), { ...options, source: "file:///etc/passwd" }, () => {}, signal),
    ),
  ).toStartWith("archive.bad-url");
});

/** An index that names what it names a thousand times over, and so on down. */
function wideLayout(): Record<string, Content> {
  const layout = ociLayout([first], [first], { name: "wide:1" });
  let { manifests } = JSON.parse(String(layout["index.json"]));
  for (let depth = 0; depth < 3; depth += 1) {
    const { annotations: _none, ...named } = manifests[0];
    const index = JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: Array.from({ length: 1000 }, () => named),
    });
    const digest = digestOf(index);
    layout[`blobs/${digest.replace(":", "/")}`] = index;
    manifests = [
      {
        mediaType: "application/vnd.oci.image.index.v1+json",
        digest,
        size: index.length,
        annotations: manifests[0].annotations,
      },
    ];
  }
  layout["index.json"] = JSON.stringify({
    schemaVersion: 2,
    manifests: Array.from({ length: 1000 }, () => manifests[0]),
  });
  return layout;
}

test.each<[string, () => Record<string, Content>]>([
  ["an OCI layout whose indexes name one thing a thousand times, three deep", wideLayout],
  ["the same beside a manifest of docker", () => ({ ...wideLayout(), ...good })],
  [
    "a manifest of docker that names an image twenty thousand times",
    () => ({
      ...good,
      "manifest.json": JSON.stringify(
        Array.from({ length: 20_000 }, () => ({
          Config: configPath,
          RepoTags: ["a:1"],
          Layers: [layerPath],
        })),
      ),
    }),
  ],
])(
  "%s is one image, and little work",
  async (_what, members) => {
    await load(members());
    expect(images.size).toBe(1);
    expect(told.filter(({ stream }) => stream !== undefined).length).toBe(1);
  },
  5000,
);
