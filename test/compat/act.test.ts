/** act, which runs GitHub's workflows in containers: jobs, services, actions of the repository, files in and out, and their end. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { goClient } from "../support/go-programs.ts";
import { outcomeOf } from "../support/outcome.ts";

const act = goClient("act");

const kitchenFile = `FROM base
CMD ["sh", "-c", "mkdir /www && echo $DISH > /www/menu && exec httpd -f -p 80 -h /www"]
`;

/** What steps said, by job: jobs of a matrix run side by side. */
function saidIn(printed: string): Record<string, string[]> {
  const said: Record<string, string[]> = {};
  for (const [, job = "", words = ""] of printed.matchAll(/^\[kitchen\/(\S+)\s*\]\s+\| said (.*)$/gm)) {
    said[job] ??= [];
    said[job].push(words);
  }
  return said;
}

if ("missing" in act) test.skip(`act: all of it (${act.missing})`, () => {});
else
  describe("act", () => {
    let engine: TestEngine;
    let repository: string;

    beforeAll(async () => {
      engine = await startEngine();
      repository = join(engine.directory, "repository");
      cpSync(join(import.meta.dir, "programs/act/repository"), repository, { recursive: true });
      const kitchen = join(engine.directory, "kitchen");
      mkdirSync(kitchen);
      writeFileSync(join(kitchen, "Dockerfile"), kitchenFile);
      // Without a file of settings it would ask which images to take.
      mkdirSync(join(engine.directory, "act"));
      writeFileSync(join(engine.directory, "act/actrc"), "");
      await engine.output("build", "-q", "-t", "kitchen", kitchen);
    });
    afterAll(async () => {
      await engine[Symbol.asyncDispose]();
    });

    test("a workflow runs: outputs, paths, actions, a container with a service, a matrix, a failure; and nothing is left", async () => {
      const options = ["--platform", "ubuntu-latest=base", "--pull=false", "--rm", "--no-cache-server"];
      const child = Bun.spawn([act.path, "push", ...options], {
        cwd: repository,
        env: {
          ...process.env,
          HOME: engine.directory,
          XDG_CONFIG_HOME: engine.directory,
          XDG_CACHE_HOME: join(engine.directory, "cache"),
          DOCKER_HOST: engine.host,
        },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      const { code, stdout, stderr } = await outcomeOf(child);
      expect({ code, said: saidIn(stdout), printed: code === 1 ? "" : stdout + stderr }).toEqual({
        code: 1,
        said: {
          cook: [
            "kept tool soup of the day",
            "hello anna",
            `bye bert in ${repository}`,
            "failure",
            "socket",
            "after",
          ],
          "serve-1": ["one soup dining table-one cake"],
          "serve-2": ["two soup dining table-two cake"],
          fails: ["last"],
        },
        printed: "",
      });
      expect(stdout).toContain("exitcode '4'");
      expect(await engine.output("ps", "-aq")).toBe("");
      expect(await engine.output("network", "ls", "-q", "--filter", "type=custom")).toBe("");
      // What a job names, and where tools are kept, outlives it.
      expect(await engine.output("volume", "ls", "-q")).toBe("act-toolcache\nshelf");
    });
  });
