import { expect, test } from "bun:test";
import { drawOf, seedOf } from "./seeded-random.ts";

function firstOf(seed: number, name: string): number[] {
  const draw = drawOf(seed, name);
  return Array.from({ length: 20 }, () => draw(1000));
}

test("a seed and a name give the same sequence, whatever others have drawn, and no other does", () => {
  const first = firstOf(7, "a");
  expect(firstOf(7, "a")).toEqual(first);
  for (const other of [firstOf(7, "b"), firstOf(8, "a"), firstOf(7, "")]) expect(other).not.toEqual(first);
  for (const number of first) expect(number >= 0 && number < 1000).toBe(true);
});

test("draws are spread", () => {
  const draw = drawOf(1, "spread");
  const counts = new Map<number, number>();
  for (let drawn = 0; drawn < 6000; drawn += 1) {
    const value = draw(6);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  expect([...counts.keys()].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  for (const count of counts.values()) expect(count > 850 && count < 1150).toBe(true);
});

test("a seed is taken as given, or fresh", () => {
  expect(seedOf("20261")).toBe(20_261);
  expect(seedOf(undefined)).not.toBe(seedOf(undefined));
});
