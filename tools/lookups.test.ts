import { expect, test } from "bun:test";
import { join } from "node:path";
import { findLookups, lookupsIn } from "./lookups.ts";

test("no name from outside is looked up in what every object has", () => {
  expect(findLookups(join(import.meta.dir, "..", "src"))).toEqual([]);
});

test("a look-up is found, one that asks first is not, nor is one by a literal or an assignment", () => {
  const table = "const kinds: Readonly<Record<string, number>> = { a: 1 };";
  const found = (...lines: readonly string[]) => lookupsIn("x.ts", [table, ...lines].join("\n")).length;
  expect(found("return kinds[name];")).toBe(1);
  expect(found("return kinds[line.slice(2)] ?? 0;")).toBe(1);
  expect(found("return Object.hasOwn(kinds, name) ? kinds[name] : undefined;")).toBe(0);
  expect(found("if (!Object.hasOwn(kinds, name)) return;", "return kinds[name];")).toBe(0);
  expect(found('return kinds["a"];')).toBe(0);
  expect(found("kinds[name] = 1;")).toBe(0);
  expect(found("// kinds[name]")).toBe(0);
});
