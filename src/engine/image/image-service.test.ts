import type { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { TiffinError } from "../../lib/errors.ts";
import { EventBus } from "../event/mod.ts";
import { type LayerStore, openOverlayLayerStore } from "../layer/mod.ts";
import { openRegistryClient } from "../registry/mod.ts";
import { migratedDatabase } from "../store/testing/migrated-database.ts";
import type { Image, ImageStore, NewImage } from "./image.ts";
import { ImageService } from "./image-service.ts";
import { openImageStore } from "./image-store.ts";
import type { ImageUser } from "./remove-image.ts";
import { madeImage } from "./testing/made-image.ts";

const firstDigest = `sha256:${"1".repeat(64)}`;

let root = "";
let layers: LayerStore;
let images: ImageStore;
let service: ImageService;
let database: Database;
let users: Map<string, ImageUser[]>;
let chains: string[][];
let told: string[];

function open(): void {
  images = openImageStore({ database, layers, containerChains: () => chains });
  const events = new EventBus(() => {});
  events.subscribe(({ action, attributes }) => told.push(`${action} ${attributes["name"] ?? ""}`));
  service = new ImageService({
    images,
    layers,
    events,
    usersOf: (id) => users.get(id) ?? [],
    host: { os: "linux", architecture: "amd64", variant: "" },
    limitBytes: 10_000_000,
    fail: () => {},
    registry: openRegistryClient({ userAgent: "test" }),
  });
}

beforeEach(() => {
  root = mkdtempSync("/tmp/tiffin-test-image-");
  database = migratedDatabase(`${root}/db`);
  layers = openOverlayLayerStore({ root });
  users = new Map();
  chains = [];
  told = [];
  open();
});
afterEach(async () => {
  await layers.emptied();
  layers.close();
  database.close();
  rmSync(root, { recursive: true, force: true });
});

function add(
  contents: readonly string[],
  names: readonly string[],
  more: Parameters<typeof madeImage>[2] = {},
): Image {
  const references = names.map((name) => `docker.io/${name.includes("/") ? "" : "library/"}${name}`);
  return images.add(madeImage(layers, contents, { references, ...more })).image;
}

const remove = (name: string, force = false) => service.remove(name, { force, keepParents: false });
const stored = () => readdirSync(`${root}/layers`).length;
const looseRows = () => database.query("SELECT id FROM loose_layer").all().length;
const short = (image: Image) => image.id.slice(7, 19);

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof TiffinError) return `${thrown.kind} ${thrown.message}`;
    throw thrown;
  }
  return "no error";
}

async function listed(filters: Record<string, string[]> = {}, all = false): Promise<string[]> {
  const rows = await service.list({ all, sharedSize: false, filters });
  return rows.map(({ RepoTags, RepoDigests, Id }) => RepoTags[0] ?? RepoDigests[0] ?? Id.slice(7, 19)).sort();
}

test("an image goes with its last name, and its layers when no other image needs them", async () => {
  const first = add(["a", "b"], ["first:1", "first:2"]);
  add(["a", "c"], ["second:1"]);
  expect(stored()).toBe(3);
  expect(await remove("first:1")).toEqual([{ Untagged: "first:1" }]);
  const removed = await remove("first:2");
  expect(removed.slice(0, 2)).toEqual([{ Untagged: "first:2" }, { Deleted: first.id }]);
  // The layer that it shares stays.
  expect(removed.length).toBe(3);
  expect(stored()).toBe(2);
  expect(looseRows()).toBe(0);
  expect(told).toEqual(["untag first:1", "untag first:2", `delete ${first.id}`]);
  expect(await refusal(remove("first:2"))).toBe("notFound No such image: first:2");
});

test("removal by id takes one name, but not several without force", async () => {
  const image = add(["a"], ["first:1", "second:1"]);
  expect(await refusal(remove(short(image)))).toBe(
    `conflict conflict: unable to delete ${short(image)} (must be forced) - image is referenced in multiple repositories`,
  );
  expect(images.references(image.id).length).toBe(2);
  expect(await remove(image.id, true)).toEqual([
    { Untagged: "first:1" },
    { Untagged: "second:1" },
    { Deleted: image.id },
    { Deleted: `sha256:${image.chain[0]}` },
  ]);
  expect(stored()).toBe(0);
});

test("digests of a repository go with its last tag", async () => {
  const image = add(["a"], ["first:1", `first@${firstDigest}`]);
  expect((await service.inspect("first:1")).RepoDigests).toEqual([`first@${firstDigest}`]);
  expect(images.resolve(`first:other@${firstDigest}`).id).toBe(image.id);
  expect((await remove("first:1")).slice(0, 3)).toEqual([
    { Untagged: "first:1" },
    { Untagged: `first@${firstDigest}` },
    { Deleted: image.id },
  ]);
});

