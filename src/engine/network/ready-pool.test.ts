import { expect, test } from "bun:test";
import { pause, until } from "../../../test/support/until.ts";
import { ReadyPool } from "./ready-pool.ts";

const limits = { minimum: 2, maximum: 8, refillDelayMs: 1, quietMs: 60_000 };

function counting(overrides: Partial<typeof limits> = {}, fail: () => boolean = () => false) {
  const log = { made: 0, discarded: [] as number[] };
  const pool = new ReadyPool<number>({
    ...limits,
    ...overrides,
    make() {
      if (fail()) throw new Error("no");
      log.made += 1;
      return log.made;
    },
    discard: (piece) => void log.discarded.push(piece),
  });
  return { pool, log };
}

test("it fills up when asked, gives the oldest first, and fills up again", async () => {
  const { pool, log } = counting();
  expect(pool.size).toBe(0);
  pool.refill();
  await until("the pool to be so", () => pool.size === 2);
  expect([pool.take(), pool.take()]).toEqual([1, 2]);
  await until("the pool to be so", () => pool.size === 2);
  expect(log.made).toBe(4);
  pool.close();
  expect(log.discarded).toEqual([3, 4]);
});

test("takes that find nothing double the target up to the maximum", async () => {
  const { pool } = counting();
  expect([pool.take(), pool.take(), pool.take(), pool.take()]).toEqual(new Array(4).fill(undefined));
  expect(pool.target).toBe(8);
  await until("the pool to be so", () => pool.size === 8);
  pool.close();
});

test("a quiet while shrinks it again", async () => {
  const { pool, log } = counting({ quietMs: 20 });
  pool.take();
  await until("the pool to be so", () => pool.size === 4);
  await until("the pool to be so", () => pool.target === 2);
  expect([pool.size, log.discarded.length]).toEqual([2, 2]);
  pool.close();
});

test("only a fitting piece is given", async () => {
  const { pool } = counting();
  pool.refill();
  await until("the pool to be so", () => pool.size === 2);
  expect(pool.take((piece) => piece === 9)).toBeUndefined();
  expect(pool.take((piece) => piece === 2)).toBe(2);
  pool.close();
});

test("a maker that fails is asked again at the next take, and a closed pool makes nothing", async () => {
  let broken = true;
  const { pool, log } = counting({}, () => broken);
  pool.refill();
  await pause(10, "the failed maker must not be asked again");
  expect(pool.size).toBe(0);
  broken = false;
  pool.take();
  await until("the pool to be so", () => pool.size === pool.target);
  pool.take();
  pool.close();
  const { made } = log;
  await pause(10, "nothing may be made");
  expect([log.made, pool.size]).toEqual([made, 0]);
});
