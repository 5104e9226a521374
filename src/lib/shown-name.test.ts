import { expect, test } from "bun:test";
import { shownJson, shownLines, shownName } from "./shown-name.ts";

test("a name in an error is short and moves no terminal", () => {
  expect(shownName("usr/bin/ä")).toBe('"usr/bin/ä"');
  expect(shownName('a\n"\u001b[31m')).toBe('"a\\n\\"\\u001b[31m"');
  expect(shownName("a\u009b2J\u202eb\u007f\u2028")).toBe('"a\\u009b2J\\u202eb\\u007f\\u2028"');
  expect(shownName("n".repeat(5000))).toBe(`"${"n".repeat(200)}..."`);
  expect(shownName("\udc80")).toBe('"\\udc80"');
});

test("an error of several lines, and JSON, keep their lines and move no terminal", () => {
  expect(shownLines("a\u001b[31m\r\u202e\n\t(try b)\u0085")).toBe(
    "a\\u001b[31m\\u000d\\u202e\n\t(try b)\\u0085",
  );
  const value = { name: "x\u202e\u0085\u2028\u001b\ny" };
  expect(shownJson(value)).toBe('{\n  "name": "x\\u202e\\u0085\\u2028\\u001b\\ny"\n}');
  expect(JSON.parse(shownJson(value))).toEqual(value);
});
