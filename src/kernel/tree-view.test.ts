import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { openDirectory } from "./files.ts";
import { cString, syscall } from "./syscall.ts";
import { TreeView } from "./tree-view.ts";

let base = "";
let layers: string[] = [];

function whiteout(path: string): void {
  const characterDevice = 0o020000;
  syscall("mknodat", path, -100, cString(path), characterDevice, 0);
}

beforeAll(() => {
  base = mkdtempSync("/tmp/tiffin-test-view-");
  layers = [`${base}/upper`, `${base}/lower`];
  mkdirSync(`${base}/upper/etc`, { recursive: true });
  mkdirSync(`${base}/upper/opaque`);
  mkdirSync(`${base}/lower/etc`, { recursive: true });
  mkdirSync(`${base}/lower/opaque`);
  writeFileSync(`${base}/lower/etc/passwd`, "lower");
  writeFileSync(`${base}/lower/etc/group`, "lower");
  writeFileSync(`${base}/upper/etc/group`, "upper");
  writeFileSync(`${base}/lower/etc/gone`, "lower");
  writeFileSync(`${base}/lower/opaque/hidden`, "lower");
  whiteout(`${base}/upper/etc/gone`);
  const opaque = cString("trusted.overlay.opaque");
  syscall("lsetxattr", "opaque", cString(`${base}/upper/opaque`), opaque, Buffer.from("y"), 1, 0);
  symlinkSync("../../../../etc/passwd", `${base}/upper/escape`);
  symlinkSync("/etc", `${base}/lower/conf`);
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** What a file holds, what a directory has in it. */
function shown(tree: TreeView, path: string): string | undefined {
  using entry = tree.find(path);
  if (entry === undefined) return undefined;
  if (!entry.isDirectory) return new TextDecoder().decode(entry.read(100));
  const names = [...entry.names()].filter((name) => {
    using child = entry.child(name);
    return child !== undefined;
  });
  return names.sort().join(" ");
}

test("upper files win, whiteouts and opaque directories hide, directories merge", () => {
  using tree = new TreeView(layers);
  expect(shown(tree, "/etc/passwd")).toBe("lower");
  expect(shown(tree, "/etc/group")).toBe("upper");
  expect(shown(tree, "/etc/gone")).toBeUndefined();
  expect(shown(tree, "/opaque")).toBe("");
  expect(shown(tree, "/etc")).toBe("group passwd");
  expect(shown(tree, "/")).toBe("conf escape etc opaque");
  expect(shown(tree, "/etc/../conf/./group")).toBe("upper");
  expect(shown(tree, "/escape")).toBe("lower");
  expect(shown(tree, "/etc/passwd/x")).toBeUndefined();
});

test("layers that are open roots read like directories, and stay open", () => {
  using upper = openDirectory(`${base}/upper`);
  using lower = openDirectory(`${base}/lower`);
  for (let round = 0; round < 2; round += 1) {
    using tree = new TreeView([upper, lower]);
    expect(shown(tree, "/conf")).toBe("group passwd");
  }
  expect(upper.open).toBe(true);
});

test("no look-up leaves a descriptor open", () => {
  const open = (): number => readdirSync("/proc/self/fd").length;
  const before = open();
  {
    using tree = new TreeView(layers);
    for (const path of ["/etc/passwd", "/etc/gone", "/escape", "/", "/conf/../..", "/etc/passwd/x"])
      shown(tree, path);
    expect(() => new TreeView([`${base}/upper`, `${base}/nosuch`])).toThrow("ENOENT");
  }
  expect(open()).toBe(before);
});
