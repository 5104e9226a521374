import { expect, test } from "bun:test";
import { restartPauseMs, wantsRestart } from "./restart.ts";

const ending = {
  exitCode: 1,
  oomKilled: false,
  startedAtMs: 0,
  finishedAtMs: 1000,
  error: "",
  requested: false,
};

test("restart policies", () => {
  expect(wantsRestart({ policy: "always", limit: 0 }, { ...ending, exitCode: 0 }, 99)).toBe(true);
  expect(wantsRestart({ policy: "always", limit: 0 }, { ...ending, requested: true }, 0)).toBe(false);
  expect(wantsRestart({ policy: "on-failure", limit: 0 }, { ...ending, exitCode: 0 }, 0)).toBe(false);
  expect(wantsRestart({ policy: "on-failure", limit: 2 }, ending, 1)).toBe(true);
  expect(wantsRestart({ policy: "on-failure", limit: 2 }, ending, 2)).toBe(false);
  expect(wantsRestart({ policy: "no", limit: 0 }, ending, 0)).toBe(false);
  expect([0, 1, 5, 50].map(restartPauseMs)).toEqual([100, 200, 3200, 60_000]);
});
