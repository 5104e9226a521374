import { expect, test } from "bun:test";
import { formatByMarks, formatExactJson, parseByMarks, parseExactJson } from "./exact-json.ts";

test("whole numbers beyond 2^53 keep every digit on the way in and out", () => {
  const text =
    '{"a":9223372036854775807,"b":[-9223372036854775808,9007199254740993],"c":"9223372036854775807","d":1}';
  expect(parseExactJson(text)).toEqual({
    a: 9_223_372_036_854_775_807n,
    b: [-9_223_372_036_854_775_808n, 9_007_199_254_740_993n],
    c: "9223372036854775807",
    d: 1,
  });
  expect(formatExactJson(parseExactJson(text))).toBe(text);
});

test("small numbers stay numbers, fractions stay fractions", () => {
  expect(parseExactJson('[1,1.5,1e400,"0123456789012345678"]')).toEqual([
    1,
    1.5,
    Number.POSITIVE_INFINITY,
    "0123456789012345678",
  ]);
  expect(formatExactJson({ a: [1, undefined, null] }, 1)).toBe('{\n "a": [\n  1,\n  null,\n  null\n ]\n}');
});

test("what cannot be written fails as it always does", () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  expect(() => formatExactJson(cycle)).toThrow(TypeError);
});

test.each([
  '{"a":9007199254740993,"b":[-9223372036854775808,1],"c":"9007199254740993"}',
  "[0.12345678901234567,1e20,1.5,12345678901234567]",
  '{"quoted \\" 12345678901234567":"\\\\","next":1700000000000000001}',
  "[9007199254740991,9007199254740990]",
])("the way of runtimes that do not tell how a number was written reads %s alike", (text) => {
  expect(parseByMarks(text)).toEqual(parseExactJson(text));
  const value = parseExactJson(text);
  expect(formatByMarks(value, undefined)).toBe(formatExactJson(value));
});
