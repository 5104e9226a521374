/** Projects of compose in the style of public lists, by the newest compose: what they come to is what they come to on Docker. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { composeProjects, playProject, recordedFile } from "../support/compose-corpus.ts";
import { dockerdWithBaseOf } from "../support/docker-stage.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { goPrograms } from "../support/go-programs.ts";
import type { OwnDockerd } from "../support/own-dockerd.ts";

const programs = goPrograms();

function recorded(project: string): unknown {
  return JSON.parse(readFileSync(recordedFile(project), "utf8"));
}

if ("missing" in programs) test.skip(`compose corpus: all of it (${programs.missing})`, () => {});
else
  describe("compose corpus", () => {
    const stageOf = (socket: string) => ({
      socket,
      compose: programs.path("docker-compose"),
      docker: programs.path("docker"),
    });
    let engine: TestEngine;

    beforeAll(async () => {
      engine = await startEngine();
    });
    afterAll(async () => {
      await engine[Symbol.asyncDispose]();
    });

    test.each(composeProjects)("%s comes to what it comes to on Docker", async (project) => {
      expect(await playProject(project, stageOf(engine.socket))).toEqual(recorded(project));
    });

    // Minutes of Docker's time: what is recorded is what Docker does, whenever somebody asks.
    describe.skipIf(process.env["TIFFIN_CLIENTS"] !== "all")("what is recorded (TIFFIN_CLIENTS=all)", () => {
      let dockerd: OwnDockerd;
      beforeAll(async () => {
        dockerd = await dockerdWithBaseOf(engine);
      });
      afterAll(async () => {
        await dockerd[Symbol.asyncDispose]();
      });

      test.each(composeProjects)("%s", async (project) => {
        expect(await playProject(project, stageOf(dockerd.socket))).toEqual(recorded(project));
      });
    });
  });
