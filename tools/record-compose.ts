/**
 * Plays the projects of test/compat/compose-corpus on an engine of Docker's and keeps what they came to:
 * `bun tools/record-compose.ts [PROJECT...]`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { composeProjects, playProject, recordedFile } from "../test/support/compose-corpus.ts";
import { dockerdWithBaseOf } from "../test/support/docker-stage.ts";
import { startEngine } from "../test/support/engine-harness.ts";
import { goPrograms } from "../test/support/go-programs.ts";

const programs = goPrograms();
if ("missing" in programs) throw new Error(programs.missing);
const wanted = process.argv.slice(2);
await using engine = await startEngine();
await using dockerd = await dockerdWithBaseOf(engine);
const stage = {
  socket: dockerd.socket,
  compose: programs.path("docker-compose"),
  docker: programs.path("docker"),
};
for (const project of composeProjects.filter((name) => wanted.length === 0 || wanted.includes(name))) {
  const result = await playProject(project, stage).catch((thrown: unknown) => `${thrown}`);
  if (typeof result === "string") {
    console.error(`${project}: ${result}`);
    process.exitCode = 1;
    continue;
  }
  mkdirSync(dirname(recordedFile(project)), { recursive: true });
  writeFileSync(recordedFile(project), `${JSON.stringify(result, undefined, 2)}\n`);
  console.log(project);
}
