/** Docker's Go client: what it gets is what it gets from Docker. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { goPrograms } from "../support/go-programs.ts";
import { type ProgramResults, programResults } from "../support/program-results.ts";

/** What is done, and what it comes to. */
const expected: ProgramResults = {
  archives: ["x.txt", 5, "-rw-r-----", "x.txt", "hello"],
  attach: ["through\n", ""],
  events: ["create", "start", "die", "destroy"],
  execs: [
    [["1\n/tmp\n", "e\n"], 4],
    [["in", ""], 0],
    ["tty\r\n", 0],
  ],
  images: [["hi\n", ""], 1, 2],
  life: [["paused", "running", "exited"], ["/go-renamed"], "exited"],
  missing: [true, true, true],
  networks: [[["kept\n", ""], 0], 2, 1],
  run: [["o\n", "e\n"], 3],
  stats: [true, 1, true],
  volumes: [["kept\n", ""], 1, { q: "1" }],
};

const programs = goPrograms();

if ("missing" in programs) test.skip(`Go client: all of it (${programs.missing})`, () => {});
else
  describe("Go client", () => {
    let engine: TestEngine;
    let results: ProgramResults;

    beforeAll(async () => {
      engine = await startEngine();
      results = await programResults("env", `DOCKER_HOST=${engine.host}`, programs.path("api"));
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
