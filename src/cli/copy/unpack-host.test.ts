import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { endOfArchive, headerOf, padding, type TarEntry } from "../../archive/mod.ts";
import { packHost } from "../../client/pack-host.ts";
import { HostUnpacking } from "./unpack-host.ts";

let place = "";
let into = "";
beforeEach(() => {
  place = mkdtempSync("/tmp/tiffin-test-unpack-");
  into = `${place}/into`;
  mkdirSync(into);
  writeFileSync(`${place}/outside`, "untouched");
});
afterEach(() => {
  expect(readFileSync(`${place}/outside`, "utf8")).toBe("untouched");
  rmSync(place, { recursive: true });
});

const entry = (path: string, more: Partial<TarEntry> = {}): TarEntry => ({
  type: "file",
  path,
  mode: 0o644,
  uid: 1,
  gid: 1,
  sizeBytes: 0,
  modifiedAtNs: 0n,
  linkTarget: "",
  deviceMajor: 0,
  deviceMinor: 0,
  attributes: new Map(),
  ...more,
});

function unpack(...entries: readonly TarEntry[]): void {
  const unpacking = new HostUnpacking({
    directory: into,
    rename: { from: "top", to: "top" },
    onBytes: () => {},
  });
  for (const one of entries) {
    unpacking.push(headerOf(one));
    unpacking.push(Buffer.alloc(one.sizeBytes, "x"));
    unpacking.push(padding(one.sizeBytes));
  }
  unpacking.push(endOfArchive);
  unpacking.finish();
}

const content = { sizeBytes: 4 };

test("nothing leads out: neither names, nor links that the archive brings, nor those that are there", () => {
  symlinkSync("..", `${into}/there`);
  const escapes: readonly (readonly TarEntry[])[] = [
    [entry("../outside", content)],
    [entry("top/../../outside", content)],
    [entry("there/outside", content)],
    [entry("link", { type: "symlink", linkTarget: ".." }), entry("link/outside", content)],
    [entry("hard", { type: "hardLink", linkTarget: "../outside" })],
    [entry("hard", { type: "hardLink", linkTarget: "there/outside" })],
    [entry("hard", { type: "hardLink", linkTarget: "/etc/passwd" })],
  ];
  for (const entries of escapes) expect(() => unpack(...entries)).toThrow(/lead out|is no file of the copy/);
  // An absolute name is one below the destination.
  unpack(entry("/abs", content));
  expect(readdirSync(into)).toContain("abs");
});

test("a name at the top is there, whatever directory was before it and however alike the two are called", () => {
  unpack(
    entry("lib", { type: "directory", mode: 0o755 }),
    entry("lib/one", content),
    entry("lib6", content),
    entry("lib/two", content),
    entry("lib", { type: "directory", mode: 0o755 }),
    entry("/", { type: "directory", mode: 0o755 }),
    entry("l", content),
  );
  expect(readdirSync(into).sort()).toEqual(["l", "lib", "lib6"]);
  expect(readdirSync(`${into}/lib`).sort()).toEqual(["one", "two"]);
});

test("a link in the place of a file is replaced, not followed", () => {
  symlinkSync("../outside", `${into}/file`);
  unpack(entry("file", content));
  expect(lstatSync(`${into}/file`).isFile()).toBe(true);
  unpack(entry("new", { type: "symlink", linkTarget: "../outside" }), entry("new", content));
  expect(readFileSync(`${into}/new`, "utf8")).toBe("xxxx");
});

test("directories and others do not take each other's place; devices are named", () => {
  mkdirSync(`${into}/dir`);
  writeFileSync(`${into}/file`, "");
  expect(() => unpack(entry("dir", content))).toThrow("cannot overwrite directory");
  expect(() => unpack(entry("file", { type: "directory" }))).toThrow("cannot overwrite non-directory");
  expect(() => unpack(entry("null", { type: "character", deviceMajor: 1, deviceMinor: 3 }))).toThrow(
    "it is a device",
  );
  expect(existsSync(`${into}/null`)).toBe(false);
});

test("modes are those of the archive, whatever the umask and the directory's access list say", () => {
  const before = process.umask(0o027);
  try {
    unpack(
      entry("top", { type: "directory", mode: 0o750 }),
      entry("top/plain", { ...content, mode: 0o640 }),
      entry("top/wide", { ...content, mode: 0o666 }),
      entry("top/special", { ...content, mode: 0o4750 }),
      entry("top/last", { ...content, mode: 0o440 }),
      entry("top/deep/./under", { ...content, mode: 0o600 }),
      entry("top/deep/.", { type: "directory", mode: 0o700 }),
      entry("top/deep/again", content),
    );
  } finally {
    process.umask(before);
  }
  const modeOf = (name: string): string => (lstatSync(`${into}/top/${name}`).mode & 0o7777).toString(8);
  const names = ["plain", "wide", "special", "last", "deep/under", "deep", "deep/again"];
  expect(names.map(modeOf)).toEqual(["640", "666", "4750", "440", "600", "700", "644"]);
});

test("a file that changes while it is packed leaves the archive whole", async () => {
  const [long, short] = [Buffer.alloc(600_000, "long"), Buffer.alloc(300_000, "x")];
  writeFileSync(`${place}/shrinks`, long);
  const pieces: Uint8Array[] = [];
  for await (const piece of packHost(`${place}/shrinks`, "top", () => {})) {
    pieces.push(piece.slice());
    if (pieces.length === 1) writeFileSync(`${place}/shrinks`, short);
  }
  const unpacking = new HostUnpacking({
    directory: into,
    rename: { from: "top", to: "copy" },
    onBytes: () => {},
  });
  unpacking.push(Buffer.concat(pieces));
  unpacking.finish();
  const copy = readFileSync(`${into}/copy`);
  expect(copy.length).toBe(long.length);
  const kept = copy.indexOf("x");
  expect(copy.subarray(0, kept)).toEqual(long.subarray(0, kept));
  expect(copy.subarray(kept, short.length)).toEqual(short.subarray(kept));
  expect(copy.subarray(short.length)).toEqual(Buffer.alloc(long.length - short.length));
});
