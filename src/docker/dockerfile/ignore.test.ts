/** Which paths the patterns of a `.dockerignore` leave out. */
import { expect, test } from "bun:test";
import { parseIgnore } from "./ignore.ts";

const rows: readonly (readonly [patterns: string, path: string, out: boolean])[] = [
  ["a", "a", true],
  ["a", "a/b", true],
  ["a", "b/a", false],
  ["a/", "a", true],
  ["/a", "a/b/c", true],
  ["./a", "a", true],
  ["b/../a", "a", true],
  ["*", "a/b", true],
  ["*.md", "x.md", true],
  ["*.md", "d/x.md", false],
  ["*/*.md", "d/x.md", true],
  ["**/*.md", "x.md", true],
  ["**/*.md", "d/e/x.md", true],
  ["**", "a/b", true],
  ["a/**", "a/b/c", true],
  ["a/**", "a", false],
  ["a/**/z", "a/z", true],
  ["a/**/z", "a/b/c/z", true],
  ["a/**/z", "ab/z", false],
  ["**/a", "x/a/y", true],
  ["a?c", "abc", true],
  ["a?c", "a/c", false],
  ["[a-c]x", "bx", true],
  ["[^a-c]x", "bx", false],
  ["a.c", "abc", false],
  ["a+(b)", "a+(b)", true],
  ["\\*", "*", true],
  ["\\*", "a", false],
  ["*\n!keep", "keep", false],
  ["*\n!keep", "keep/x", false],
  ["*\n!keep/x", "keep/x", false],
  ["*\n!keep/x", "keep/y", true],
  ["!keep\n*", "keep", true],
  ["*\n!*.md\nREADME.md", "README.md", true],
  ["# a\na", "a", true],
  ["# a", "# a", false],
  ["  a  ", "a", true],
  [".", "a", false],
  ["äö", "äö/x", true],
];

test.each(rows)("%p: is %s left out? %p", (patterns, path, out) => {
  expect(parseIgnore(patterns).excludes(path)).toBe(out);
});

test("what is no pattern is refused", () => {
  expect(() => parseIgnore("!")).toThrow("illegal exclusion pattern");
  expect(() => parseIgnore("[")).toThrow("syntax error in pattern");
  expect(() => parseIgnore("a\\")).toThrow("syntax error in pattern");
});

test.each([
  ["*\n!a/b", "a", true],
  ["*\n!a/b", "ab", false],
  ["*\n!a/*/c", "a/x", true],
  ["*\n!**/c", "x", true],
  ["*", "x", false],
])("%p: may something below %s come back? %p", (patterns, directory, may) => {
  expect(parseIgnore(patterns).mayBringBack(directory)).toBe(may);
});
