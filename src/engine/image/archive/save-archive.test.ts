import type { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tarMembers } from "../../../archive/mod.ts";
import { EventBus } from "../../event/mod.ts";
import { type LayerStore, openOverlayLayerStore } from "../../layer/mod.ts";
import { openRegistryClient } from "../../registry/mod.ts";
import { migratedDatabase } from "../../store/testing/migrated-database.ts";
import type { ImageStore } from "../image.ts";
import { ImageService } from "../image-service.ts";
import { openImageStore } from "../image-store.ts";
import { configOf, digestOf, dockerArchive, tarOf } from "../testing/image-archive.ts";
import { layerTar } from "../testing/made-image.ts";

const first = layerTar("a");
const second = layerTar("b");

interface Side {
  readonly root: string;
  readonly layers: LayerStore;
  readonly images: ImageStore;
  readonly service: ImageService;
  readonly database: Database;
}

let sides: Side[] = [];

function open(): Side {
  const root = mkdtempSync("/tmp/tiffin-test-save-");
  const database = migratedDatabase(`${root}/db`);
  const layers = openOverlayLayerStore({ root });
  const images = openImageStore({ database, layers });
  const service = new ImageService({
    images,
    layers,
    events: new EventBus(() => {}),
    usersOf: () => [],
    host: { os: "linux", architecture: "amd64", variant: "" },
    limitBytes: 10_000_000,
    fail: () => {},
    registry: openRegistryClient({ userAgent: "test" }),
  });
  const side = { root, layers, images, service, database };
  sides.push(side);
  return side;
}

beforeEach(() => {
  sides = [];
});
afterEach(async () => {
  for (const { layers, database, root } of sides) {
    await layers.emptied();
    layers.close();
    database.close();
    rmSync(root, { recursive: true, force: true });
  }
});

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 700) yield bytes.slice(at, at + 700);
}

async function load({ service }: Side, bytes: Uint8Array): Promise<string> {
  const told: string[] = [];
  await service.load({ quiet: true, platform: undefined }, inPieces(bytes), ({ stream = "" }) =>
    told.push(stream),
  );
  return told.join("");
}

async function save({ service }: Side, ...names: string[]): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const piece of await service.save(names, { platform: undefined })) parts.push(piece.slice());
  return Buffer.concat(parts);
}

async function members(archive: Uint8Array): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { entry, content } of tarMembers(inPieces(archive))) {
    const parts: Uint8Array[] = [];
    for await (const piece of content) parts.push(piece.slice());
    found.set(entry.path, Buffer.concat(parts).toString());
  }
  return found;
}

test("what is saved is loaded elsewhere under the same names and ids, and saved again as the same bytes", async () => {
  const here = open();
  await load(here, tarOf(dockerArchive([first, second], ["me/a:1", "me/a:2"])));
  await load(here, tarOf(dockerArchive([first], ["b:1"])));
  const archive = await save(here, "me/a:1", "b");
  const there = open();
  expect(await load(there, archive)).toBe("Loaded image: me/a:1\nLoaded image: b:1\n");
  expect(there.images.resolve("me/a:1").id).toBe(here.images.resolve("me/a:1").id);
  expect(readdirSync(`${there.root}/layers`).length).toBe(2);
  expect((await save(there, "me/a:1", "b:1")).equals(archive)).toBe(true);
});

test("an archive is docker's and an OCI layout at once, with every blob in it once", async () => {
  const here = open();
  await load(here, tarOf(dockerArchive([first, first, second], ["a:1"])));
  const found = await members(await save(here, "a:1"));
  const id = digestOf(configOf([first, first, second]));
  const hex = (digest: string): string => digest.slice("sha256:".length);
  expect(JSON.parse(found.get("manifest.json") ?? "")).toMatchObject([
    {
      Config: `blobs/sha256/${hex(id)}`,
      RepoTags: ["a:1"],
      Layers: [first, first, second].map((layer) => `blobs/sha256/${hex(digestOf(layer))}`),
    },
  ]);
  const { manifests } = JSON.parse(found.get("index.json") ?? "") as {
    manifests: { digest: string; annotations: Record<string, string> }[];
  };
  expect(manifests.map(({ annotations }) => annotations)).toEqual([
    { "io.containerd.image.name": "docker.io/library/a:1", "org.opencontainers.image.ref.name": "1" },
  ]);
  for (const [path, content] of found) {
    const name = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(path)?.[1];
    if (name !== undefined) expect(digestOf(content)).toBe(`sha256:${name}`);
  }
  expect(JSON.parse(found.get("repositories") ?? "")).toEqual({ a: { "1": hex(digestOf(second)) } });
  expect(found.get("oci-layout")).toBe('{"imageLayoutVersion":"1.0.0"}');
});

test("an image by its id has no name in the archive; a repository by its name has all of its tags", async () => {
  const here = open();
  await load(here, tarOf(dockerArchive([first], ["a:1", "a:2"])));
  const tags = async (name: string): Promise<unknown> => {
    const rows = JSON.parse((await members(await save(here, name))).get("manifest.json") ?? "") as {
      RepoTags: unknown;
    }[];
    return rows.map(({ RepoTags }) => RepoTags);
  };
  expect(await tags(here.images.resolve("a:1").id)).toEqual([null]);
  expect(await tags("a")).toEqual([["a:1", "a:2"]]);
  await expect(here.service.save(["nope"], { platform: undefined })).rejects.toMatchObject({
    kind: "notFound",
  });
  await expect(here.service.save([], { platform: undefined })).rejects.toMatchObject({ kind: "invalid" });
  await expect(here.service.save(["a:1"], { platform: "linux/arm64" })).rejects.toMatchObject({
    kind: "notFound",
  });
});

test("layers stay while they are saved, though the image goes meanwhile", async () => {
  const here = open();
  await load(here, tarOf(dockerArchive([first], ["a:1"])));
  const archive = (await here.service.save(["a:1"], { platform: undefined }))[Symbol.asyncIterator]();
  const begun = await archive.next();
  await here.service.remove("a:1", { force: false, keepParents: false });
  const parts = [Buffer.from(begun.value ?? [])];
  for (let next = await archive.next(); next.done !== true; next = await archive.next()) {
    parts.push(Buffer.from(next.value));
  }
  expect(readdirSync(`${here.root}/layers`)).toEqual([]);
  expect(await load(open(), Buffer.concat(parts))).toBe("Loaded image: a:1\n");
});
