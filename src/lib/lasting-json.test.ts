import { expect, test } from "bun:test";
import { formatExactJson } from "./exact-json.ts";
import { formatLasting, lasting, lastingList } from "./lasting-json.ts";

const decoder = new TextDecoder();

function textOf(value: unknown): string {
  const line = formatLasting(value);
  return typeof line === "string" ? line : decoder.decode(line);
}

const values: readonly unknown[] = [
  null,
  undefined,
  "é",
  7,
  18446744073709551615n,
  {},
  { name: "a", absent: undefined, large: 9007199254740993n },
  [],
  [undefined, null, 1, "ü", [2, [3]], { large: 18446744073709551615n }],
];

test("every value is written as it would be without being kept, the first time and the second", () => {
  for (const value of values) {
    const wanted = `${formatExactJson(value)}\n`;
    expect(textOf(value)).toBe(wanted);
    if (typeof value !== "object" || value === null) continue;
    const list = lastingList([lasting(value), value, { other: value }]);
    const wantedList = `${formatExactJson(list)}\n`;
    expect([textOf(list), textOf(list)]).toEqual([wantedList, wantedList]);
    expect(textOf(lasting(value))).toBe(wanted);
  }
});

test("the bytes of a list that lasts are made once; a list that was not said to last is written anew", () => {
  const list = lastingList([lasting({ name: "a" })]);
  expect(formatLasting(list)).toBe(formatLasting(list));
  const changing = [{ name: "a" }];
  expect(textOf(changing)).toBe('[{"name":"a"}]\n');
  changing.push({ name: "b" });
  expect(textOf(changing)).toBe('[{"name":"a"},{"name":"b"}]\n');
});
