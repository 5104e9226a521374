import { expect, test } from "bun:test";
import { KeptModes } from "./kept-modes.ts";

test("a mode is relied on when each of its bits was kept before", () => {
  const kept = new KeptModes();
  expect(kept.covers(0o600)).toBe(false);
  kept.learn(0o600, 0o600);
  expect(kept.covers(0o400)).toBe(true);
  // An access list that denies others is not seen by a file that nobody else may read.
  expect(kept.covers(0o644)).toBe(false);
  kept.learn(0o644, 0o640);
  expect(kept.covers(0o640)).toBe(false);
  kept.learn(0o640, 0o640);
  expect(kept.covers(0o640)).toBe(true);
  expect(kept.covers(0o4640)).toBe(false);
});
