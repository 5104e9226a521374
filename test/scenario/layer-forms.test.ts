/** What must work whatever layers are kept as: owners of a user namespace, and a limit of what a container may write. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { openOverlayLayerStore } from "../../src/engine/layer/mod.ts";
import { EngineFixture } from "../support/engine-in-process.ts";
import { archiveOf } from "../support/layer-archive.ts";
import { layerForms } from "../support/layer-forms.ts";
import { until } from "../support/until.ts";

const image = archiveOf([
  { path: "bin/sh", content: readFileSync("/bin/busybox"), mode: 0o755 },
  ...["cat", "chown", "dd", "df", "ls", "rm", "stat", "touch", "sleep", "true", "wc"].map(
    (name) => ({ path: `bin/${name}`, type: "hardLink", linkTarget: "bin/sh" }) as const,
  ),
  { path: "of-root", content: "1" },
  { path: "of-cook", content: "2", uid: 1000, gid: 2000 },
  { path: "of-last", content: "3", uid: 65_535, gid: 65_535 },
  { path: "of-nobody-here", content: "4", uid: 70_000, gid: 3_000_000 },
  { path: "deep/er", content: "5", uid: 12 },
  { path: "link", type: "symlink", linkTarget: "of-root", uid: 7 },
]);

const mebibyte = 1024 * 1024;

function loopFiles(): string[] {
  return readdirSync("/sys/block").flatMap((name) => {
    const path = `/sys/block/${name}/loop/backing_file`;
    return existsSync(path) ? [readFileSync(path, "utf8").trim()] : [];
  });
}

describe.each(layerForms())("layers as %s", (_form, facts) => {
  let fixture: EngineFixture;
  beforeAll(async () => {
    fixture = await new EngineFixture().open({ facts });
    const request = {
      source: "-",
      repository: "forms",
      tag: "1",
      message: "",
      changes: [],
      platform: undefined,
    };
    async function* source(): AsyncGenerator<Uint8Array> {
      yield image;
    }
    await fixture.engine.images.import(request, source(), () => {}, new AbortController().signal);
  });
  afterAll(async () => {
    const { root } = fixture.config;
    await fixture[Symbol.asyncDispose]();
    await until("no device to show a file of it", () => !loopFiles().some((path) => path.startsWith(root)));
  });

  const run = async (script: string, HostConfig = {}) =>
    await fixture.run(["/bin/sh", "-c", script], { Image: "forms:1", HostConfig });

  test("a user namespace of its own shows the owners that the image has, and writes as the host's range", async () => {
    const script =
      "stat -c '%n %u:%g' of-* link deep/er; touch made; chown 5:6 made of-cook; stat -c %u:%g made of-cook; ls -d /proc/self >/dev/null";
    const ran = await run(script, { UsernsMode: "private" });
    expect([ran.stderr, ran.code]).toEqual(["", 0]);
    expect(ran.stdout).toBe(
      "of-cook 1000:2000\nof-last 65535:65535\nof-nobody-here 65534:65534\nof-root 0:0\nlink 7:0\ndeep/er 12:0\n5:6\n5:6\n",
    );
  });

  test("two containers with namespaces of their own share one layer and see nothing of each other", async () => {
    const one = await fixture.start(["/bin/sleep", "1000"], {
      Image: "forms:1",
      HostConfig: { UsernsMode: "private" },
    });
    const ran = await run("cat of-root; stat -c %u of-root; cat /proc/self/uid_map", {
      UsernsMode: "private",
    });
    expect(ran.stdout).toMatch(/^10\n *0 +\d{7,} +65536\n$/);
    await fixture.engine.containers.remove(one, { force: true, volumes: true });
  });

  test("a limit of size ends in ENOSPC inside, at no less than was given and not much more", async () => {
    const script =
      "dd if=/dev/zero of=/big bs=64k count=2000; wc -c </big; rm /big; dd if=/dev/zero of=/again bs=1M count=15 && rm /again";
    const ran = await run(script, { StorageOpt: { size: "20m" } });
    expect(ran.stderr).toContain("No space left on device");
    const written = Number(ran.stdout.trim());
    expect(written).toBeGreaterThanOrEqual(20 * mebibyte);
    expect(written).toBeLessThan(26 * mebibyte);
    expect(ran.code).toBe(0);
  });

  test("a limit goes together with a user namespace, a second start and diff, outlives an engine, and goes with the container", async () => {
    const { containers } = fixture.engine;
    const HostConfig = { StorageOpt: { size: "16m" }, UsernsMode: "private", NetworkMode: "none" };
    const script =
      "[ -e /kept ] && cat /kept; echo of the first run >/kept; dd if=/dev/zero of=/full bs=1M count=50; stat -c %u /kept";
    const { Id } = await containers.create({
      name: "limited",
      body: { Image: "forms:1", Cmd: ["/bin/sh", "-c", script], HostConfig },
    });
    const directory = `${fixture.config.root}/containers/${Id}`;
    for (const _run of [1, 2]) {
      await containers.start(Id);
      const { Text } = await containers.explain(Id, {
        format: "table",
        language: "en",
        details: false,
        showSecrets: false,
        against: undefined,
      });
      expect(Text.includes("open | upper of limited size")).toBe(true);
      const { exit } = await containers.wait(Id, "not-running", new AbortController().signal);
      await exit;
    }
    expect(statSync(`${directory}/writable`).size).toBeLessThan(32 * mebibyte);
    expect(readdirSync(`${directory}/upper`)).toEqual([]);
    const changes = await containers.changes(Id);
    expect(changes.map(({ Path }) => Path).sort()).toEqual(["/full", "/kept"]);
    const [listed] = await containers.list({ all: true, size: true, filters: { name: ["limited"] } });
    expect(listed?.SizeRw).toBeGreaterThan(16 * mebibyte - 100);
    // Another engine finds it as it is.
    await fixture.close();
    await fixture.open({ facts });
    expect((await fixture.engine.containers.changes(Id)).length).toBe(2);
    await fixture.engine.containers.remove(Id, { force: true, volumes: true });
    await until("its file to be gone", () => !existsSync(directory));
    await until("its device to be free", () => !loopFiles().some((path) => path.includes(Id)));
  });

  test("a stopped one of limited size is copied into, looked into and exported", async () => {
    const { containers } = fixture.engine;
    const HostConfig = { StorageOpt: { size: "16m" }, NetworkMode: "none" };
    const { Id } = await containers.create({
      name: undefined,
      body: { Image: "forms:1", Cmd: ["/bin/cat", "/put"], HostConfig },
    });
    async function* archive(): AsyncGenerator<Uint8Array> {
      yield archiveOf([{ path: "put", content: "into it" }]);
    }
    const canCopy = facts.features.overlayDetachedLowers;
    if (canCopy) {
      await containers.putArchive(Id, { path: "/", keepTypes: false, ownedByUser: false }, archive());
      expect((await containers.statPath(Id, "/put")).size).toBe(7);
      expect((await containers.changes(Id)).map(({ Path }) => Path)).toEqual(["/put"]);
    }
    const chunks = await Array.fromAsync(await containers.export(Id), (piece) => piece.slice());
    expect(Buffer.concat(chunks).includes("into it")).toBe(canCopy);
    await containers.remove(Id, { force: true, volumes: true });
  });

  test("while one runs, a new engine reads and writes the same file system", async () => {
    const HostConfig = { StorageOpt: { size: "16m" } };
    const Id = await fixture.start(["/bin/sh", "-c", "echo now >/seen; sleep 1000"], {
      Image: "forms:1",
      HostConfig,
    });
    await fixture.close();
    await fixture.open({ facts });
    const { containers } = fixture.engine;
    await until("the file to be there", async () => {
      return (await containers.changes(Id)).some(({ Path }) => Path === "/seen");
    });
    expect(loopFiles().filter((path) => path.includes(Id))).toHaveLength(1);
    await containers.remove(Id, { force: true, volumes: true });
    await until("its device to be free", () => !loopFiles().some((path) => path.includes(Id)));
  });
});

test("a file system of limited size that is damaged is named at the start, and removed with its container", async () => {
  await using fixture = await new EngineFixture().open();
  const { containers } = fixture.engine;
  const { Id } = await containers.create({
    name: undefined,
    body: {
      Image: "base",
      Cmd: ["true"],
      HostConfig: { StorageOpt: { size: "16m" }, NetworkMode: "none" },
    },
  });
  await fixture.close();
  const path = `${fixture.config.root}/containers/${Id}/writable`;
  await until("its device to be free", () => !loopFiles().includes(path));
  writeFileSync(path, new Uint8Array(64 * 1024), { flag: "r+" });
  await fixture.open();
  await expect(fixture.engine.containers.start(Id)).rejects.toMatchObject({
    kind: "unavailable",
    code: "layer.not-mounted",
    remedy: `repair it with: e2fsck ${path}`,
  });
  const [listed] = await fixture.engine.containers.list({ all: true, size: true, filters: {} });
  expect(listed?.SizeRw ?? 0).toBe(0);
  await fixture.engine.containers.remove(Id, { force: false, volumes: true });
  await until("its file to be gone", () => !existsSync(path));
});

test("a creation with a limit that fails, or whose engine dies, leaves nothing", async () => {
  await using fixture = await new EngineFixture().open({ failpoint: "create.directory" });
  const directories = `${fixture.config.root}/containers`;
  const body = { Image: "base", Cmd: ["true"], HostConfig: { StorageOpt: { size: "16m" } } };
  const creating = fixture.engine.containers.create({ name: undefined, body });
  await expect(creating).rejects.toMatchObject({ code: "engine.failpoint" });
  const there = (): string[] => readdirSync(directories).filter((name) => !name.startsWith("."));
  expect(there()).toEqual([]);
  await fixture.close();
  // What an engine leaves that dies at the same place.
  const layers = openOverlayLayerStore({ root: fixture.config.root });
  await layers.prepareSized("a".repeat(64), [], 16 * mebibyte);
  layers.close();
  expect(there()).toEqual(["a".repeat(64)]);
  await fixture.open();
  expect(there()).toEqual([]);
  expect(fixture.reported).toEqual([]);
});

describe("what is no limit", () => {
  test.each([
    [{ size: "ten" }, "invalid size: 'ten'"],
    [{ size: "1k" }, "invalid storage size 1024"],
    [{ sized: "1g" }, "Unknown option sized"],
  ])("%j is refused in words, and so is one that this host cannot keep", async (StorageOpt, words) => {
    const [[, facts] = []] = layerForms();
    if (facts === undefined) throw new Error("no form of layers");
    await using fixture = await new EngineFixture().open({
      facts: { ...facts, features: { ...facts.features, loopDevices: false } },
    });
    const creating = (HostConfig: object) =>
      fixture.engine.containers.create({
        name: undefined,
        body: { Image: "base", Cmd: ["true"], HostConfig },
      });
    await expect(creating({ StorageOpt })).rejects.toThrow(words);
    await expect(creating({ StorageOpt: { size: "1g" } })).rejects.toMatchObject({
      kind: "unavailable",
      message: "cannot limit the size of a container to 1073741824 bytes: the host has no loop devices",
    });
  });
});
