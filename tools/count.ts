/**
 * Prints what was skipped, then every failure with its place and text, and last `N passed, N failed[, N skipped]`, all from the
 * test runner's JUnit reports. Arguments: `--whole` when every test file must be in a report, then for each lane its report
 * and the exit status of its runner: `FILE=STATUS`. Exits 1 when anything failed, when no test ran, when a runner itself ended
 * badly, and with MUST_RUN=1 when a test was skipped for a reason that `permitted-skips.ts` does not have.
 *
 * The failures stand at the end, because often only the end of a long output is kept.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { statedCount, type TestResult, testResults } from "./junit-report.ts";
import { permissionFor } from "./permitted-skips.ts";

/** More of one failure than this is in the runner's own output. */
const longestText = 1_500;

interface Lane {
  readonly results: readonly TestResult[];
  /** What is wrong with the lane as a whole. */
  readonly troubles: readonly string[];
}

function readLane(file: string, status: string): Lane {
  let report = "";
  try {
    report = readFileSync(file, "utf8");
  } catch {
    return {
      results: [],
      troubles: [`the test runner left no report in ${file} (it ended with status ${status})`],
    };
  }
  const results = testResults(report);
  const troubles: string[] = [];
  if (results.length !== statedCount(report))
    troubles.push(`${file} shows ${results.length} tests and says ${statedCount(report)}`);
  const failed = results.some(({ outcome }) => outcome === "failed");
  if (status !== "0" && !failed) troubles.push(`the test runner of ${file} ended with status ${status}`);
  return { results, troubles };
}

/** Test files that no lane has run. */
function forgotten(results: readonly TestResult[]): string[] {
  const seen = new Set(results.map(({ file }) => file));
  const all = new Bun.Glob("{src,test,tools,bench,executor}/**/*.test.ts").scanSync(
    join(import.meta.dir, ".."),
  );
  return [...all].filter((file) => !seen.has(file)).map((file) => `no lane has run ${file}`);
}

const words = process.argv.slice(2);
const isWhole = words.includes("--whole");
const lanes = words
  .filter((word) => word !== "--whole")
  .map((word) => {
    const equals = word.lastIndexOf("=");
    return readLane(word.slice(0, equals), word.slice(equals + 1));
  });
const results = lanes.flatMap((lane) => lane.results);
const troubles = [...lanes.flatMap((lane) => lane.troubles), ...(isWhole ? forgotten(results) : [])];
if (results.length === 0) troubles.push("no test ran");

const skipped = results.filter(({ outcome }) => outcome === "skipped");
const mustRun = process.env["MUST_RUN"] === "1";
for (const { file, line, name } of skipped) {
  const reason = permissionFor(name);
  console.log(`skipped: ${name}`);
  if (mustRun && reason === undefined)
    troubles.push(
      `${file}:${line}: ${name}\n  was skipped, and tools/permitted-skips.ts has no reason for that`,
    );
}
for (const { file, line, name, outcome, text } of results)
  if (outcome === "failed")
    console.log(`failed: ${file}:${line}: ${name}\n  ${text.slice(0, longestText).replaceAll("\n", "\n  ")}`);
for (const trouble of troubles) console.log(`failed: ${trouble}`);

const failures = results.filter(({ outcome }) => outcome === "failed").length;
const failed = failures + troubles.length;
const passed = results.length - failures - skipped.length;
console.log(`${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`);
process.exit(failed === 0 ? 0 : 1);
