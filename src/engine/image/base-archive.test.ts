import { expect, test } from "bun:test";
import { lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { archiveOf } from "./base-archive.ts";
import type { TreeEntry } from "./base-tree.ts";

const content = new Uint8Array(700).fill(65);
const tree: TreeEntry[] = [
  { kind: "directory", path: "d", mode: 0o1777 },
  { kind: "file", path: "d/empty", mode: 0o600, content: new Uint8Array(0) },
  { kind: "file", path: "d/file", mode: 0o755, content },
  { kind: "symlink", path: "link", target: "d/file" },
];

test("GNU tar unpacks the archive to the same tree", async () => {
  const directory = mkdtempSync("/tmp/tiffin-test-tar-");
  try {
    await Bun.write(
      `${directory}/a.tar`,
      new Blob([...archiveOf(tree, 1_700_000_000)].map((part) => part.slice())),
    );
    const tar = Bun.spawnSync(["tar", "-C", directory, "-xpf", `${directory}/a.tar`]);
    expect([tar.exitCode, tar.stderr.toString()]).toEqual([0, ""]);
    expect(lstatSync(`${directory}/d`).mode & 0o7777).toBe(0o1777);
    expect(lstatSync(`${directory}/d/empty`).size).toBe(0);
    expect(lstatSync(`${directory}/d/file`).mode & 0o7777).toBe(0o755);
    expect(lstatSync(`${directory}/d/file`).mtimeMs).toBe(1_700_000_000_000);
    expect(new Uint8Array(readFileSync(`${directory}/d/file`))).toEqual(content);
    expect(readlinkSync(`${directory}/link`)).toBe("d/file");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test("the archive of a tree is always the same bytes, in whole blocks", () => {
  const bytes = () => Buffer.concat([...archiveOf(tree, 5)]);
  expect(bytes().equals(bytes())).toBe(true);
  expect(bytes().length % 512).toBe(0);
});