test("a container keeps its image from going, in Docker's words", async () => {
  const image = add(["a"], ["first:1"]);
  const container = "c".repeat(64);
  users.set(image.id, [{ id: container, running: false }]);
  chains = [[...image.chain]];
  expect(await refusal(remove("first:1"))).toBe(
    `conflict conflict: unable to remove repository reference "first:1" (must force) - container cccccccccccc is using its referenced image ${short(image)}`,
  );
  expect(await refusal(remove(short(image)))).toBe(
    `conflict conflict: unable to delete ${short(image)} (must be forced) - image is being used by stopped container cccccccccccc`,
  );
  users.set(image.id, [{ id: container, running: true }]);
  expect(await refusal(remove(short(image), true))).toBe(
    `conflict conflict: unable to delete ${short(image)} (cannot be forced) - image is being used by running container cccccccccccc`,
  );
  // Only its name goes while it runs.
  expect(await remove("first:1", true)).toEqual([{ Untagged: "first:1" }]);
  expect(images.byId(image.id)).toBeDefined();
});

test("layers of an image that was removed by force stay as long as a container needs them", async () => {
  const image = add(["a", "b"], ["first:1"]);
  users.set(image.id, [{ id: "c".repeat(64), running: false }]);
  chains = [[...image.chain]];
  expect(await remove("first:1", true)).toEqual([{ Untagged: "first:1" }, { Deleted: image.id }]);
  expect(stored()).toBe(2);
  // Another engine finds the same.
  open();
  images.settle();
  expect(stored()).toBe(2);
  const [chain = []] = chains.splice(0);
  images.released(chain);
  expect([stored(), looseRows()]).toEqual([0, 0]);
});

test("an image that others were made from cannot go before them, and goes with the last of them", async () => {
  const parent = add(["a"], []);
  const child = add(["a", "b"], ["child:1"], { parent: parent.id });
  expect(await refusal(remove(parent.id, true))).toBe(
    `conflict conflict: unable to delete ${short(parent)} (cannot be forced) - image has dependent child images`,
  );
  expect(await listed()).toEqual(["child:1"]);
  expect(await listed({}, true)).toEqual([short(parent), "child:1"].sort());
  const history = await service.history("child:1");
  expect(history.map(({ Id, CreatedBy, Size, Tags }) => [Id, CreatedBy, Size, Tags])).toEqual([
    [child.id, "add b", 1, ["child:1"]],
    [parent.id, "add a", 1, null],
  ]);
  const removed = await remove("child:1");
  expect(removed.map(({ Deleted }) => Deleted)).toContain(parent.id);
  expect([images.size, stored()]).toEqual([0, 0]);
});

test("a tag moves, and what had it is dangling and can be pruned", async () => {
  const old = add(["a"], ["first:1"]);
  add(["b"], ["second:1"]);
  await service.tag("second:1", { repository: "first", tag: "1" });
  expect(images.resolve("first:1").chain).toEqual(images.resolve("second:1").chain);
  expect(await listed({ dangling: ["true"] })).toEqual([short(old)]);
  expect(await listed({ dangling: ["false"] })).toEqual(["first:1"]);
  const pruned = await service.prune({});
  expect(pruned).toEqual({
    ImagesDeleted: [{ Deleted: old.id }, { Deleted: `sha256:${old.chain[0]}` }],
    SpaceReclaimed: 1,
  });
  expect(await service.prune({})).toEqual({ ImagesDeleted: null, SpaceReclaimed: 0 });
});

test("prune of all images spares what containers use and what the filters do not match", async () => {
  const used = add(["a"], ["used:1"]);
  users.set(used.id, [{ id: "c".repeat(64), running: false }]);
  add(["b"], ["labelled:1"], { document: { config: { Labels: { keep: "yes" } } } });
  add(["c"], ["young:1"], { document: { created: new Date().toISOString() } });
  add(["d"], ["old:1", "old:2"]);
  const filters = { dangling: ["false"], "label!": ["keep=yes"], until: ["24h"] };
  const untagged = (await service.prune(filters)).ImagesDeleted?.flatMap(({ Untagged }) => Untagged ?? []);
  expect(untagged).toEqual(["old:1", "old:2"]);
  expect(await listed()).toEqual(["labelled:1", "used:1", "young:1"]);
  expect(await refusal(service.prune({ before: ["x"] }))).toBe("invalid invalid filter 'before'");
});

