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
  const id = "3e021a71a3fd6e9dcc2ba96f60909847718ab1b6e0c223d7e32926d8e2945ec9";
  for (const names of [main, tagged, other]) {
    for (const bridge of [names.defaultBridge, names.bridgeOf(id)]) {
      expect(bridge.length).toBeLessThan(16);
      expect([main, tagged, other].filter((each) => each.isBridge(bridge))).toEqual([names]);
      expect([main, tagged, other].some((each) => each.isEndpointLink(bridge))).toBe(false);
    }
  }
  expect([main.defaultBridge, main.table.table, tagged.defaultBridge, tagged.table.table]).toEqual([
    "tiffin0",
    "tiffin",
    "tf0a1b2cbr",
    "tiffin_0a1b2c",
  ]);
});

test.each(["A1B2C3", "12345", "1234567", "../../"])("%p is no tag", (tag) => {
  expect(() => hostNames(tag)).toThrow(RangeError);
});
