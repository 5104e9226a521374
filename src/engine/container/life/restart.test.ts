import { expect, test } from "bun:test";
import { nextPauseMs, wantsRestart } from "./restart.ts";

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
  const sick = { ...ending, exitCode: 0, unhealthy: true };
  expect(wantsRestart({ policy: "on-unhealthy", limit: 0 }, sick, 9)).toBe(true);
  expect(wantsRestart({ policy: "on-unhealthy", limit: 2 }, sick, 2)).toBe(false);
  expect(wantsRestart({ policy: "on-unhealthy", limit: 0 }, { ...sick, requested: true }, 0)).toBe(false);
  expect(wantsRestart({ policy: "on-unhealthy", limit: 0 }, { ...sick, unhealthy: false }, 0)).toBe(false);
  expect(wantsRestart({ policy: "on-unhealthy", limit: 0 }, ending, 0)).toBe(true);
  const pauses = [0, 100, 3200, 51_200, 60_000].map((lastMs) => nextPauseMs(lastMs, 1));
  expect(pauses).toEqual([100, 200, 6400, 60_000, 60_000]);
  expect(nextPauseMs(60_000, 10_000)).toBe(100);
});
