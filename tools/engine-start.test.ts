import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reachedFrom, wayTo } from "./engine-start.ts";

const source = join(import.meta.dir, "..", "src");
const start = reachedFrom(source, "main/daemon.ts");

test("the engine's start loads no installed package: who wants one imports it when it is used", () => {
  const told = [...start.packages].map(([name, file]) => `${name} by ${wayTo(start, file).join(" < ")}`);
  expect(told).toEqual([]);
});

test("the engine's start loads nothing of other programs", () => {
  const others = ["client", "front", "lab", "observe", "oci-runtime"];
  const told = [...start.files.keys()].filter((file) => others.includes(file.split("/")[0] ?? ""));
  expect(told.map((file) => wayTo(start, file).join(" < "))).toEqual([]);
});

test("imports are followed, but for those of types and those that wait", () => {
  const tree = mkdtempSync(join(tmpdir(), "tiffin-test-start-"));
  try {
    writeFileSync(join(tree, "entry.ts"), `import { one } from "./one.ts";\none();\n`);
    writeFileSync(
      join(tree, "one.ts"),
      [
        `import type { Two } from "./two.ts";`,
        `import { big } from "big";`,
        `import { readFileSync } from "node:fs";`,
        `export const one = (two?: Two) => [big, readFileSync, two, import("./three.ts")];`,
      ].join("\n"),
    );
    const reached = reachedFrom(tree, "entry.ts");
    expect([...reached.files]).toEqual([
      ["entry.ts", ""],
      ["one.ts", "entry.ts"],
    ]);
    expect([...reached.packages]).toEqual([["big", "one.ts"]]);
    expect(wayTo(reached, "one.ts")).toEqual(["one.ts", "entry.ts"]);
  } finally {
    rmSync(tree, { recursive: true });
  }
});
