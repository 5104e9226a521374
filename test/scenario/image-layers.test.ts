/** Images whose layers are image files: what containers of one share, and that the host sees none of it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { probe } from "../../src/kernel/probe.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { archiveOf } from "../support/layer-archive.ts";
import { type SmallRegistry, serveImage } from "../support/small-registry.ts";

const possible = probe().features.erofs;
const containers = 50;
const sharedBytes = 8 * 1024 * 1024;
const pageBytes = 4096;

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

/** How many pages of each file are in memory, of those that a mapping of it by this path would show. */
function residentPages(paths: readonly string[]): number[] {
  const { exitCode, stdout, stderr } = Bun.spawnSync([
    "fincore",
    "--noheadings",
    "--output",
    "PAGES",
    ...paths,
  ]);
  if (exitCode !== 0) throw new Error(`fincore: ${stderr}`);
  return stdout.toString().trim().split("\n").map(Number);
}

test.skipIf(!possible)(
  "fifty containers of one image hold its pages once: what one has read is in the memory of all",
  async () => {
    const busybox = readFileSync("/bin/busybox");
    const archive = archiveOf([
      { path: "bin/sh", content: busybox, mode: 0o755 },
      { path: "bin/sleep", type: "hardLink", linkTarget: "bin/sh" },
      { path: "bin/cat", type: "hardLink", linkTarget: "bin/sh" },
      { path: "bin/true", type: "hardLink", linkTarget: "bin/sh" },
      { path: "large", content: randomBytes(sharedBytes) },
    ]);
    const imported = await engine.cliWith({ input: archive }, "import", "-", "shared-pages");
    expect([imported.exitCode, imported.stderr]).toEqual([0, ""]);
    const [layer = ""] = readdirSync(`${engine.root}/layers`).filter((name) => !name.startsWith("."));
    expect(readdirSync(`${engine.root}/layers/${layer}`)).toContain("image");
    const names = Array.from({ length: containers }, (_, index) => `shares${index}`);
    for (const name of names) {
      await engine.output(
        "run",
        "-d",
        "--network",
        "none",
        "--name",
        name,
        "shared-pages",
        "/bin/sleep",
        "1000",
      );
    }
    const pids = (await engine.output("inspect", "-f", "{{.State.Pid}}", ...names)).split("\n");
    const files = pids.map((pid) => `/proc/${pid}/root/large`);
    expect(residentPages(files)).toEqual(files.map(() => 0));
    await engine.output("exec", "shares7", "/bin/sh", "-c", "/bin/cat /large >/dev/null");
    expect(residentPages(files)).toEqual(files.map(() => sharedBytes / pageBytes));
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(engine.root);
    await engine.output("rm", "-f", ...names);
  },
  120_000,
);

test.skipIf(!possible)(
  "a layer that a disk has changed is found, named, and mended by bringing it in again",
  async () => {
    const archive = archiveOf([{ path: "large", content: randomBytes(100_000) }]);
    const bring = async () => {
      const imported = await engine.cliWith({ input: archive }, "import", "-", "checked");
      expect([imported.exitCode, imported.stderr]).toEqual([0, ""]);
    };
    await bring();
    const whole = await engine.cli("image", "check", "checked");
    expect([whole.exitCode, whole.stdout, whole.stderr]).toEqual([0, "1 layer good\n", ""]);
    const [layer = ""] = JSON.parse(
      await engine.output("image", "inspect", "-f", "{{json .RootFS.Layers}}", "checked"),
    );
    const path = `${engine.root}/layers/${layer.replace("sha256:", "")}/image`;
    const bytes = readFileSync(path);
    bytes[50_000] = (bytes[50_000] ?? 0) ^ 0x10;
    writeFileSync(path, bytes);
    const found = await engine.cli("image", "check");
    expect(found.exitCode).toBe(1);
    expect(found.stdout).toContain(`${layer} of checked:latest is damaged: ${path}: check sum `);
    expect(found.stdout).toContain("1 damaged: pull or load their images again\n");
    await bring();
    expect(await engine.output("image", "check", "checked")).toBe("1 layer good");
  },
);

