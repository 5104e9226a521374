/** Words of a Dockerfile: what a variable with a modifier stands for. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: words of a Dockerfile
import { expect, test } from "bun:test";
import { expandVariables, expandWord } from "./expand.ts";

const values: Readonly<Record<string, string>> = { A: "foobarbaz", EMPTY: "", PATH: "/usr/lib/x.tar.gz" };
const lookup = (name: string): string | undefined => values[name];

const rows: readonly (readonly [written: string, meant: string])[] = [
  ["$A", "foobarbaz"],
  ["${A}x", "foobarbazx"],
  ["\\$A", "$A"],
  ["'$A'", "$A"],
  ["${EMPTY:-a}", "a"],
  ["${EMPTY-a}", ""],
  ["${NONE-a}", "a"],
  ["${A:+yes}", "yes"],
  ["${NONE:+yes}", ""],
  ["${NONE:-${A}}", "foobarbaz"],
  ["${A#foo}", "barbaz"],
  ["${A#*b}", "arbaz"],
  ["${A##*b}", "az"],
  ["${A%baz}", "foobar"],
  ["${A%b*}", "foobar"],
  ["${A%%b*}", "foo"],
  ["${A%z?}", "foobarbaz"],
  ["${PATH##*/}", "x.tar.gz"],
  ["${PATH%.*}", "/usr/lib/x.tar"],
  ["${A/ba/BA}", "fooBArbaz"],
  ["${A//ba/BA}", "fooBArBAz"],
  ["${A//b?/}", "foorz"],
  ["${A/\\*/x}", "foobarbaz"],
  ["${NONE#a}", ""],
];

test.each(rows)("%s is %s", (written, meant) => {
  expect(expandWord(written, lookup)).toBe(meant);
});

test("another sign escapes where the directive says so", () => {
  expect(expandWord("C:\\x`$A", lookup, "`")).toBe("C:\\x$A");
});

test("in a here-document quotes are part of the text", () => {
  expect(expandVariables("\"$A\" '$A' \\$A \\n", lookup)).toBe("\"foobarbaz\" 'foobarbaz' $A \\n");
});

test("a modifier that there is not is refused", () => {
  expect(() => expandWord("${A=x}", lookup)).toThrow("unsupported modifier");
  expect(() => expandWord("${A?}", () => undefined)).toThrow("A: is not allowed to be unset");
});
