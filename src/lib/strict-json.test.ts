import { expect, test } from "bun:test";
import { messageOf } from "./errors.ts";
import { parseStrictJson } from "./strict-json.ts";

function complaint(text: string): string {
  try {
    return `read: ${JSON.stringify(parseStrictJson(text))}`;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

test.each([
  ['{"a": [1, -2.5e3, "x\\u00e9\\n", true, null, {}], "b": {"a": 1}}', "read: "],
  ['{"a": 1, "\\u0061": 2}', 'line 1, column 10: key "\\u0061" is there twice, the first in line 1'],
  ['{"a": 1,\n}', 'line 2, column 1: found "}", wanted a key in double quotes after the comma'],
  ["[1, 2,]", 'line 1, column 7: found "]", wanted a value after the comma'],
  ["{'a': 1}", 'line 1, column 2: found "\'", wanted a key in double quotes'],
  ["{a: 1}", 'line 1, column 2: found "a", wanted a key in double quotes'],
  ['{"a" 1}', 'line 1, column 6: found "1", wanted ":" after the key "a"'],
  ['{"a": 1 "b": 2}', 'line 1, column 9: found "b", wanted "," or "}"'],
  ['{"a": tru}', 'line 1, column 7: found "tru", wanted a value'],
  ['{"a": 01}', 'line 1, column 8: found "1", wanted "," or "}"'],
  ['{"a": "b}', 'line 1, column 7: found "b}, wanted a value'],
  ["{} {}", 'line 1, column 4: found "{", wanted the end of the document'],
  ['{"a": 1', 'line 1, column 8: found its end, wanted "," or "}"'],
  ["", "line 1, column 1: found its end, wanted a value"],
  [`${"[".repeat(100_000)}`, "more than 200 levels"],
])("%s", (text, wanted) => {
  expect(complaint(text)).toContain(wanted);
});

test("what is right here is right for everybody, and the other way round", () => {
  const texts = [
    '"\\ud800"',
    "1e5",
    "-0",
    "1.",
    ".5",
    "+1",
    "NaN",
    '"\t"',
    '"\\x"',
    "[,]",
    "{,}",
    "[1 2]",
    '"\u2028"',
    "\u00a01",
  ];
  for (const text of texts) {
    let isRight = true;
    try {
      JSON.parse(text);
    } catch {
      isRight = false;
    }
    expect([text, complaint(text).startsWith("read: ")]).toEqual([text, isRight]);
  }
});
