/**
 * Runs the tests of the lane `apart` (see lanes.ts), as many batches at a time as there are processors. Each batch is shown when
 * it has ended, whole. Reports go to `.build/junit-apart-N.xml`; the last argument names a file that gets `REPORT=STATUS` of
 * each, as count.ts reads them.
 */
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { batches } from "./lanes.ts";

const project = join(import.meta.dir, "..");
const [statusFile] = process.argv.slice(2);
if (statusFile === undefined) throw new Error("usage: run-apart.ts STATUSES");
/** Even where there is one processor: much of a test is waiting for a moment. */
const leastRunners = 2;

const waiting = batches(project, "apart").entries();
const statuses: string[] = [];

async function runBatches(): Promise<void> {
  for (const [index, files] of waiting) {
    const report = `.build/junit-apart-${index}.xml`;
    const options = [
      "--timeout",
      "120000",
      "--reporter=junit",
      `--reporter-outfile=${join(project, report)}`,
    ];
    // In one stream, as they come.
    const runner = Bun.spawn(
      [
        "sh",
        "-c",
        'exec "$@" 2>&1',
        "sh",
        process.execPath,
        "test",
        ...options,
        ...files.map((file) => `./${file}`),
      ],
      { cwd: project, stdin: "ignore", stdout: "pipe", stderr: "inherit" },
    );
    const output = await new Response(runner.stdout).text();
    statuses.push(`${report}=${await runner.exited}`);
    process.stdout.write(output);
  }
}

const runners = Math.max(leastRunners, availableParallelism());
await Promise.all(Array.from({ length: runners }, runBatches));
writeFileSync(statusFile, `${statuses.join("\n")}\n`);
