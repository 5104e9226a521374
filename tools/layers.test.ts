import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findCycles, findViolations } from "./layers.ts";

const source = join(import.meta.dir, "..", "src");

test("every import in src follows the layer table", () => {
  expect(findViolations(source)).toEqual([]);
});

test("no import cycles in src", () => {
  expect(findCycles(source)).toEqual([]);
});

test("the walker sees a forbidden import, a ban and a cycle", () => {
  const bad = mkdtempSync(join(tmpdir(), "tiffin-test-layers-"));
  try {
    for (const folder of ["plan", "kernel", "cli"]) mkdirSync(join(bad, folder));
    writeFileSync(
      join(bad, "plan", "a.ts"),
      'import { b } from "../kernel/b.ts";\nimport fs from "node:fs";\n',
    );
    writeFileSync(join(bad, "kernel", "b.ts"), 'import { a } from "../plan/a.ts";\n');
    writeFileSync(join(bad, "cli", "c.ts"), "const now = Date.now();\n");
    expect(
      findViolations(bad)
        .map((violation) => violation.text)
        .sort(),
    ).toEqual([
      "const now = Date.now();: use src/lib/clock.ts or src/lib/ids.ts",
      "kernel must not import plan; it may import lib, linux",
      "plan is pure and must not import node:fs",
      "plan must not import kernel; it may import lib, linux, abi, oci",
    ]);
    expect(findCycles(bad)).toHaveLength(1);
  } finally {
    rmSync(bad, { recursive: true });
  }
});
