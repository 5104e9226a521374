import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { inPrivateMounts, mountTmpfs } from "./private-mounts.ts";

test("what is mounted inside is gone afterwards, and the working directory is what it was", () => {
  const place = mkdtempSync("/tmp/tiffin-test-private-");
  const before = process.cwd();
  try {
    process.chdir(place);
    writeFileSync("below", "");
    const inside = inPrivateMounts(() => {
      mountTmpfs(place, "size=64k");
      return readdirSync(place);
    });
    expect([inside, readdirSync("."), process.cwd()]).toEqual([[], ["below"], place]);
    expect(() =>
      inPrivateMounts(() => {
        throw new Error("in the middle");
      }),
    ).toThrow("in the middle");
    expect(readdirSync(".")).toEqual(["below"]);
  } finally {
    process.chdir(before);
    rmSync(place, { recursive: true });
  }
});
