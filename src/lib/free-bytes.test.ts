import { expect, test } from "bun:test";
import { freeBytes } from "./free-bytes.ts";

test("a whole buffer goes, a part of one stays", () => {
  const whole = new Uint8Array(1000);
  const part = new Uint8Array(1000).subarray(1);
  freeBytes(whole);
  freeBytes(part);
  expect([whole.length, part.length]).toEqual([0, 999]);
});
