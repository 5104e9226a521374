import { expect, test } from "bun:test";
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
  await Bun.sleep(5);
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
  await Bun.sleep(5);
  expect(reported).toHaveLength(1);
  idle.within(1);
  idle[Symbol.dispose]();
  idle.within(0);
  await Bun.sleep(5);
  expect(reported).toHaveLength(1);
});
