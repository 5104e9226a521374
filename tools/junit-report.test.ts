import { expect, test } from "bun:test";
import { join } from "node:path";
import { temporaryDirectory } from "../test/support/temporary-directory.ts";
import { statedCount, testResults } from "./junit-report.ts";

/** As Bun writes it. */
const report = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="4" assertions="5" failures="1" skipped="2" time="1.5">
  <testsuite name="a.test.ts" file="a.test.ts" tests="4" assertions="5" failures="1" skipped="2" time="1.5" hostname="h">
    <testcase name="one &lt;two&gt;" classname="" time="0.1" file="a.test.ts" line="3" assertions="1" />
    <testsuite name="group" file="a.test.ts" line="5" tests="3" assertions="0" failures="1" skipped="2" time="0" hostname="h">
      <testcase name="crun: case (1.8 is older (much))" classname="group" time="0" file="a.test.ts" line="6" assertions="0">
        <skipped />
      </testcase>
      <testcase name="lazy" classname="group" time="0" file="a.test.ts" line="7" assertions="0">
        <skipped />
      </testcase>
      <testcase name="bad" classname="group" time="0" file="a.test.ts" line="8" assertions="0">
        <failure type="AssertionError" message="m">Error: &quot;x&quot;
at y</failure>
      </testcase>
    </testsuite>
  </testsuite>
</testsuites>
`;

test("every test of a report, with its groups, its place and how it ended", () => {
  expect(statedCount(report)).toBe(4);
  expect(testResults(report)).toEqual([
    { file: "a.test.ts", line: "3", name: "one <two>", outcome: "passed", text: "" },
    {
      file: "a.test.ts",
      line: "6",
      name: "group > crun: case (1.8 is older (much))",
      outcome: "skipped",
      text: "",
    },
    { file: "a.test.ts", line: "7", name: "group > lazy", outcome: "skipped", text: "" },
    { file: "a.test.ts", line: "8", name: "group > bad", outcome: "failed", text: 'Error: "x"\nat y' },
  ]);
});

async function count(
  reports: Readonly<Record<string, string>>,
  words: readonly string[],
  mustRun: "0" | "1",
): Promise<{ readonly code: number; readonly last: string; readonly out: string }> {
  using directory = temporaryDirectory("count");
  for (const [name, text] of Object.entries(reports)) await Bun.write(join(directory.path, name), text);
  const { exitCode, stdout } = Bun.spawnSync(
    [process.execPath, join(import.meta.dir, "count.ts"), ...words],
    { cwd: directory.path, env: { ...process.env, MUST_RUN: mustRun } },
  );
  const out = stdout.toString().trimEnd();
  return { code: exitCode, last: out.split("\n").at(-1) ?? "", out };
}

const passed = report.replace(/<failure[\s\S]*<\/failure>/, "").replaceAll('failures="1"', 'failures="0"');

test("lanes are counted together", async () => {
  expect(await count({ a: report, b: passed }, ["a=1", "b=0"], "0")).toMatchObject({
    code: 1,
    last: "3 passed, 1 failed, 4 skipped",
  });
  expect(await count({ b: passed }, ["b=0"], "0")).toMatchObject({
    code: 0,
    last: "2 passed, 0 failed, 2 skipped",
  });
});

test("a lane without a report, one that ended badly, and one that ran nothing are failures", async () => {
  expect((await count({ b: passed }, ["b=0", "none=0"], "0")).out).toContain(
    "failed: the test runner left no report",
  );
  expect(await count({ b: passed }, ["b=134"], "0")).toMatchObject({
    code: 1,
    last: "2 passed, 1 failed, 2 skipped",
  });
  expect(await count({ b: '<testsuites tests="0"></testsuites>' }, ["b=0"], "0")).toMatchObject({
    code: 1,
    last: "0 passed, 1 failed",
  });
  expect((await count({ b: passed.replace('tests="4"', 'tests="5"') }, ["b=0"], "0")).out).toContain(
    "b shows 4 tests and says 5",
  );
});

test("where everything is there, a skip without a permitted reason is a failure", async () => {
  const own = passed.replace(
    'classname="group" time="0" file="a.test.ts" line="6"',
    'classname="" time="0" file="a.test.ts" line="6"',
  );
  const { code, out, last } = await count({ b: own }, ["b=0"], "1");
  expect({ code, last }).toEqual({ code: 1, last: "2 passed, 1 failed, 2 skipped" });
  expect(out).toContain(
    "failed: a.test.ts:7: group > lazy\n  was skipped, and tools/permitted-skips.ts has no reason for that",
  );
  expect(out).not.toContain("a.test.ts:6");
});

test("a peer that is not installed is no permitted reason", async () => {
  const missing = report
    .replace("1.8 is older (much)", "not installed")
    .replace(
      'classname="group" time="0" file="a.test.ts" line="6"',
      'classname="" time="0" file="a.test.ts" line="6"',
    );
  expect((await count({ b: missing }, ["b=1"], "1")).out).toContain("failed: a.test.ts:6");
});

test("a file that no lane has run is a failure of the whole", async () => {
  expect((await count({ b: passed }, ["--whole", "b=0"], "0")).out).toContain(
    "failed: no lane has run tools/junit-report.test.ts",
  );
});
