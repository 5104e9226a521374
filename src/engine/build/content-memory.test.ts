import { expect, test } from "bun:test";
import { nowMs } from "../../lib/clock.ts";
import { ContentMemory } from "./content-memory.ts";

const old = {
  deviceMajor: 1,
  deviceMinor: 2,
  inode: 3n,
  sizeBytes: 4,
  modifiedAtNs: 5n,
  changedAtNs: 6n,
};

test("a file is known as long as nothing of it is other", () => {
  const memory = new ContentMemory();
  memory.remember(old, "fact");
  expect(memory.find(old)).toBe("fact");
  for (const change of [
    { inode: 4n },
    { sizeBytes: 5 },
    { modifiedAtNs: 6n },
    { changedAtNs: 7n },
    { deviceMinor: 3 },
  ]) {
    expect(memory.find({ ...old, ...change })).toBeUndefined();
  }
});

test("what has changed just now is not remembered", () => {
  const memory = new ContentMemory();
  const fresh = { ...old, changedAtNs: BigInt(nowMs()) * 1_000_000n };
  memory.remember(fresh, "fact");
  expect(memory.find(fresh)).toBeUndefined();
});

test("it does not grow for ever", () => {
  const memory = new ContentMemory();
  for (let inode = 0n; inode < 40_001n; inode += 1n) memory.remember({ ...old, inode }, "fact");
  expect(memory.find({ ...old, inode: 0n })).toBeUndefined();
  expect(memory.find({ ...old, inode: 40_000n })).toBe("fact");
});
