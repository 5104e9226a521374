import { expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { expectGolden } from "./golden.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

test.skipIf(process.env["TIFFIN_UPDATE_GOLDEN"] === "1")(
  "a golden file that is missing fails and is not written, one that differs fails (skipped while they are written)",
  () => {
    using directory = temporaryDirectory("golden");
    const file = `${directory.path}/plan.txt`;
    expect(() => expectGolden(file, "text")).toThrow("plan.txt is missing: run with TIFFIN_UPDATE_GOLDEN=1");
    expect(existsSync(file)).toBe(false);
    writeFileSync(file, "other");
    expect(() => expectGolden(file, "text")).toThrow("text");
    writeFileSync(file, "text");
    expectGolden(file, "text");
  },
);
