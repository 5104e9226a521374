import { expect, test } from "bun:test";
import { pause } from "../../test/support/until.ts";
import { idleWork } from "./idle-work.ts";

test("the earliest wish counts, and the work is done once for all of them", async () => {
  let done = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  using idle = idleWork(
    () => {
      done += 1;
      resolve();
    },
    () => {},
  );
  idle.within(60_000);
  idle.within(1);
  idle.within(2);
  await promise;
  await pause(5, "it must not be done twice");
  expect(done).toBe(1);
});

test("a failure is reported, and after disposal nothing is done", async () => {
  const reported: unknown[] = [];
  const idle = idleWork(
    () => {
      throw new Error("tired");
    },
    (thrown) => reported.push(thrown),
  );
  idle.within(0);
  await pause(5, "the work runs");
  expect(reported).toHaveLength(1);
  idle.within(1);
  idle[Symbol.dispose]();
  idle.within(0);
  await pause(5, "it must not be done any more");
  expect(reported).toHaveLength(1);
});
