/** Node's client of the Docker API, under Node: what it gets is what it gets from Docker. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { type ProgramResults, programResults } from "../support/program-results.ts";

const missingProgram =
  'OCI runtime exec failed: exec failed: unable to start container process: exec: "nosuch": executable file not found in $PATH: unknown\r\n';

/** What is done, and what it comes to. */
const expected: ProgramResults = {
  run: { StatusCode: 3, said: ["o\n", "e\n"] },
  attachBothWays: ["one\ntwo\n", { StatusCode: 0 }],
  attachTerminal: ["\r\n33 99\r\n", { StatusCode: 5 }],
  attachWithoutUpgrade: "x\n",
  followLogs: "x\ny\n",
  exec: ["in", missingProgram, [0, 127]],
  archive: 0,
  events: ["create", "start", "die", "destroy"],
  network: 1,
  volume: "kept\n",
  waitForRemoval: [{ StatusCode: 4 }, { StatusCode: 4 }],
  missing: [404, "No such container: nosuch"],
};

let engine: TestEngine;
let results: ProgramResults;

beforeAll(async () => {
  engine = await startEngine();
  const script = join(import.meta.dir, "programs/dockerode.mjs");
  results = await programResults("node", script, engine.host.replace("unix://", ""));
});
afterAll(async () => {
  const left = (await engine.output("ps", "-aq")).split("\n").filter(Boolean);
  if (left.length > 0) await engine.output("rm", "-f", ...left);
  await engine[Symbol.asyncDispose]();
});

test.each(Object.keys(expected))("dockerode: %s", (name) => {
  expect(results[name]).toEqual(expected[name]);
});

test("dockerode: nothing was done that is not told above", () => {
  expect(Object.keys(results)).toEqual(Object.keys(expected));
});
