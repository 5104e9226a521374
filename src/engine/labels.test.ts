import { expect, test } from "bun:test";
import { hasLabel } from "./labels.ts";

test("a label is asked for by its name, or with its value, which may hold signs of its own", () => {
  const labels = { a: "1", empty: "", sum: "x=y" };
  const there = ["a", "a=1", "empty", "empty=", "sum=x=y"];
  const absent = ["b", "a=2", "a=", "sum=x", "constructor", "__proto__", ""];
  expect([...there, ...absent].filter((wanted) => hasLabel(labels, wanted))).toEqual(there);
});
