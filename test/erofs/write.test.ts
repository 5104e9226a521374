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
import { everything, long, patterned } from "./everything.ts";
import { checkImage, compareWithUnpacked, unpackInto, writeImage } from "./written-image.ts";

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
