import { expect, test } from "bun:test";
import { join } from "node:path";
import { circlesOf } from "./circles.ts";
import { includeGraph, linkGraph, readSymbols, sourcesIn } from "./executor-graph.ts";

const executor = join(import.meta.dir, "..", "executor");
const own = sourcesIn(executor, /\.c$/).filter((name) => !/^(front|fuzz)\//.test(name));
const front = sourcesIn(executor, /\.c$/).filter((name) => /^(front|system)\//.test(name));

test("no circle among the files of the executor", () => {
  const graph = linkGraph(readSymbols(executor, own));
  expect(graph.get("perform.c")).toContain("mount.c");
  expect(circlesOf(graph)).toEqual([]);
});

test("no circle among the files of the front", () => {
  expect(circlesOf(linkGraph(readSymbols(executor, front)))).toEqual([]);
});

test("no circle among the headers of the executor", () => {
  const graph = includeGraph(executor);
  expect(graph.get("front/peer.c")).toContain("front/peer.h");
  expect(circlesOf(graph)).toEqual([]);
});

test("an operation that calls back into what performs it is seen", () => {
  const graph = linkGraph(
    new Map([
      ["start.c", "start_perform T 0 10\nfail T 20 8\nperform U         \nhelper t 40 8"],
      ["perform.c", "perform T 0 10\nperform_mount U         "],
      ["mount.c", "perform_mount T 0 10\nfail U         \nhelper t 0 8"],
    ]),
  );
  expect(circlesOf(graph)).toEqual([["start.c", "perform.c", "mount.c"]]);
});
