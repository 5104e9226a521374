import { expect, test } from "bun:test";
import { readSome, writeAll } from "./io.ts";
import { socketPair } from "./socket-pair.ts";
import { unreadBytes } from "./unread-bytes.ts";

test("what was written is unread until the other end has read all of it", () => {
  const [left, right] = socketPair("a test");
  using ours = left;
  using theirs = right;
  expect(unreadBytes(ours.raw)).toBe(0);
  writeAll(ours, Buffer.from("abc"));
  expect(unreadBytes(ours.raw)).toBeGreaterThan(0);
  readSome(theirs, new Uint8Array(2));
  expect(unreadBytes(ours.raw)).toBeGreaterThan(0);
  readSome(theirs, new Uint8Array(2));
  expect(unreadBytes(ours.raw)).toBe(0);
  expect(unreadBytes(-1)).toBe(0);
});
