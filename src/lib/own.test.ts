import { expect, test } from "bun:test";
import { own } from "./own.ts";

test("what every object has is in no table", () => {
  const table = { a: 1 };
  const names = ["a", "b", "constructor", "__proto__", "toString", "hasOwnProperty"];
  expect(names.map((name) => own(table, name))).toEqual([1, ...Array.from({ length: 5 }, () => undefined)]);
});
