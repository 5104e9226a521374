import { expect, test } from "bun:test";
import { shownName } from "./shown-name.ts";

test("a name in an error is short and moves no terminal", () => {
  expect(shownName("usr/bin/ä")).toBe('"usr/bin/ä"');
  expect(shownName('a\n"\u001b[31m')).toBe('"a\\n\\"\\u001b[31m"');
  expect(shownName("a\u009b2J\u202eb\u007f\u2028")).toBe('"a\\u009b2J\\u202eb\\u007f\\u2028"');
  expect(shownName("n".repeat(5000))).toBe(`"${"n".repeat(200)}..."`);
  expect(shownName("\udc80")).toBe('"\\udc80"');
});
