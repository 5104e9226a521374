import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";

test.skipIf(process.env["TIFFIN_VM"] !== "1")("the small machine has a pure cgroup v2 hierarchy", () => {
  expect(readFileSync("/sys/fs/cgroup/cgroup.controllers", "utf8").split(/\s+/)).toContain("memory");
});
