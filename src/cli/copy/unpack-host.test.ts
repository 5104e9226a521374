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

test("a file that changes while it is packed leaves the archive whole", async () => {
  writeFileSync(`${place}/shrinks`, "12345678");
  const pieces: Uint8Array[] = [];
  for await (const piece of packHost(`${place}/shrinks`, "top", () => {})) {
    pieces.push(piece.slice());
    if (pieces.length === 1) writeFileSync(`${place}/shrinks`, "1234");
  }
  const unpacking = new HostUnpacking({
    directory: into,
    rename: { from: "top", to: "copy" },
    onBytes: () => {},
  });
  unpacking.push(Buffer.concat(pieces));
  unpacking.finish();
  expect(readFileSync(`${into}/copy`, "latin1")).toBe("1234\0\0\0\0");
});
