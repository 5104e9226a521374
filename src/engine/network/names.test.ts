import { expect, test } from "bun:test";
import { hostNames } from "./names.ts";

test("instances know their own links and no other's", () => {
  const main = hostNames("");
  const tagged = hostNames("0a1b2c");
  const other = hostNames("ffffff");
  for (let round = 0; round < 100; round += 1) {
    const mine = main.newEndpointLink();
    const theirs = tagged.newEndpointLink();
    expect(Math.max(mine.length, theirs.length)).toBeLessThan(16);
    expect([main, tagged, other].map((names) => names.isEndpointLink(mine))).toEqual([true, false, false]);
    expect([main, tagged, other].map((names) => names.isEndpointLink(theirs))).toEqual([false, true, false]);
  }
  expect(main.isEndpointLink(tagged.bridge)).toBe(false);
  expect(tagged.isEndpointLink(tagged.bridge)).toBe(false);
  expect([main.bridge, main.table.table, tagged.bridge, tagged.table.table]).toEqual([
    "tiffin0",
    "tiffin",
    "tf0a1b2cbr",
    "tiffin_0a1b2c",
  ]);
});

test.each(["A1B2C3", "12345", "1234567", "../../"])("%p is no tag", (tag) => {
  expect(() => hostNames(tag)).toThrow(RangeError);
});
