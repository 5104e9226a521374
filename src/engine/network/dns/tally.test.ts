import { expect, test } from "bun:test";
import { Tally } from "./tally.ts";

test("each one has as much as it may, and what it leaves it may have again", () => {
  const tally = new Tally(2);
  expect([tally.enter("a"), tally.enter("a"), tally.enter("a"), tally.enter("b")]).toEqual([
    true,
    true,
    false,
    true,
  ]);
  tally.leave("a");
  expect([tally.enter("a"), tally.enter("a")]).toEqual([true, false]);
});
