import { expect, test } from "bun:test";
import { statusText, timeText } from "./describe.ts";
import { durationText } from "./duration-text.ts";

const ending = {
  exitCode: 1,
  oomKilled: false,
  startedAtMs: 0,
  finishedAtMs: 1000,
  error: "",
  requested: false,
};

test("durations are told in Docker's words", () => {
  const minute = 60_000;
  const cases: [number, string][] = [
    [0, "Less than a second"],
    [1000, "1 second"],
    [59_999, "59 seconds"],
    [minute, "About a minute"],
    [2 * minute, "2 minutes"],
    [60 * minute, "About an hour"],
    [47 * 60 * minute, "47 hours"],
    [3 * 24 * 60 * minute, "3 days"],
    [21 * 24 * 60 * minute, "3 weeks"],
    [90 * 24 * 60 * minute, "3 months"],
    [1000 * 24 * 60 * minute, "2 years"],
  ];
  for (const [duration, text] of cases) expect(durationText(duration)).toBe(text);
  expect(statusText({ status: "exited", ending }, 61_000)).toBe("Exited (1) About a minute ago");
  expect(timeText(0)).toBe("0001-01-01T00:00:00Z");
  expect(timeText(1)).toBe("1970-01-01T00:00:00.001000000Z");
});
