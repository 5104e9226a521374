/** Compose projects, brought up and taken down by the programs that are installed. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { composePrograms } from "../support/compose-programs.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { outcomeOf } from "../support/outcome.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";
import { until } from "../support/until.ts";

const project = `
version: "2.4"
services:
  store:
    image: base
    command: sh -c 'mkdir -p /data; echo kept > /data/state; exec httpd -f -p 80 -h /data'
    init: true
    volumes: ["shelf:/data"]
    networks: { back: { aliases: [database] } }
  web:
    image: base
    command: sh -c 'until wget -q -O /tmp/state http://database/state; do sleep 0.05; done; echo serving; exec httpd -f -p 8080 -h /tmp'
    init: true
    depends_on: [store]
    networks: [back]
    ports: ["127.0.0.1::8080"]
    environment: { MENU: soup }
    restart: unless-stopped
networks: { back: {} }
volumes: { shelf: {} }
`;

if (composePrograms.length === 0) test.skip("compose: all of it (no compose program is installed)", () => {});

describe.each(composePrograms.map(({ version, command }) => [version, command] as const))(
  "compose %s",
  (_version, command) => {
    let engine: TestEngine;
    let directory: TemporaryDirectory;

    beforeAll(async () => {
      engine = await startEngine();
      directory = temporaryDirectory("compose");
      writeFileSync(join(directory.path, "docker-compose.yml"), project);
    });
    afterAll(async () => {
      directory[Symbol.dispose]();
      await engine[Symbol.asyncDispose]();
    });

    async function compose(...args: readonly string[]): Promise<string> {
      const child = Bun.spawn([...command, "-p", "lunch", ...args], {
        cwd: directory.path,
        env: { ...process.env, DOCKER_HOST: engine.host },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      const { code, stdout, stderr } = await outcomeOf(child);
      expect({ args, code, stderr: code === 0 ? "" : stderr }).toEqual({ args, code: 0, stderr: "" });
      return stdout.trimEnd();
    }
    const running = async (service: string) =>
      (await engine.output("ps", "-q", "--filter", `label=com.docker.compose.service=${service}`))
        .split("\n")
        .filter(Boolean).length;
    const fetchState = async () =>
      await (await fetch(`http://${await compose("port", "web", "8080")}/state`)).text();

    test("a project of two services comes up, is used, grows and goes, and nothing is left", async () => {
      await compose("up", "-d");
      expect([await running("store"), await running("web")]).toEqual([1, 1]);
      await until("the web service", async () =>
        (await compose("logs", "--no-color", "web")).includes("serving"),
      );
      expect(await fetchState()).toBe("kept\n");
      expect(await compose("exec", "-T", "web", "sh", "-c", "echo $MENU")).toBe("soup");
      // The older program links a one-off container to those of its service.
      expect(await compose("run", "--rm", "-T", "web", "wget", "-q", "-O", "-", "http://store/state")).toBe(
        "kept",
      );
      await compose("stop", "web");
      expect(await running("web")).toBe(0);
      await compose("start", "web");
      await compose("restart", "web");
      await until("the web service again", async () => (await fetchState().catch(() => "")) === "kept\n");
      await compose("up", "-d", "--scale", "store=2");
      expect([await running("store"), await running("web")]).toEqual([2, 1]);
      await compose("down", "-v");
      expect(await engine.output("ps", "-aq")).toBe("");
      expect(await engine.output("network", "ls", "-q", "--filter", "label=com.docker.compose.project")).toBe(
        "",
      );
      expect(await engine.output("volume", "ls", "-q")).toBe("");
    });
  },
);
