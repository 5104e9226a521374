import { expect, test } from "bun:test";
import { readdirSync, utimesSync, writeFileSync } from "node:fs";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { Staging } from "./staging.ts";

const size = 100_000;
const digestOf = (digit: string): string => `sha256:${digit.repeat(64)}`;
const nameOf = (digit: string): string => `sha256-${digit.repeat(64)}.part`;
const descriptor = (digit: string) => ({ mediaType: "", digest: digestOf(digit), size });

test("parts that nobody goes on with are removed: the old, and of the others the oldest beyond the limit", () => {
  using scratch = temporaryDirectory("staging");
  const now = Date.now() / 1000;
  const leave = (name: string, ageSeconds: number): void => {
    writeFileSync(`${scratch.path}/${name}`, Buffer.alloc(size, 1));
    utimesSync(`${scratch.path}/${name}`, now - ageSeconds, now - ageSeconds);
  };
  leave(nameOf("1"), 8 * 24 * 3600);
  leave(`${nameOf("2")}@4194304`, 8 * 24 * 3600);
  leave("something of others", 9 * 24 * 3600);
  for (const [index, digit] of ["a", "b", "c", "d"].entries()) leave(nameOf(digit), 4000 - index * 1000);
  const staging = new Staging(scratch.path, 3.5 * size);
  expect(readdirSync(scratch.path).sort()).toEqual(
    [nameOf("b"), nameOf("c"), nameOf("d"), "something of others"].sort(),
  );
  // What is being written counts for nothing, and stays.
  using used = staging.open(descriptor("b"));
  leave(nameOf("e"), 10);
  leave(nameOf("f"), 0);
  leave(nameOf("9"), 5);
  staging.collect();
  expect(readdirSync(scratch.path).sort()).toEqual(
    [nameOf("9"), nameOf("b"), nameOf("e"), nameOf("f"), "something of others"].sort(),
  );
  expect(used?.hadBytes).toBe(true);
});
