/** What developers do with the newest compose: images built for all services at once by bake, and files that are watched. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { goPrograms } from "../support/go-programs.ts";
import { outcomeOf } from "../support/outcome.ts";
import { until } from "../support/until.ts";
import { writeFiles } from "../support/write-files.ts";

const programs = goPrograms();
const buildx = join(import.meta.dir, "../../.build/go/plugins/docker-buildx");

const project = `
services:
  web:
    build: ./app
    init: true
    command: sh -c 'cp /settings/course /started-with; exec sleep 600'
    stop_grace_period: 0s
    develop:
      watch:
        - { action: sync, path: ./app/source, target: /source, ignore: ["draft/"] }
        - { action: sync+restart, path: ./app/settings, target: /settings }
        - { action: rebuild, path: ./app/Dockerfile }
  side:
    build: { context: ./app, target: first, args: { WORD: side }, labels: { course: soup } }
    init: true
    command: sleep 600
`;
const dockerfile = `FROM base AS first
ARG WORD=plain
RUN echo $WORD > /word
FROM first
COPY source /source
COPY settings /settings
`;

if ("missing" in programs) test.skip(`compose for developers: all of it (${programs.missing})`, () => {});
else
  describe("compose for developers", () => {
    const compose = programs.path("docker-compose");
    let engine: TestEngine;
    let place: string;
    const write = (path: string, text: string): void => writeFiles(place, { [path]: text });

    beforeAll(async () => {
      engine = await startEngine();
      place = join(engine.directory, "project");
      mkdirSync(place);
      await engine.output("run", "--rm", "base", "true");
    });
    afterAll(async () => {
      await engine[Symbol.asyncDispose]();
    });

    function environmentOf(builder: Readonly<Record<string, string>>): Record<string, string | undefined> {
      return { ...process.env, DOCKER_HOST: engine.host, DOCKER_CONFIG: join(place, "config"), ...builder };
    }
    const classic = { DOCKER_BUILDKIT: "0", COMPOSE_BAKE: "false" };

    async function perform(builder: Readonly<Record<string, string>>, ...words: string[]): Promise<string> {
      const child = Bun.spawn([compose, "-p", "dev", ...words], {
        cwd: place,
        env: environmentOf(builder),
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      const { code, stdout, stderr } = await outcomeOf(child);
      expect({ words, code, stderr: code === 0 ? "" : stderr }).toEqual({ words, code: 0, stderr: "" });
      return stdout.trimEnd();
    }

    function writeProject(): void {
      rmSync(place, { recursive: true });
      mkdirSync(place);
      write("compose.yaml", project);
      write("app/Dockerfile", dockerfile);
      write("app/source/menu", "soup\n");
      write("app/settings/course", "first\n");
    }

    test("what is watched is copied, restarted and built anew as files change", async () => {
      writeProject();
      await perform(classic, "up", "-d", "--build");
      const inWeb = (script: string): Promise<string> =>
        perform(classic, "exec", "-T", "web", "sh", "-c", script);
      // While it is restarted it cannot be asked.
      const says = async (script: string, wanted: string): Promise<boolean> =>
        (await inWeb(script).catch(() => "")) === wanted;
      const log = join(place, "watch.log");
      const watching = Bun.spawn([compose, "-p", "dev", "watch", "--no-up"], {
        cwd: place,
        env: environmentOf(classic),
        stdin: "ignore",
        stdout: Bun.file(log),
        stderr: Bun.file(`${log}.errors`),
      });
      try {
        const said = (): string => readFileSync(log, "utf8") + readFileSync(`${log}.errors`, "utf8");
        await until("it to watch", () => said().includes("Watch enabled"));
        write("app/source/draft/never", "never\n");
        write("app/source/menu", "cake\n");
        write("app/source/deep/er/file", "new\n");
        await until("changed and new files", () =>
          says("cat /source/menu /source/deep/er/file", "cake\nnew"),
        );
        rmSync(join(place, "app/source/deep/er/file"));
        await until("a file to be gone", () => says("ls /source/deep/er", ""));
        expect(await inWeb("ls -d /source/draft 2>/dev/null || echo none")).toBe("none");
        write("app/settings/course", "second\n");
        await until("a restart", () => says("cat /started-with", "second"));
        write("app/Dockerfile", dockerfile.replace("plain", "fancy"));
        await until("a new image", () => says("cat /word /source/menu", "fancy\ncake"));
      } finally {
        watching.kill("SIGINT");
        await watching.exited;
      }
      await perform(classic, "down", "-t", "0", "--rmi", "local");
      expect(await engine.output("ps", "-aq")).toBe("");
    });

    const note = existsSync(buildx) ? "" : " (buildx is not built on this machine)";
    const bakes = "images of all services are built at once by bake";
    test.skipIf(note !== "")(bakes + note, async () => {
      writeProject();
      mkdirSync(join(place, "config/cli-plugins"), { recursive: true });
      cpSync(buildx, join(place, "config/cli-plugins/docker-buildx"));
      await perform({ BUILDKIT_PROGRESS: "plain" }, "up", "-d", "--build");
      expect(await perform({}, "exec", "-T", "side", "cat", "/word")).toBe("side");
      expect(await perform({}, "exec", "-T", "web", "cat", "/word", "/source/menu")).toBe("plain\nsoup");
      expect(await engine.output("inspect", "-f", "{{.Config.Labels.course}}", "dev-side-1")).toBe("soup");
      await perform({}, "down", "-t", "0", "--rmi", "local");
      expect(await engine.output("ps", "-aq")).toBe("");
    });
  });
