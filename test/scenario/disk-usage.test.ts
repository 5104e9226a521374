/** `system df` says what lies on disk. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { dockerArchive, tarOf } from "../../src/engine/image/testing/image-archive.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";

let engine: TestEngine;
let files: TemporaryDirectory;

beforeAll(async () => {
  engine = await startEngine();
  files = temporaryDirectory("df");
  const layers = [3, 5].map((megabytes, index) =>
    tarOf({ [`file${index}`]: new Uint8Array(megabytes * 1_000_000).fill(index + 65) }),
  );
  writeFileSync(`${files.path}/archive.tar`, tarOf(dockerArchive(layers, ["large:1"])));
  await engine.output("load", "-q", "-i", `${files.path}/archive.tar`);
  await engine.output(
    "run",
    "-v",
    "kept:/data",
    "--name",
    "wrote",
    "base",
    "sh",
    "-c",
    "yes | head -c 500000 >/f; yes | head -c 7000 >/data/g",
  );
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

test("the layers are what du finds, to one in a hundred", async () => {
  const answer = (await engine.http("GET", "/system/df")).json() as { readonly LayersSize: number };
  const du = Bun.spawnSync(["du", "-s", "--block-size=1", `${engine.root}/layers`]).stdout.toString();
  const found = Number(du.split("\t")[0]);
  expect(Math.abs(found - answer.LayersSize) / found).toBeLessThan(0.01);
});

test("every kind is counted, and what could be given back", async () => {
  const format = "{{.Type}}|{{.TotalCount}}|{{.Active}}|{{.Size}}|{{.Reclaimable}}";
  const lines = (await engine.output("system", "df", "--format", format)).split("\n");
  expect(lines[0]).toMatch(/^Images\|2\|1\|(?:9|10)\.\d+MB\|8(?:\.\d+)?MB \(8\d%\)$/);
  expect(lines.slice(1)).toEqual([
    "Containers|1|0|500kB|500kB (100%)",
    "Local Volumes|1|1|7kB|0B (0%)",
    "Build Cache|0|0|0B|0B",
  ]);
  const long = await engine.output("system", "df", "-v");
  expect(long).toMatch(/large +1 +[0-9a-f]{12} .* 8MB +0B +8MB +0/);
  expect(long).toMatch(/kept +1 +7kB/);
});

test("a kind alone can be asked for, and no other word", async () => {
  const one = (await engine.http("GET", "/system/df?type=volume")).json() as Record<string, unknown>;
  expect([one["Images"], one["Containers"], Array.isArray(one["Volumes"])]).toEqual([null, null, true]);
  const wrong = await engine.http("GET", "/system/df?type=lunch");
  expect([wrong.status, wrong.text]).toEqual([400, expect.stringContaining("unknown object type: lunch")]);
});
