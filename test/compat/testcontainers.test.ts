/**
 * Suites with testcontainers for Go, Java, Node and Python, as they are published, with a reaper on the engine's socket, which is mounted
 * into its container. Its image comes from a registry on loopback under the name that each of them asks for.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pythonTestcontainers, testcontainersNode } from "../support/client-versions.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { goPrograms } from "../support/go-programs.ts";
import { javaPackages } from "../support/java-packages.ts";
import { nodePackages } from "../support/node-packages.ts";
import { outcomeOf } from "../support/outcome.ts";
import { type ProgramResults, resultsIn } from "../support/program-results.ts";
import { pythonPackages } from "../support/python-packages.ts";
import { hasDockerRegistry, type RealRegistry, startRegistry } from "../support/real-registry.ts";
import { until } from "../support/until.ts";

const go = goPrograms();
const java = javaPackages();
const node = nodePackages("testcontainers", [`testcontainers@${testcontainersNode}`]);
const python = pythonPackages("testcontainers", pythonTestcontainers);
/** The tags of the reaper's image that the four ask for. */
const reaperTags = ["0.14.0", "0.8.1"];

/** Java's client does not hand on how long the reaper is to wait. */
const reaperFile =
  'FROM scratch\nENV RYUK_RECONNECTION_TIMEOUT=1s\nCOPY reaper /reaper\nENTRYPOINT ["/reaper"]\n';

let engine: TestEngine;
let registry: RealRegistry;

/** Puts the reaper where clients pull it from. */
async function publishReaper(path: string): Promise<void> {
  const context = join(engine.directory, "reaper");
  mkdirSync(context);
  copyFileSync(path, join(context, "reaper"));
  writeFileSync(join(context, "Dockerfile"), reaperFile);
  await engine.output("build", "-q", "-t", "reaper", context);
  for (const tag of reaperTags) {
    const name = `${registry.host}/testcontainers/ryuk:${tag}`;
    await engine.output("tag", "reaper", name);
    await engine.output("push", "-q", name);
    await engine.output("rmi", name);
  }
  await engine.output("rmi", "reaper");
}

if ("missing" in go) test.skip(`testcontainers: all of it (${go.missing})`, () => {});
else if (!hasDockerRegistry)
  test.skip("testcontainers: all of it (no docker-registry is installed)", () => {});
else {
  beforeAll(async () => {
    registry = await startRegistry();
    engine = await startEngine({ arguments: ["--registry-mirror", `http://${registry.host}`] });
    await engine.output("run", "--rm", "base", "true");
    await publishReaper(go.path("reaper"));
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
  });

  const suites: readonly (readonly [
    string,
    { readonly missing: string } | readonly string[],
    ProgramResults,
  ])[] = [
    [
      "go",
      [go.path("containers")],
      {
        port: "soup\n",
        exec: [3, "soup\n"],
        files: ["first", "second"],
        logs: "ready\n",
        networks: "soup\n",
        left: true,
      },
    ],
    [
      "java",
      "missing" in java ? java : java.command("Containers.java"),
      {
        port: "soup\n",
        exec: "3 soup\ne\n",
        files: "600\nfirst second",
        logs: "ready\n",
        networks: "soup\n",
        healthy: "true",
        built: "built\n",
        left: "left",
      },
    ],
    [
      "node",
      "missing" in node
        ? node
        : ["node", join(import.meta.dir, "programs/testcontainers.mjs"), node.directory],
      {
        port: "soup\n",
        exec: [3, "soup\n", "e\n"],
        files: ["first", true],
        logs: "ready\n",
        networks: "soup\n",
        healthy: true,
        left: true,
      },
    ],
    [
      "python",
      "missing" in python
        ? python
        : [...python.command, join(import.meta.dir, "programs/testcontainers_py.py")],
      {
        port: "soup\n",
        exec: [3, "soup\n"],
        files: "second",
        logs: ["ready\n", ""],
        networks: "soup\n",
        left: true,
      },
    ],
  ];

  describe.each(suites)("testcontainers for %s", (language, command, expected) => {
    if ("missing" in command) {
      test.skip(`all of it (${command.missing})`, () => {});
      return;
    }

    test("a suite with ports, execs, files, logs and networks gets what it wants, and what it leaves is reaped", async () => {
      const child = Bun.spawn([...command], {
        env: {
          ...process.env,
          DOCKER_HOST: engine.host,
          // Where a Java program looks for a file of its user's, and writes one.
          JDK_JAVA_OPTIONS: `-Duser.home=${engine.directory}`,
          RYUK_RECONNECTION_TIMEOUT: "1s",
          TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE: engine.socket,
        },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      const { code, stdout, stderr } = await outcomeOf(child);
      expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
      expect(resultsIn(stdout)).toEqual(expected);
      await until("the reaper to have removed all, and itself", async () => {
        const left = ["ps", "-aq", "--filter", "label=org.testcontainers"];
        return (await engine.output(...left)) === "";
      });
      expect(await engine.output("ps", "-aq", "--filter", `label=left=${language}`)).toBe("");
    });
  });
}