test("filters of the list", async () => {
  add(["a"], ["me/app:1", "me/app:2"], { document: { config: { Labels: { a: "b=c" } } } });
  add(["b"], ["other:1"], { document: { created: "2021-01-01T00:00:00Z" } });
  const rows = async (filters: Record<string, string[]>) =>
    (await service.list({ all: false, sharedSize: false, filters })).map(({ RepoTags }) => RepoTags.join());
  expect(await rows({ reference: ["me/*"] })).toEqual(["me/app:1,me/app:2"]);
  expect(await rows({ reference: ["*/*:2"] })).toEqual(["me/app:2"]);
  expect(await rows({ reference: ["*"] })).toEqual(["other:1"]);
  expect(await rows({ label: ["a"] })).toEqual(["me/app:1,me/app:2"]);
  expect(await rows({ label: ["a=b=c"] })).toEqual(["me/app:1,me/app:2"]);
  expect(await rows({ label: ["a=b"] })).toEqual([]);
  expect(await rows({ before: ["other:1"] })).toEqual(["me/app:1,me/app:2"]);
  expect(await rows({ since: ["me/app:1"] })).toEqual(["other:1"]);
  expect(await rows({ until: ["2020-06-01"] })).toEqual(["me/app:1,me/app:2"]);
  expect(await refusal(rows({ reference: ["["] }))).toStartWith("invalid invalid filter 'reference=['");
  expect(await refusal(rows({ since: ["nope"] }))).toBe("notFound No such image: nope:latest");
  expect(await refusal(rows({ until: ["soon"] }))).toBe("invalid invalid filter 'until=soon'");
});

test("what images share is counted once for each", async () => {
  add(["shared", "a"], ["a:1"]);
  add(["shared", "b"], ["b:1"]);
  const rows = await service.list({ all: false, sharedSize: true, filters: {} });
  expect(rows.map(({ Size, SharedSize }) => [Size, SharedSize])).toEqual([
    [7, 6],
    [7, 6],
  ]);
});

test("names that cannot be tags are refused", async () => {
  add(["a"], ["a:1"]);
  const tag = (repository: string, tag?: string) => refusal(service.tag("a:1", { repository, tag }));
  expect(await tag(`b@${firstDigest}`)).toBe("invalid refusing to create a tag with a digest reference");
  expect(await tag("sha256", "x")).toBe(
    "invalid refusing to create an ambiguous tag using digest algorithm as name",
  );
  expect(await tag("b", "-x")).toBe("invalid invalid reference format");
  expect(await tag("")).toBe("invalid invalid reference format");
  expect(await tag("b:x", "y")).toBe("no error");
  expect((await service.inspect("b:y")).RepoTags).toEqual(["a:1", "b:y"]);
});

test("layers of work under way stay until it is done, and go when it gave up or its engine died", () => {
  const made = (content: string): NewImage => madeImage(layers, [content]);
  const layerOf = ({ configuration }: NewImage): string => {
    const { rootfs } = JSON.parse(new TextDecoder().decode(configuration)) as {
      rootfs: { diff_ids: string[] };
    };
    return rootfs.diff_ids[0]?.slice(7) ?? "";
  };
  {
    using hold = images.hold();
    const image = made("a");
    hold.keep(layerOf(image));
    expect(looseRows()).toBe(1);
    images.add(image);
    expect(looseRows()).toBe(0);
  }
  expect(stored()).toBe(1);
  {
    using hold = images.hold();
    hold.keep(layerOf(made("b")));
    // What it found there stays even if the image that it belongs to goes meanwhile.
    hold.keep(images.list()[0]?.chain[0] ?? "");
    images.remove(images.list()[0]?.id ?? "");
    expect(stored()).toBe(2);
  }
  expect([stored(), looseRows()]).toEqual([0, 0]);
  images.hold().keep(layerOf(made("c")));
  open();
  images.settle();
  expect([stored(), looseRows()]).toEqual([0, 0]);
});

test("an image without one of its layers is refused, and nothing of it is stored", () => {
  const image = madeImage(layers, ["a"]);
  const [layer = ""] = readdirSync(`${root}/layers`);
  layers.removeLayer(layer);
  expect(() => images.add(image)).toThrow(`its layer sha256:${layer} is not there`);
  expect([images.size, database.query("SELECT id FROM image").all().length]).toEqual([0, 0]);
});

test("configuration and manifests are kept byte for byte, with names and times, by the next engine too", async () => {
  const encoded = new TextEncoder().encode('{ "schemaVersion": 2 }\n');
  const manifests = [
    { digest: firstDigest, mediaType: "application/vnd.oci.image.manifest.v1+json", content: encoded },
  ];
  const made = madeImage(layers, ["a"], { manifests, references: ["docker.io/library/a:1"] });
  const configuration = new TextEncoder().encode(` ${new TextDecoder().decode(made.configuration)}\n`);
  const { image } = images.add({ ...made, configuration });
  const before = await service.inspect("a:1");
  open();
  expect(new Uint8Array(images.configuration(image.id))).toEqual(configuration);
  expect(images.manifests(image.id).map(({ content }) => new Uint8Array(content))).toEqual([encoded]);
  expect(await service.inspect("a:1")).toEqual(before);
  expect(before.Metadata.LastTagTime).toStartWith("20");
});