test.skipIf(!possible)(
  "of a pulled image only the layer that is damaged is marked, and only that one is fetched again by a pull",
  async () => {
    const contents = [1, 2, 3].map((number) =>
      archiveOf([{ path: `file${number}`, content: randomBytes(60_000) }]),
    );
    await using registry = serveImage(contents);
    await engine.output("pull", "-q", registry.image);
    const layers: string[] = JSON.parse(
      await engine.output("image", "inspect", "-f", "{{json .RootFS.Layers}}", registry.image),
    );
    const [, middle = ""] = layers;
    const path = `${engine.root}/layers/${middle.replace("sha256:", "")}/image`;
    const bytes = readFileSync(path);
    bytes[30_000] = (bytes[30_000] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    const found = await engine.cli("image", "check", registry.image);
    expect([found.exitCode, found.stdout.match(/is damaged/g)?.length]).toEqual([1, 1]);
    expect(found.stdout).toContain(`${middle} of `);
    const before = registry.asked.length;
    await engine.output("pull", "-q", registry.image);
    expect(registry.asked.slice(before).map(({ digest }) => registry.diffIds.get(digest))).toEqual([middle]);
    expect(await engine.output("image", "check", registry.image)).toBe("3 layers good");
    expect(readFileSync(path).equals(bytes)).toBe(false);
  },
);

/** An image of a program and `layers` files, each in a layer of its own. */
async function pulledImage(
  layers: number,
): Promise<{ readonly registry: SmallRegistry; readonly layers: readonly string[] }> {
  const program = archiveOf([{ path: "bin/cat", content: readFileSync("/bin/busybox"), mode: 0o755 }]);
  const others = Array.from({ length: layers }, (_, number) =>
    archiveOf([{ path: `file${number}`, content: randomBytes(30_000).toString("hex") }]),
  );
  const registry = serveImage([program, ...others]);
  await engine.output("pull", "-q", registry.image);
  const found: string[] = JSON.parse(
    await engine.output("image", "inspect", "-f", "{{json .RootFS.Layers}}", registry.image),
  );
  return { registry, layers: found };
}

function placeOf(layer: string): string {
  return `${engine.root}/layers/${layer.replace("sha256:", "")}`;
}

/** What a disk may do to a layer. */
const losses: Readonly<Record<string, (place: string) => void>> = {
  "is gone": (place) => rmSync(place, { recursive: true }),
  "has no description": (place) => rmSync(`${place}/layer.json`),
  "has a description that is none": (place) => writeFileSync(`${place}/layer.json`, "{"),
  "has no image": (place) => rmSync(`${place}/image`),
  "has been cut off": (place) => truncateSync(`${place}/image`, 8192),
  "has no superblock": (place) =>
    writeFileSync(`${place}/image`, new Uint8Array(statSync(`${place}/image`).size)),
};

test.skipIf(!possible).each(Object.keys(losses))(
  "a layer that %s is named by a check, and fetched again, alone, by a run",
  async (loss) => {
    const { registry, layers } = await pulledImage(2);
    await using _registry = registry;
    const lost = layers[1] ?? "";
    // As after a start: nothing of it is mounted or known yet.
    await engine.stop();
    await engine.start();
    losses[loss]?.(placeOf(lost));
    const run = async () =>
      await engine.cli("run", "--rm", "--network", "none", registry.image, "/bin/cat", "/file0", "/file1");
    const before = registry.asked.length;
    const refused = await engine.cli("create", "--pull", "never", registry.image, "/bin/cat");
    expect([refused.exitCode, refused.stderr]).toEqual([
      1,
      expect.stringContaining(`its layer ${lost} is damaged or gone`),
    ]);
    const found = await engine.cli("image", "check", registry.image);
    expect([found.exitCode, found.stdout.match(/is damaged/g)?.length]).toEqual([1, 1]);
    expect(found.stdout).toContain(`${lost} of ${registry.image} is damaged: ${placeOf(lost)}`);
    expect((await engine.cli("history", registry.image)).exitCode).toBe(0);
    expect((await engine.cli("system", "df")).exitCode).toBe(0);
    const ran = await run();
    expect([ran.exitCode, ran.stdout.length]).toEqual([0, 120_000]);
    expect(ran.stderr).toContain(`its layer ${lost} is damaged or gone`);
    expect(registry.asked.slice(before).map(({ digest }) => registry.diffIds.get(digest))).toEqual([lost]);
    expect(await engine.output("image", "check", registry.image)).toBe("3 layers good");
  },
);

test.skipIf(!possible)(
  "what a check has found is fetched by it too, by digest, if that is wanted",
  async () => {
    const { registry, layers } = await pulledImage(1);
    await using _registry = registry;
    const lost = layers[1] ?? "";
    const path = `${placeOf(lost)}/image`;
    const bytes = readFileSync(path);
    bytes[30_000] = (bytes[30_000] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    await engine.output("tag", registry.image, "kept-by-name");
    const mended = await engine.cli("image", "check", "--repair", "kept-by-name");
    expect([mended.exitCode, mended.stderr]).toEqual([0, ""]);
    expect(mended.stdout).toContain(`${lost} of ${registry.image} is damaged: ${path}: check sum `);
    expect(mended.stdout).toEndWith("2 layers good\n");
    const local = archiveOf([{ path: "large", content: randomBytes(100_000) }]);
    await engine.cliWith({ input: local }, "import", "-", "of-nowhere");
    const [own = ""] = JSON.parse(
      await engine.output("image", "inspect", "-f", "{{json .RootFS.Layers}}", "of-nowhere"),
    );
    truncateSync(`${placeOf(own)}/image`, 8192);
    const kept = await engine.cli("image", "check", "--repair", "of-nowhere");
    expect(kept.exitCode).toBe(1);
    expect(kept.stdout).toContain("1 damaged: load their images again");
  },
);
