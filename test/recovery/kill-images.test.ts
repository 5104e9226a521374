/**
 * SIGKILL of the engine at every step of load, import, pull, removal and prune, and at moments of nobody's choosing. Whatever the
 * moment: the next engine comes up, every image has all of its layers, no layer lies about that no image needs, and the
 * same command works the next time.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { type ImageFailpoint, imageFailpoints } from "../../src/engine/image/failpoints.ts";
import { dockerArchive, tarOf } from "../../src/engine/image/testing/image-archive.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { type SmallRegistry, serveImage } from "../support/small-registry.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";
import { pause } from "../support/until.ts";

const contents = Array.from({ length: 6 }, (_, index) =>
  tarOf({ [`file${index}`]: `${index}`.repeat(100_000) }),
);
let files: TemporaryDirectory;
let registry: SmallRegistry;

beforeAll(() => {
  files = temporaryDirectory("kill-images");
  writeFileSync(`${files.path}/archive.tar`, tarOf(dockerArchive(contents, ["loaded:1"])));
  const [tree = new Uint8Array(0)] = contents;
  writeFileSync(`${files.path}/tree.tar`, tree);
  registry = serveImage(contents);
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

type Step = "load" | "import" | "pull" | "commit" | "rmi" | "prune";

function commandOf(step: Step): string[] {
  switch (step) {
    case "load":
      return ["load", "-q", "-i", `${files.path}/archive.tar`];
    case "import":
      return ["import", `${files.path}/tree.tar`, "imported:1"];
    case "pull":
      return ["pull", "-q", registry.image];
    case "commit":
      return ["commit", "committer", "committed:1"];
    case "rmi":
      return ["rmi", "loaded:1"];
    case "prune":
      return ["image", "prune", "-a", "-f"];
  }
}

const passedBy: Readonly<Record<ImageFailpoint, readonly Step[]>> = {
  "layer.announced": ["load", "import", "pull", "commit"],
  "layer.removed": ["rmi", "prune"],
  "load.layers": ["load"],
  "load.image": ["load"],
  "import.layer": ["import"],
  "import.image": ["import"],
  "pull.layer": ["pull"],
  "pull.image": ["pull"],
  "rmi.untagged": ["rmi", "prune"],
  "rmi.row": ["rmi", "prune"],
};

interface Listed {
  readonly Id: string;
}

/** What the documents say is what lies on disk. */
async function expectWhole(engine: TestEngine): Promise<void> {
  const images = (await engine.http("GET", "/images/json?all=1")).json() as readonly Listed[];
  const needed = new Set<string>();
  for (const { Id } of images) {
    const inspected = (await engine.http("GET", `/images/${Id}/json`)).json() as {
      RootFS: { Layers: string[] };
    };
    for (const layer of inspected.RootFS.Layers) needed.add(layer.slice("sha256:".length));
  }
  const there = readdirSync(`${engine.root}/layers`).filter((name) => !name.startsWith("."));
  expect(there.sort()).toEqual([...needed].sort());
}

for (const name of imageFailpoints) {
  for (const step of passedBy[name]) {
    test(`killed at ${name} by ${step}`, async () => {
      await using engine = await startEngine();
      const removes = step === "rmi" || step === "prune";
      if (removes) await engine.output(...commandOf("load"));
      if (step === "commit") {
        await engine.output("run", "--name", "committer", "--network", "none", "base", "touch", "/made");
      }
      await engine.stop();
      await engine.start({ env: { TIFFIN_FAILPOINT: `${name}:kill` } });
      expect((await engine.cli(...commandOf(step))).exitCode).toBe(1);
      await engine.ended();
      await engine.start();
      expect(engine.log).toBe("");
      await expectWhole(engine);
      // What was removed already need not be there.
      if (!(removes && (await engine.output("images", "-q", "-a")) === "")) await again(engine, step);
      if (step === "commit") await engine.output("rm", "committer");
      await engine.output(...commandOf("prune"));
      expect(readdirSync(`${engine.root}/layers`)).toEqual([]);
      expect(readdirSync(`${engine.root}/staging`)).toEqual([]);
    });
  }
}

test("a layer that had come whole before a kill is not asked for again, nor one of a pull that failed", async () => {
  await using engine = await startEngine({ env: { TIFFIN_FAILPOINT: "pull.layer:kill" } });
  const before = registry.asked.length;
  expect((await engine.cli(...commandOf("pull"))).exitCode).toBe(1);
  await engine.ended();
  const whole = readdirSync(`${engine.root}/staging`).filter((name) => {
    const blob = registry.sizes.get(name.replace("sha256-", "sha256:").replace(".part", ""));
    return statSync(`${engine.root}/staging/${name}`).size === blob;
  });
  expect(whole.length).toBeGreaterThan(0);
  const first = registry.asked.slice(before);
  // Now one that fails after its first layer, and goes on living.
  await engine.start({ env: { TIFFIN_FAILPOINT: "pull.image" } });
  expect((await engine.cli(...commandOf("pull"))).exitCode).toBe(1);
  await engine.stop();
  const second = registry.asked.slice(before + first.length);
  expect(second.map(({ digest }) => `${digest.replace(":", "-")}.part`)).not.toContainAnyValues(whole);
  await engine.start();
  await engine.output(...commandOf("pull"));
  // The row of the image was there already: what is missing is nothing.
  expect(registry.asked.length).toBe(before + first.length + second.length);
  await expectWhole(engine);
  expect(readdirSync(`${engine.root}/staging`)).toEqual([]);
});

/** The tag may have gone before the engine did. */
async function again(engine: TestEngine, step: Step): Promise<void> {
  const command = step === "rmi" ? ["rmi", await engine.output("images", "-q", "-a")] : commandOf(step);
  await engine.output(...command);
  await expectWhole(engine);
}

test("killed while it loads, imports, pulls and removes, whenever", async () => {
  await using engine = await startEngine();
  const steps: readonly Step[] = ["load", "pull", "import", "rmi"];
  for (let round = 0; round < 12; round += 1) {
    const under = steps.map((step) => engine.cli(...commandOf(step)));
    await pause(10 + round * 25, "the moment of the kill is the test");
    await engine.crash();
    await Promise.all(under);
    await engine.start();
    await expectWhole(engine);
  }
  for (const step of ["load", "pull", "import"] as const) await engine.output(...commandOf(step));
  await expectWhole(engine);
  await engine.output(...commandOf("prune"));
  expect(readdirSync(`${engine.root}/layers`)).toEqual([]);
});
