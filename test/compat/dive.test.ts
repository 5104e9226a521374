/** dive, which takes images apart: what it finds in the layers of an image that the engine gives out. */
import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startEngine } from "../support/engine-harness.ts";
import { goClient } from "../support/go-programs.ts";
import { outcomeOf } from "../support/outcome.ts";

const dive = goClient("dive");

const file = `FROM base
RUN head -c 100000 /dev/zero > /menu
RUN head -c 50000 /dev/zero > /menu
RUN mkdir /shelf && echo soup > /shelf/can && rm /menu
`;

interface Layer {
  readonly command: string;
  readonly sizeBytes: number;
  readonly fileList: readonly { readonly path: string; readonly isDir: boolean }[];
}

if ("missing" in dive) test.skip(`dive: all of it (${dive.missing})`, () => {});
else
  test("dive tells an image's layers, their commands, files and wasted room", async () => {
    await using engine = await startEngine();
    const context = join(engine.directory, "context");
    mkdirSync(context);
    writeFileSync(join(context, "Dockerfile"), file);
    await engine.output("build", "-q", "-t", "kitchen", context);
    const written = join(engine.directory, "dive.json");
    const child = Bun.spawn([dive.path, "--json", written, "kitchen"], {
      env: { ...process.env, HOME: engine.directory, DOCKER_HOST: engine.host },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const { code, stderr } = await outcomeOf(child);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const told: { readonly layer: readonly Layer[]; readonly image: Readonly<Record<string, unknown>> } =
      JSON.parse(await Bun.file(written).text());
    expect(told.image["inefficientBytes"]).toBe(150_000);
    expect(told.image["fileReference"]).toEqual([{ count: 3, sizeBytes: 150_000, file: "/menu" }]);
    const [, ...own] = told.layer;
    const commands = file
      .split("\n")
      .slice(1, -1)
      .map((line) => line.replace("RUN ", ""));
    expect(own.map(({ command }) => command)).toEqual(
      commands.map((command) => `RUN /bin/sh -c ${command} # buildkit`),
    );
    expect(own.map(({ sizeBytes }) => sizeBytes)).toEqual([100_000, 50_000, 5]);
    const paths = own[2]?.fileList.filter(({ isDir }) => !isDir).map(({ path }) => path);
    expect(paths).toEqual([".wh.menu", "shelf/can"]);
  });
