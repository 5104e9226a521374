import { expect, test } from "bun:test";
import { isUsableId, newId, randomHex, shortId } from "./ids.ts";

test("an id has 64 hex digits and a short form with a letter", () => {
  for (let count = 0; count < 1000; count += 1) {
    const id = newId();
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(shortId(id)).toMatch(/[a-f]/);
  }
});

test("an id whose short form is a number is not used", () => {
  expect(isUsableId("672790939093".padEnd(64, "a"))).toBe(false);
  expect(isUsableId("67279093909a".padEnd(64, "0"))).toBe(true);
});

test("random names have the length asked for", () => {
  for (const length of [1, 5, 8, 16]) expect(randomHex(length)).toMatch(new RegExp(`^[0-9a-f]{${length}}$`));
});
