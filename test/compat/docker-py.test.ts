/** Python's client of the Docker API: what it gets is what it gets from Docker. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { pythonDocker, pythonDockerPackages } from "../support/client-versions.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { type ProgramResults, programResults } from "../support/program-results.ts";
import { pythonPackages } from "../support/python-packages.ts";

const frame = "\u0001\0\0\0\0\0\0\u0002in";

/** What is done, and what it comes to. */
const expected: ProgramResults = {
  run: "o\n",
  run_fails: [3, "e\n"],
  missing: ["No such container: nosuch", "get nosuch: no such volume", "No such image: nosuch:1"],
  logs: ["a\nb\n", "b\n", { StatusCode: 0 }],
  attach: [
    ["o\n", null],
    [null, "e\n"],
  ],
  attach_both_ways: frame,
  execs: [[0, "1 2\n/tmp\n1000\n"], [4, ["o\n", "e\n"]], [0, "tty\r\n"], 5, frame],
  output_of_quick_execs: [50, 20],
  archives: ["x.txt", 5, "hello"],
  networks: ["10.123.45.7", 0, 1],
  volumes: ["kept\n", { q: "1" }],
  events: ["create", "start", "die", "destroy"],
  life: [["paused", "running", "running", "exited"], ["docker-py-renamed"]],
  images: ["hi\n", ["docker-py:v1"]],
};

const packages = pythonPackages(`docker-${pythonDocker}`, pythonDockerPackages);

if ("missing" in packages) test.skip(`docker-py: all of it (${packages.missing})`, () => {});
else
  describe("docker-py", () => {
    let engine: TestEngine;
    let results: ProgramResults;

    beforeAll(async () => {
      engine = await startEngine();
      const script = join(import.meta.dir, "programs/docker_py.py");
      results = await programResults(...packages.command, script, engine.host.replace("unix://", ""));
    });
    afterAll(async () => {
      await engine[Symbol.asyncDispose]();
    });

    test.each(Object.keys(expected))("%s", (name) => {
      expect(results[name]).toEqual(expected[name]);
    });

    test("nothing was done that is not told above", () => {
      expect(Object.keys(results)).toEqual(Object.keys(expected));
    });
  });
