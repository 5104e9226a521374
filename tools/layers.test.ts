import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findCycles, findFolderCircles, findViolations } from "./layers.ts";

const source = join(import.meta.dir, "..", "src");

test("every import in src follows the layer table", () => {
  expect(findViolations(source)).toEqual([]);
});

test("no import cycles in src", () => {
  expect(findCycles(source)).toEqual([]);
});

test("folders beside each other form no circle", () => {
  expect(findFolderCircles(source)).toEqual([]);
});

/** Runs `work` on a `src` directory with these files. */
function withTree(files: Readonly<Record<string, string>>, work: (source: string) => void): void {
  const tree = mkdtempSync(join(tmpdir(), "tiffin-test-layers-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(tree, name)), { recursive: true });
      writeFileSync(join(tree, name), text);
    }
    work(tree);
  } finally {
    rmSync(tree, { recursive: true });
  }
}

function importing(path: string): string {
  return `import type { A } from "${path}";\n`;
}

test("a room is entered by its door, by neighbours and other layers, through each door on the way", () => {
  const files = {
    "engine/mod.ts": 'export type { A } from "./container/mod.ts";\n',
    "engine/container/mod.ts": 'export type { A } from "./start/mod.ts";\n',
    "engine/container/context.ts": "",
    "engine/container/start/mod.ts": 'export type { A } from "./start.ts";\n',
    "engine/container/start/start.ts": importing("../context.ts"),
    "engine/exec/mod.ts": importing("../container/mod.ts"),
  };
  withTree(files, (tree) => expect(findViolations(tree)).toEqual([]));
  const roundAbout: [file: string, path: string, door: string][] = [
    ["engine/exec/a.ts", "../container/context.ts", "engine/container/mod.ts"],
    ["engine/exec/a.ts", "../container/start/start.ts", "engine/container/mod.ts"],
    ["engine/exec/a.ts", "../container/start/mod.ts", "engine/container/mod.ts"],
    ["engine/container/end/a.ts", "../start/start.ts", "engine/container/start/mod.ts"],
    ["engine/container/a.ts", "./start/start.ts", "engine/container/start/mod.ts"],
    ["main/a.ts", "../engine/container/mod.ts", "engine/mod.ts"],
  ];
  for (const [file, path, door] of roundAbout) {
    withTree({ ...files, [file]: `import type {\n  A,\n} from "${path}";\n` }, (tree) => {
      const text = `${join(dirname(file), path)} is behind a door: import from ${door}, which may export it`;
      expect(findViolations(tree)).toEqual([{ file: join(tree, file), line: 3, text }]);
    });
    withTree({ ...files, [file]: `const a = await import("${path}");\n` }, (tree) => {
      expect(findViolations(tree)).toHaveLength(1);
    });
  }
});

test("what Docker's documents mean is read at one place", () => {
  const text = importing("../../../docker/types/host-config.ts");
  withTree({ "engine/container/docker/a.ts": text }, (tree) => expect(findViolations(tree)).toEqual([]));
  withTree({ "engine/container/start/a.ts": text }, (tree) => {
    expect(findViolations(tree).map((violation) => violation.text)).toEqual([
      expect.stringContaining("use the fields of a ContainerSpecification"),
    ]);
  });
});

test("two folders that need each other are a circle, though no file is on one", () => {
  const files = {
    "engine/start/mod.ts": "",
    "engine/start/start.ts": importing("../end/mod.ts"),
    "engine/end/mod.ts": "",
    "engine/end/restart.ts": importing("../start/mod.ts"),
    "engine/view/mod.ts": importing("../end/mod.ts"),
  };
  withTree(files, (tree) => {
    expect(findCycles(tree)).toEqual([]);
    expect(findFolderCircles(tree).map((circle) => circle.sort())).toEqual([["engine/end", "engine/start"]]);
  });
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

test("who listens to a signal takes the listener off again: a signal may outlive thousands of them", () => {
  const files = [...new Bun.Glob("**/*.ts").scanSync(source)];
  expect(files.length).toBeGreaterThan(100);
  // What tests make lives as long as a test.
  const forgetful = files.filter((file) => {
    if (/\/testing\/|\.test\.ts$/.test(file)) return false;
    const text = readFileSync(join(source, file), "utf8");
    const count = (word: string): number => text.split(`${word}EventListener("abort"`).length - 1;
    return count("add") > count("remove");
  });
  expect(forgetful).toEqual([]);
});
