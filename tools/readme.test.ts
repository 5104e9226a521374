/** What the README and the pages beside it claim, as far as the sources say it. Its tour is run by test/scenario/readme.test.ts. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { commandTable } from "../src/cli/command-table.ts";
import { newestVersion, oldestVersion } from "../src/docker/api-version.ts";
import { failpoints } from "../src/engine/container/mod.ts";

const project = join(import.meta.dir, "..");
const readme = readFileSync(join(project, "README.md"), "utf8");
const pages = ["README.md", ...new Bun.Glob("docs/**/*.md").scanSync(project)];

/** What `pattern` finds in the README; a claim that is no longer made is no longer checked, and that is an error. */
function claimed(pattern: RegExp): string {
  const found = pattern.exec(readme)?.[1];
  if (found === undefined) throw new Error(`the README no longer says ${pattern}: change this test with it`);
  return found;
}

test("every link to a file leads to one", () => {
  const broken = pages.flatMap((page) => {
    const text = readFileSync(join(project, page), "utf8");
    return [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)]
      .map(([, target = ""]) => target)
      .filter((target) => !existsSync(join(project, dirname(page), target)))
      .map((target) => `${page}: ${target}`);
  });
  expect(broken).toEqual([]);
});

test("every family of commands that it claims is there", () => {
  const families = claimed(/`run`, and the families for ([^(]*?)\s*\(/)
    .split(/,\s+|\s+and\s+the\s+/)
    .map((family) => (family === "builds" ? "builder" : family.replace(/s$/, "")));
  const there = new Set(commandTable.flatMap(({ names }) => names).map((name) => name.split(" ")[0]));
  expect(families).toContain("container");
  expect(families.filter((family) => !there.has(family))).toEqual([]);
});

test("the versions of the API are those that are spoken", () => {
  expect(claimed(/versions (1\.\d+\s+to\s+1\.\d+)/).replaceAll(/\s+/g, " ")).toBe(
    `${oldestVersion} to ${newestVersion}`,
  );
});

test("the points at which the engine is killed reach from a creation to a removal", () => {
  claimed(/at every point that\s+\[failpoints\.ts\]\((src\/engine\/container\/failpoints\.ts)\) names/);
  expect(failpoints[0]).toStartWith("create.");
  expect(new Set(failpoints.map((name) => name.split(".")[0]))).toEqual(
    new Set([
      ...["create", "start", "exit", "stop", "pause", "update", "remove", "commit", "exec"],
      ...["copy", "restart", "health", "volume"],
    ]),
  );
  const crashes = readFileSync(join(project, "test/recovery/kill.test.ts"), "utf8");
  expect(crashes).toContain("for (const name of failpoints.filter(isAskedFor))");
  expect(crashes).toContain("killed at health.answered");
});

test("the commands of its table are scripts of the package", () => {
  const scripts = Object.keys(JSON.parse(readFileSync(join(project, "package.json"), "utf8")).scripts);
  const named = [...readme.matchAll(/^\| `npm (?:run )?(\w+)/gm)].map(([, name]) => name ?? "");
  expect(named.length).toBeGreaterThan(3);
  for (const name of named) expect(scripts).toContain(name);
});

const executor = join(project, "executor/build/tiffin-executor");
const front = join(project, "executor/build/tiffin-front");

if (existsSync(executor))
  test("the executor is as small as it says", () => {
    const limit = Number(claimed(/static C program of less than (\d+) KB/)) * 1024;
    expect(statSync(executor).size).toBeLessThan(limit);
    // Not a limit that says nothing.
    expect(statSync(executor).size).toBeGreaterThan(limit / 2);
  });

if (existsSync(front))
  test("the front is as small as the pages say", () => {
    const sizes = pages
      .map((page) => readFileSync(join(project, page), "utf8"))
      .flatMap((text) => [...text.matchAll(/(?:a C program of|a front of|\(front,) (\d+) KB/g)])
      .map(([, size]) => Number(size));
    expect(sizes.length).toBeGreaterThan(2);
    for (const size of sizes) expect(Math.abs(size * 1000 - statSync(front).size)).toBeLessThan(2000);
  });
