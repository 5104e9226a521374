import { afterAll, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { encodeGoMode, type FileStat, fileStat, type GoFileType } from "../../buildkit/mod.ts";
import { attributeNames } from "../../kernel/extended-attributes.ts";
import { openDirectory } from "../../kernel/files.ts";
import { SyncedDirectory } from "./synced-directory.ts";

const home = mkdtempSync(`${tmpdir()}/tiffin-synced-`);
const target = `${home}/target`;
const outside = `${home}/outside`;

beforeEach(() => {
  rmSync(target, { recursive: true, force: true });
  rmSync(outside, { recursive: true, force: true });
  mkdirSync(target);
  mkdirSync(outside);
  writeFileSync(`${outside}/kept`, "kept");
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

function stat(type: GoFileType, mode: number, more: Partial<FileStat> = {}): FileStat {
  return fileStat.of({ mode: encodeGoMode({ type, mode }), modifiedAtNs: 5_000_000_123n, ...more });
}

type Entry = readonly [path: string, stat: FileStat, content?: string];

/** Which contents were asked for. */
function sync(entries: readonly Entry[], limitBytes = 1_000_000): string[] {
  using root = openDirectory(target);
  using synced = new SyncedDirectory(root, limitBytes);
  const wanted: string[] = [];
  for (const [path, one, content = ""] of entries) {
    if (!synced.entry(path, { ...one, path })) continue;
    wanted.push(path);
    if (content !== "") synced.content(path, Buffer.from(content));
    synced.endOfFile(path);
  }
  synced.finish();
  return wanted;
}

const first: readonly Entry[] = [
  ["d", stat("directory", 0o2750, { modifiedAtNs: 7_000_000_000n })],
  ["d/f", stat("file", 0o4711, { uid: 3, gid: 4, size: 5 }), "lunch"],
  ["e", stat("file", 0o644)],
  ["l", stat("symlink", 0o777, { linkName: "/etc/passwd" })],
  ["p", stat("fifo", 0o600)],
];

test("a tree is made as the client has it, to the nanosecond", () => {
  expect(sync(first)).toEqual(["d/f", "e"]);
  expect(readFileSync(`${target}/d/f`, "utf8")).toBe("lunch");
  const { mode, uid, gid } = lstatSync(`${target}/d/f`);
  expect({ mode: mode & 0o7777, uid, gid }).toEqual({ mode: 0o4711, uid: 3, gid: 4 });
  expect(lstatSync(`${target}/d/f`, { bigint: true }).mtimeNs).toBe(5_000_000_123n);
  expect(lstatSync(`${target}/d`, { bigint: true }).mtimeNs).toBe(7_000_000_000n);
  expect(lstatSync(`${target}/d`).mode & 0o7777).toBe(0o2750);
  expect(readlinkSync(`${target}/l`)).toBe("/etc/passwd");
  expect(lstatSync(`${target}/p`).isFIFO()).toBe(true);
});

test("what has not changed is not asked for again, and what is gone goes", () => {
  sync(first);
  writeFileSync(`${target}/d/stranger`, "x");
  const [d, f, , l] = first;
  if (d === undefined || f === undefined || l === undefined) throw new Error("entries");
  expect(sync([d, f, ["e", stat("file", 0o644, { modifiedAtNs: 6n })], l])).toEqual(["e"]);
  expect(readdirSync(target).sort()).toEqual(["d", "e", "l"]);
  expect(readdirSync(`${target}/d`)).toEqual(["f"]);
});

test("a change of time, size, mode or owner brings the content again", () => {
  const base = stat("file", 0o644, { size: 1 });
  for (const change of [
    { modifiedAtNs: 6n },
    { size: 2 },
    { mode: encodeGoMode({ type: "file", mode: 0o600 }) },
    { uid: 9 },
  ]) {
    sync([["f", base, "a"]]);
    expect(sync([["f", base]])).toEqual([]);
    expect(sync([["f", { ...base, ...change }, "b"]])).toEqual(["f"]);
    expect(readFileSync(`${target}/f`, "utf8")).toBe("b");
  }
});

test("a file that was cut short is asked for again", () => {
  using root = openDirectory(target);
  const one = stat("file", 0o644, { path: "f", size: 5 });
  {
    using synced = new SyncedDirectory(root, 1000);
    synced.entry("f", one);
    synced.content("f", Buffer.from("lun"));
  }
  expect(sync([["f", one, "lunch"]])).toEqual(["f"]);
  expect(readFileSync(`${target}/f`, "utf8")).toBe("lunch");
});

test("names of one file stay one file, and are no longer when they are not", () => {
  const a = stat("file", 0o644, { size: 1 });
  sync([
    ["a", a, "x"],
    ["b", { ...a, linkName: "a" }],
  ]);
  expect(lstatSync(`${target}/a`).ino).toBe(lstatSync(`${target}/b`).ino);
  sync([
    ["a", a, "x"],
    ["b", { ...a, modifiedAtNs: 9n }, "y"],
  ]);
  expect(readFileSync(`${target}/a`, "utf8")).toBe("x");
  expect(readFileSync(`${target}/b`, "utf8")).toBe("y");
});

test("one kind of file becomes another", () => {
  const file = stat("file", 0o644, { size: 1 });
  const directory = stat("directory", 0o755);
  sync([["x", file, "a"]]);
  sync([
    ["x", directory],
    ["x/y", file, "b"],
  ]);
  expect(readFileSync(`${target}/x/y`, "utf8")).toBe("b");
  sync([["x", stat("symlink", 0o777, { linkName: outside })]]);
  sync([
    ["x", directory],
    ["x/kept", file, "c"],
  ]);
  expect(readFileSync(`${outside}/kept`, "utf8")).toBe("kept");
  expect(lstatSync(`${target}/x`).isDirectory()).toBe(true);
});

test("what stands in the directory leads nowhere else", () => {
  symlinkSync(outside, `${target}/d`);
  linkSync(`${outside}/kept`, `${target}/f`);
  sync([
    ["d", stat("directory", 0o755)],
    ["d/kept", stat("file", 0o644, { size: 1 }), "x"],
    ["f", stat("file", 0o644, { size: 1 }), "y"],
  ]);
  expect(readFileSync(`${outside}/kept`, "utf8")).toBe("kept");
  expect(readdirSync(outside)).toEqual(["kept"]);
});

const refused: Readonly<Record<string, readonly Entry[]>> = {
  "a hard link to what was not sent": [["b", stat("file", 0o644, { linkName: "../outside/kept" })]],
  "a hard link to a directory": [
    ["d", stat("directory", 0o755)],
    ["e", stat("file", 0o644, { linkName: "d" })],
  ],
  "a kind of file that nobody knows": [["x", stat("other", 0o644)]],
  "more attributes than there are": [
    [
      "x",
      stat("directory", 0o755, {
        attributes: new Map(Array.from({ length: 100 }, (_, n) => [`user.${n}`, Buffer.from("x")])),
      }),
    ],
  ],
};
for (const [what, entries] of Object.entries(refused)) {
  test(`${what} is refused`, () => {
    expect(() => sync(entries)).toThrow(expect.objectContaining({ code: "buildkit.context" }));
  });
}

test("more bytes than the limit are refused", () => {
  const one: Entry = ["f", stat("file", 0o644, { size: 5 }), "lunch"];
  expect(() => sync([one], 4)).toThrow(expect.objectContaining({ code: "buildkit.context-too-large" }));
});

test("attributes of other realms are not set, and sockets are left out", () => {
  const attributes = new Map([
    ["user.lunch", Buffer.from("soup")],
    ["trusted.overlay.opaque", Buffer.from("y")],
  ]);
  sync([
    ["d", stat("directory", 0o755, { attributes })],
    ["s", stat("socket", 0o755)],
  ]);
  expect(existsSync(`${target}/s`)).toBe(false);
  using directory = openDirectory(`${target}/d`);
  expect(attributeNames(directory)).not.toContain("trusted.overlay.opaque");
});
