/**
 * Prints `N passed, N failed[, N skipped]` from the test runner's JUnit report, names what was skipped, and exits 1 when anything
 * failed, when no test ran, or when the runner itself ended badly (second argument: its exit status).
 */
import { readFileSync } from "node:fs";

const [, , file = "", runnerStatus = "1"] = process.argv;
let report = "";
try {
  report = readFileSync(file, "utf8");
} catch {
  console.log("the test runner left no report");
}
const root = /<testsuites\b[^>]*>/.exec(report)?.[0] ?? "";
const attribute = (name: string): number => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(root)?.[1] ?? 0);
const tests = attribute("tests");
const failures = attribute("failures") + attribute("errors");
const skipped = attribute("skipped");
for (const match of report.matchAll(/<testcase name="([^"]*)"[^>]*>\s*<skipped/g))
  console.log(`skipped: ${match[1]}`);
const crashed = runnerStatus !== "0" && failures === 0;
const failed = failures + (crashed || tests === 0 ? 1 : 0);
console.log(
  `${tests - failures - skipped} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`,
);
process.exit(failed === 0 ? 0 : 1);
