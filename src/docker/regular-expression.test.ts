import { expect, test } from "bun:test";
import { parseIgnore } from "./dockerfile/ignore.ts";
import { regularExpression } from "./regular-expression.ts";
import { shellPattern } from "./shell-pattern.ts";

test("expressions mean what they mean in Go", () => {
  const table: readonly (readonly [string, string, boolean])[] = [
    ["web", "my-web-1", true],
    ["^web$", "my-web", false],
    ["", "anything", true],
    ["(?i)^WEB", "web", true],
    ["^/?web$", "/web", true],
    ["[[:digit:]]{2}$", "web12", true],
    ["(?P<kind>web|db)\\z", "old-db", true],
    ["\\Qa.b\\E", "axb", false],
    ["\\pL", "12", false],
    ["a.c", "a\nc", false],
  ];
  for (const [source, text, wanted] of table)
    expect([source, regularExpression(source)(text)]).toEqual([source, wanted]);
});

test("what Go does not know is refused with the reason", () => {
  for (const source of ["[", "a(?=b)", "(a)\\1", "a**", "((a{100}){100}){100}"]) {
    expect(() => regularExpression(source)).toThrow("error parsing regexp");
  }
  expect(() => regularExpression(`${"a".repeat(5000)}.`)).toThrow("wanted at most 4096");
});

test("an expression that a backtracking matcher never ends with is answered", () => {
  const text = `${"a".repeat(5000)}!`;
  for (const source of ["^(a+)+$", "^(a|aa)+$", "(a*)*$b", "(.*a){12}!?x"])
    expect(regularExpression(source)(text)).toBe(false);
});

test("patterns of names and of paths with many stars are answered too", () => {
  const text = "a".repeat(3000);
  const stars = `${"*a".repeat(30)}*b`;
  expect(shellPattern(stars)?.(text)).toBe(false);
  expect(shellPattern("r*/a?*[0-9]*x")?.("rep/ab1x")).toBe(true);
  expect(shellPattern("*.*-*+*")?.("a.b-c+d")).toBe(true);
  const ignore = parseIgnore(`${stars}\n**/*.*.*.tmp`);
  expect([text, "in/a.b.c.tmp", "in/a.tmp"].map((path) => ignore.excludes(path))).toEqual([
    false,
    true,
    false,
  ]);
});
