/** What the bench says of words and files that it cannot use, before it starts an engine or makes a directory. */
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { comparison } from "../bench/record.ts";
import { temporaryDirectory } from "../test/support/temporary-directory.ts";

const bench = join(import.meta.dir, "..", "bench", "bench.ts");

test("a record that is none is refused in a sentence that names it, and nothing is left", () => {
  using directory = temporaryDirectory("bench");
  const scratch = join(directory.path, "scratch");
  mkdirSync(scratch);
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory.path, name), text);
    return join(directory.path, name);
  };
  const cases: readonly [string, RegExp][] = [
    [join(directory.path, "none"), /there is no such file/],
    [directory.path, /directory/],
    [file("empty", ""), /invalid when: found nothing/],
    [file("broken", '{"figures": ['), /line 1, column 14/],
    [file("page", "# Figures"), /line 1, column 1/],
    [file("list", "[1]"), /invalid record of a run: found a list/],
    [
      file(
        "figures",
        '{"when": "today", "machine": {"processor": "p", "processors": 1, "kernel": "6"}, "figures": [{}]}',
      ),
      /invalid figures\[0\]\.section/,
    ],
  ];
  for (const [path, reason] of cases) {
    const { exitCode, stderr } = Bun.spawnSync([process.execPath, bench, "--against", path], {
      env: { ...process.env, TMPDIR: scratch },
    });
    const said = stderr.toString();
    expect(said).toStartWith(`bench: ${path}: `);
    expect(said).toMatch(reason);
    expect(said).not.toContain(" at ");
    expect(exitCode).toBe(2);
  }
  expect(readdirSync(scratch)).toEqual([]);
});

test("its header names every section that it knows", () => {
  const header = readFileSync(bench, "utf8").split("*/")[0] ?? "";
  using directory = temporaryDirectory("bench");
  const { exitCode, stderr } = Bun.spawnSync([process.execPath, bench, "no-such-section"], {
    env: { ...process.env, TMPDIR: directory.path },
  });
  const known = /there are (.*)/.exec(stderr.toString())?.[1]?.split(", ") ?? [];
  expect(known).toContain("start");
  expect(known.filter((name) => !new RegExp(`\\b${name}\\b`).test(header))).toEqual([]);
  expect(exitCode).toBe(2);
});

test("a short run is compared with a long one, and nothing with what was never measured", () => {
  const figure = (title: string, median: number) => ({
    section: "start",
    title,
    name: "it",
    unit: "ms",
    median,
  });
  const before = { figures: [figure("run (30 rounds)", 10), figure("ps, 100 containers", 5)] };
  expect(comparison(before, [figure("run (2 rounds)", 20)])).toEqual([
    expect.stringMatching(/start: it +10\.00 -> +20\.00 ms {2}x 2\.00 {2}MORE/),
  ]);
  expect(comparison(before, [figure("ps, 1 containers", 5)])).toEqual([
    "  none of these figures was taken in that run",
  ]);
});
