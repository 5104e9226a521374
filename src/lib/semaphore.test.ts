/** Turns: no more at once than the limit, in the order of asking, and none for who has given up. */
import { expect, test } from "bun:test";
import { Semaphore } from "./semaphore.ts";

test("who waits gets the turn that is given back, and who gives up gets none", async () => {
  const semaphore = new Semaphore(1);
  const patient = new AbortController();
  const hasty = new AbortController();
  const first = await semaphore.acquire(patient.signal);
  const given = semaphore.acquire(hasty.signal);
  const second = semaphore.acquire(patient.signal);
  hasty.abort(new Error("no longer"));
  await expect(given).rejects.toThrow("no longer");
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  const turn = await second;
  turn[Symbol.dispose]();
  (await semaphore.acquire(patient.signal))[Symbol.dispose]();
});
