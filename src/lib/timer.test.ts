import { describe, expect, test } from "bun:test";
import { after, pause, within } from "./timer.ts";

describe("timers for numbers from outside", () => {
  for (const milliseconds of [2 ** 31, 2_147_484_000, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER, Infinity]) {
    test(`${milliseconds} ms are not over at once`, async () => {
      let fired = false;
      using _timer = after(milliseconds, () => {
        fired = true;
      });
      await pause(20);
      expect(fired).toBe(false);
    });
  }

  test("a negative number is over at once, and NaN is a mistake", async () => {
    await pause(-5);
    expect(() => after(Number.NaN, () => {})).toThrow(RangeError);
  });

  test("a cancelled one never fires", async () => {
    let fired = false;
    after(1, () => {
      fired = true;
    }).cancel();
    await pause(20);
    expect(fired).toBe(false);
  });

  test("within says whether it came in time, and passes a failure on", async () => {
    expect(await within(pause(1), 2 ** 40)).toBe(true);
    expect(await within(pause(1000), 1)).toBe(false);
    expect(within(Promise.reject(new Error("no")), 1000)).rejects.toThrow("no");
  });
});
