/**
 * Prints what was skipped, then every failure with its place and text, and last `N passed, N failed[, N skipped]`, all from the
 * test runner's JUnit report. Exits 1 when anything failed, when no test ran, or when the runner itself ended badly (second
 * argument: its exit status).
 *
 * The failures stand at the end, because often only the end of a long output is kept.
 */
import { readFileSync } from "node:fs";

/** More of one failure than this is in the runner's own output. */
const longestText = 1_500;

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function textOf(text: string): string {
  return text.replace(
    /&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));/g,
    (whole, decimal?: string, hex?: string, name?: string) => {
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      return entities[name ?? ""] ?? whole;
    },
  );
}

function attributeOf(tag: string, name: string): string {
  return textOf(new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1] ?? "");
}

const [, , file = "", runnerStatus = "1"] = process.argv;
let report = "";
try {
  report = readFileSync(file, "utf8");
} catch {
  console.log("the test runner left no report");
}
const root = /<testsuites\b[^>]*>/.exec(report)?.[0] ?? "";
const tests = Number(attributeOf(root, "tests"));
const failures = Number(attributeOf(root, "failures")) + Number(attributeOf(root, "errors"));
const skipped = Number(attributeOf(root, "skipped"));
for (const [, tag = ""] of report.matchAll(/<testcase\b([^>]*)>\s*<skipped/g))
  console.log(`skipped: ${attributeOf(tag, "name")}`);
for (const [, tag = "", outcome = "", rest = ""] of report.matchAll(
  /<testcase\b([^>]*)>\s*<(?:failure|error)\b([^>]*)>([^<]*)/g,
)) {
  const text = textOf(rest).trim() || attributeOf(outcome, "message") || attributeOf(outcome, "type");
  const where = `${attributeOf(tag, "file")}:${attributeOf(tag, "line")}`;
  const name = [attributeOf(tag, "classname"), attributeOf(tag, "name")]
    .filter((part) => part !== "")
    .join(" > ");
  console.log(`failed: ${where}: ${name}\n  ${text.slice(0, longestText).replaceAll("\n", "\n  ")}`);
}
const crashed = runnerStatus !== "0" && failures === 0;
if (crashed) console.log(`failed: the test runner ended with status ${runnerStatus}`);
const failed = failures + (crashed || tests === 0 ? 1 : 0);
console.log(
  `${tests - failures - skipped} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`,
);
process.exit(failed === 0 ? 0 : 1);
