/**
 * Images as the writer makes them, in the eyes of the kernel and of erofs-utils, beside the same archives unpacked onto a
 * directory.
 */
import { expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { TiffinError } from "../../src/lib/errors.ts";
import { archiveOf, type Member } from "../support/layer-archive.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import type { ListingOptions } from "../support/tree-listing.ts";
import { checkImage, compareWithUnpacked, unpackInto, writeImage } from "./written-image.ts";

const long = "n".repeat(255);
const notUtf8 = "caf\udce9";

/** Version 2, owner rwx, user 77777 r, group r, mask r, others nothing. (linux/posix_acl_xattr.h) */
const accessList = Uint8Array.from(
  [
    [2, 0, 0, 0],
    [1, 0, 7, 0, 0xff, 0xff, 0xff, 0xff],
    [2, 0, 4, 0, 0xd1, 0x2f, 1, 0],
    [4, 0, 4, 0, 0xff, 0xff, 0xff, 0xff],
    [16, 0, 4, 0, 0xff, 0xff, 0xff, 0xff],
    [32, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
  ].flat(),
);
/** cap_net_raw+ep, VFS_CAP_REVISION_2. */
const capability = Uint8Array.from([1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

function patterned(bytes: number, seed = 1): Uint8Array {
  const content = new Uint8Array(bytes);
  for (let at = 0, value = seed; at < bytes; at += 1) {
    value = (Math.imul(value, 1_103_515_245) + 12_345) >>> 0;
    content[at] = value >>> 16;
  }
  return content;
}

const everything: Member[] = [
  { path: "./", type: "directory", mode: 0o750, uid: 3, gid: 4 },
  { path: "bin", type: "directory", has: { "user.directory": "yes" } },
  {
    path: "bin/tool",
    mode: 0o4755,
    content: patterned(10_000),
    attributes: new Map([["security.capability", capability]]),
  },
  { path: "bin/again", type: "hardLink", linkTarget: "bin/tool" },
  { path: "third", type: "hardLink", linkTarget: "/bin/again" },
  { path: "empty" },
  { path: "tiny", content: "x", uid: 70_000, gid: 4_000_000_000, modifiedAtNs: -1_500_000_001n },
  { path: "old", content: "y", modifiedAtNs: 0n },
  { path: "a-block", content: patterned(4096) },
  { path: "two-blocks", content: patterned(8192, 2) },
  { path: "half", content: patterned(2048, 3) },
  { path: "over-half", content: patterned(2049, 4) },
  { path: "nearly", content: patterned(4095, 5) },
  { path: "just-over", content: patterned(4097, 6) },
  { path: "larger", content: patterned(3_000_000, 7) },
  { path: "link", type: "symlink", linkTarget: "bin/tool", uid: 5 },
  { path: "dangling", type: "symlink", linkTarget: "/nowhere" },
  { path: "long-link", type: "symlink", linkTarget: `/${"d/".repeat(2046)}e` },
  { path: "second-link", type: "hardLink", linkTarget: "long-link" },
  { path: "null", type: "character", deviceMajor: 1, deviceMinor: 3, mode: 0o666 },
  { path: "disk", type: "block", deviceMajor: 259, deviceMinor: 70_000, mode: 0o660, gid: 6 },
  { path: "pipe", type: "fifo", mode: 0o622 },
  { path: long, content: "long" },
  { path: `deep/${long}/${long}/${long}`, content: "deep" },
  { path: notUtf8, content: "bytes" },
  { path: "ümläut/☃", content: "snow" },
  { path: "!before-dot", content: "1" },
  { path: ".-between", content: "2" },
  { path: "..after", content: "3" },
  { path: "access", attributes: new Map([["system.posix_acl_access", accessList]]), mode: 0o740 },
  {
    path: "defaults",
    type: "directory",
    attributes: new Map([["system.posix_acl_default", accessList]]),
  },
  { path: "many", content: "m", has: { "user.a": "1", "user.b": "", "trusted.c": "3", "security.d": "4" } },
  { path: "overlay", content: "o", has: { "trusted.overlay.redirect": "/etc", "user.kept": "1" } },
  {
    path: "heavy",
    content: patterned(100),
    attributes: new Map([
      ["user.heavy", patterned(3000)],
      ["user.more", patterned(900)],
    ]),
  },
  { path: "setgid", type: "directory", mode: 0o3777 },
];

/** The top and parents that no entry speaks of and marks of what is gone have the time of the unpacking. */
const anyTime: ListingOptions = {
  anyTime: (path, status) =>
    ((path === "" || /^\/(deep|ümläut|made)/.test(path)) && status.type === "directory") ||
    (status.type === "character" && status.specialMajor === 0),
};

function expectAsUnpacked(given: readonly Member[], options: ListingOptions = anyTime): void {
  using scratch = temporaryDirectory("erofs");
  const archive = archiveOf(given);
  const image = `${scratch.path}/image`;
  writeImage([archive], image);
  unpackInto([archive], `${scratch.path}/tree`);
  expect(compareWithUnpacked(image, `${scratch.path}/tree`, options)).toEqual([]);
  expect(checkImage(image)).toEqual({ status: 0, text: "" });
}

function refusalOf(members: readonly Member[]): string {
  using scratch = temporaryDirectory("erofs");
  try {
    writeImage([archiveOf(members)], `${scratch.path}/image`);
  } catch (thrown) {
    if (thrown instanceof TiffinError) return `${thrown.code}: ${thrown.message}`;
    throw thrown;
  }
  return "taken";
}

test("every kind of entry is in the mounted image what it is when unpacked", () => {
  expectAsUnpacked(everything);
});

test("an archive of nothing is an image with an empty root", () => {
  using scratch = temporaryDirectory("erofs");
  writeImage([archiveOf([])], `${scratch.path}/image`);
  unpackInto([archiveOf([])], `${scratch.path}/tree`);
  expect(
    compareWithUnpacked(`${scratch.path}/image`, `${scratch.path}/tree`, { anyTime: () => true }),
  ).toEqual([]);
});

test("entries of one archive replace one another whatever they are", () => {
  expectAsUnpacked([
    { path: "a", type: "directory" },
    { path: "a/b", type: "directory" },
    { path: "a/b/c", content: "lost" },
    { path: "a/linked", content: "linked" },
    { path: "kept", type: "hardLink", linkTarget: "a/linked" },
    { path: "a", content: "now a file" },
    { path: "f", content: "first" },
    { path: "f", type: "directory", mode: 0o700 },
    { path: "f/in", content: "new" },
    { path: "f", type: "directory", mode: 0o711, has: { "user.late": "1" } },
    { path: "s", type: "symlink", linkTarget: "f" },
    { path: "s/through", content: "a link on the way" },
    { path: "s", type: "directory" },
    { path: "s/not-through", content: "no link any more" },
    { path: "twice", content: "1" },
    { path: "twice", content: patterned(9000) },
    { path: "./up/../twice-up", content: "up" },
    { path: "abs", type: "symlink", linkTarget: "/f/.." },
    { path: "abs/from-top", content: "top" },
  ]);
});

test("whiteouts and opaque directories are in overlay's own terms, wherever in the archive they stand", () => {
  expectAsUnpacked([
    { path: "made/.wh.gone" },
    { path: `made/.wh.${long}` },
    { path: "d", type: "directory" },
    { path: "d/.wh..wh..opq", content: "means nothing" },
    { path: "d/new", content: "n" },
    { path: ".wh.before" },
    { path: "before", type: "directory" },
    { path: "after", type: "directory" },
    { path: ".wh.after" },
    { path: ".wh.file" },
    { path: "file", content: "stays" },
    { path: "file2", content: "stays" },
    { path: ".wh.file2" },
    { path: ".wh.twice" },
    { path: ".wh.twice" },
    { path: ".wh..wh.plnk", type: "directory" },
  ]);
});

test("a file with stretches of zeros has holes, and others have none", () => {
  using scratch = temporaryDirectory("erofs");
  const mebibyte = 1024 * 1024;
  const middle = new Uint8Array(8 * mebibyte + 5000);
  middle.set(patterned(100), 3 * mebibyte);
  middle.set(patterned(5000), 8 * mebibyte);
  const members: Member[] = [
    { path: "middle", content: middle },
    { path: "end", content: Buffer.concat([patterned(70_000), new Uint8Array(4 * mebibyte)]) },
    { path: "odd-end", content: Buffer.concat([patterned(70_000), new Uint8Array(4 * mebibyte + 17)]) },
    { path: "zeros", content: new Uint8Array(16 * mebibyte) },
    { path: "attributed", content: new Uint8Array(mebibyte), has: { "user.a": "odd" } },
    { path: "few-zeros", content: new Uint8Array(60_000) },
  ];
  expectAsUnpacked(members);
  const { imageBytes } = writeImage([archiveOf(members)], `${scratch.path}/image`);
  expect(imageBytes).toBeLessThan(mebibyte);
});

test("equal archives are equal images, in whatever pieces they come and whatever the names are hashed with", () => {
  using scratch = temporaryDirectory("erofs");
  const archive = archiveOf(everything);
  writeImage([archive], `${scratch.path}/whole`);
  for (const [name, pieceBytes, seed] of [
    ["a", 1, 7],
    ["b", 511, 8],
    ["c", 65_536, 9],
  ] as const) {
    const pieces = function* (): Generator<Uint8Array> {
      for (let at = 0; at < archive.length; at += pieceBytes) yield archive.subarray(at, at + pieceBytes);
    };
    writeImage(pieces(), `${scratch.path}/${name}`, seed);
    expect(readFileSync(`${scratch.path}/${name}`).equals(readFileSync(`${scratch.path}/whole`))).toBe(true);
  }
});

test("files of few bytes share blocks", () => {
  using scratch = temporaryDirectory("erofs");
  const members = Array.from({ length: 1000 }, (_, index) => ({
    path: `f${index}`,
    content: patterned(index, index),
  }));
  writeImage([archiveOf(members)], `${scratch.path}/image`);
  const contents = (1000 * 999) / 2;
  expect(statSync(`${scratch.path}/image`).size).toBeLessThan(contents * 1.4);
});

test("what no file system takes, or what leads out, is refused with the entry's name", () => {
  expect(refusalOf([{ path: "../x" }])).toStartWith("archive.escapes: ");
  expect(refusalOf([{ path: "a/../../x" }])).toStartWith("archive.escapes: ");
  expect(refusalOf([{ path: ".", content: "root as a file" }])).toStartWith("archive.escapes: ");
  expect(refusalOf([{ path: "h", type: "hardLink", linkTarget: "../etc/passwd" }])).toStartWith(
    "archive.escapes: ",
  );
  const failed = "archive.unpack-failed: cannot unpack ";
  expect(refusalOf([{ path: "h", type: "hardLink", linkTarget: "missing" }])).toBe(
    `${failed}"h": a hard link to "missing", which is not there`,
  );
  expect(refusalOf([{ path: "d/x" }, { path: "h", type: "hardLink", linkTarget: "d" }])).toBe(
    `${failed}"h": a hard link to a directory`,
  );
  expect(
    refusalOf([
      { path: "h", content: "1" },
      { path: "h", type: "hardLink", linkTarget: "h" },
    ]),
  ).toBe(`${failed}"h": a hard link to "h", which is not there`);
  expect(refusalOf([{ path: "f" }, { path: "f/x" }])).toBe(
    `${failed}"f/x": something on the way to it is no directory`,
  );
  expect(refusalOf([{ path: "s", type: "symlink", linkTarget: "nowhere" }, { path: "s/x" }])).toBe(
    `${failed}"s/x": a symbolic link on the way to it leads to nothing`,
  );
  expect(refusalOf([{ path: "s", type: "symlink", linkTarget: "s" }, { path: "s/x" }])).toBe(
    `${failed}"s/x": too many symbolic links on the way to it`,
  );
  expect(refusalOf([{ path: "m".repeat(256) }])).toEndWith(`: a name of 256 bytes, at most 255 are possible`);
  expect(refusalOf([{ path: "p/".repeat(3000) }])).toEndWith(": its path is too long");
  expect(refusalOf([{ path: "s", type: "symlink", linkTarget: "t".repeat(4096) }])).toEndWith(
    ": a symbolic link of 4096 bytes, at most 4095 are possible",
  );
  expect(refusalOf([{ path: "c", type: "character", deviceMajor: 4096, deviceMinor: 0 }])).toBe(
    `${failed}"c": there is no device 4096:0`,
  );
  expect(refusalOf([{ path: "a", attributes: new Map([["user.x", new Uint8Array(65_536)]]) }])).toBe(
    "archive.attributes: extended attribute user.x of 65536 bytes, at most 65535 bytes are possible",
  );
});
