import { expect, test } from "bun:test";
import { trains } from "./trains.ts";

const rows = (lengths: readonly number[], most = 64): number[][] => trains(lengths, (length) => length, most);

test("messages of one length go together, and a shorter one ends the row", () => {
  expect(rows([])).toEqual([]);
  expect(rows([40])).toEqual([[40]]);
  expect(rows([40, 40, 40])).toEqual([[40, 40, 40]]);
  expect(rows([28, 44])).toEqual([[44, 28]]);
  expect(rows([30, 20, 10])).toEqual([[30, 20], [10]]);
  expect(rows([28, 44, 28, 44])).toEqual([[44, 44, 28], [28]]);
});

test("a row has no more than the kernel takes", () => {
  expect(rows([5, 5, 5, 5, 5], 2)).toEqual([[5, 5], [5, 5], [5]]);
});
