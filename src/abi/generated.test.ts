import { expect, test } from "bun:test";
import { join } from "node:path";

test("the C header and the page of operations are what the schema says", () => {
  const generator = join(import.meta.dir, "..", "..", "tools", "generate.ts");
  const check = Bun.spawnSync([process.execPath, generator, "--check"]);
  expect(check.stderr.toString()).toBe("");
  expect(check.exitCode).toBe(0);
});
