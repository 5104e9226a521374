import { describe, expect, test } from "bun:test";
import type { Health, ProbeResult } from "../container/mod.ts";
import {
  afterProbe,
  atStart,
  type HealthSettings,
  pauseBeforeProbe,
  settingsOf,
  whileNobodyAsks,
} from "./decide.ts";

const settings: HealthSettings = {
  intervalMs: 1000,
  timeoutMs: 500,
  startPeriodMs: 0,
  startIntervalMs: 100,
  retries: 3,
};

/** A run under a clock of its own, with a check that takes no time: what is known after each, and when it was made. */
function timeline(codes: readonly number[], given: Partial<HealthSettings>): string[] {
  const all = { ...settings, ...given };
  let health: Health = atStart(undefined);
  let clockMs = 0;
  return codes.map((exitCode) => {
    clockMs += pauseBeforeProbe(health, all, clockMs);
    const result: ProbeResult = { startedAtMs: clockMs, finishedAtMs: clockMs, exitCode, output: "" };
    health = afterProbe(health, result, all, clockMs);
    return `${clockMs} ${health.status} ${health.failingStreak}`;
  });
}

describe("a run whose checks end with these codes", () => {
  test.each<[string, readonly number[], Partial<HealthSettings>, readonly string[]]>([
    ["is healthy with the first success", [0], {}, ["1000 healthy 0"]],
    [
      "is unhealthy after as many failures in a row as it may have",
      [1, 1, 1],
      {},
      ["1000 starting 1", "2000 starting 2", "3000 unhealthy 3"],
    ],
    [
      "is forgiven by one success",
      [1, 1, 0, 1],
      {},
      ["1000 starting 1", "2000 starting 2", "3000 healthy 0", "4000 healthy 1"],
    ],
    ["becomes healthy again", [1, 0], { retries: 1 }, ["1000 unhealthy 1", "2000 healthy 0"]],
    [
      "goes on counting while it is unhealthy",
      [7, -1],
      { retries: 1 },
      ["1000 unhealthy 1", "2000 unhealthy 2"],
    ],
    [
      "is asked more often in its start period, in which failures do not count",
      [1, 1, 1, 1],
      { startPeriodMs: 250, retries: 1 },
      ["100 starting 0", "200 starting 0", "300 unhealthy 1", "1300 unhealthy 2"],
    ],
    [
      "has ended its start period with the first success",
      [1, 0, 1, 1],
      { startPeriodMs: 60_000, retries: 2 },
      ["100 starting 0", "200 healthy 0", "1200 healthy 1", "2200 unhealthy 2"],
    ],
    ["has no start interval without a start period", [1], { startIntervalMs: 10 }, ["1000 starting 1"]],
  ])("%s", (_what, codes, given, wanted) => {
    expect(timeline(codes, given)).toEqual([...wanted]);
  });
});

test("the last five checks are remembered, oldest first, and across the end of a run", () => {
  let health: Health = atStart(undefined);
  for (let exitCode = 0; exitCode < 8; exitCode += 1) {
    health = afterProbe(health, { startedAtMs: 1, finishedAtMs: 2, exitCode, output: "" }, settings, 0);
  }
  expect(health.log.map(({ exitCode }) => exitCode)).toEqual([3, 4, 5, 6, 7]);
  const again = atStart(health);
  expect(again).toEqual({ status: "starting", failingStreak: 0, log: health.log });
});

test("while nobody asks it is unhealthy, with its history", () => {
  const health = afterProbe(
    atStart(undefined),
    { startedAtMs: 1, finishedAtMs: 2, exitCode: 0, output: "" },
    settings,
    0,
  );
  expect(whileNobodyAsks(health)).toEqual({ ...health, status: "unhealthy" });
});

test("zero is Docker's default, and anything else is taken to the fraction of a millisecond", () => {
  const test = { kind: "shell", text: "true" } as const;
  const none = { test, intervalNs: 0, timeoutNs: 0, startPeriodNs: 0, startIntervalNs: 0, retries: 0 };
  expect(settingsOf(none)).toEqual({
    intervalMs: 30_000,
    timeoutMs: 30_000,
    startPeriodMs: 0,
    startIntervalMs: 5000,
    retries: 3,
  });
  expect(settingsOf({ ...none, intervalNs: 1_500_000, retries: 9 })).toMatchObject({
    intervalMs: 1.5,
    retries: 9,
  });
});
