/** The reader that mounts nothing, beside the kernel; and what it says to images that nobody should have made. */
import { expect, test } from "bun:test";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { crc32c } from "../../src/archive/erofs/crc32c.ts";
import { headerOf, type ImageSource, padding, readImage } from "../../src/archive/mod.ts";
import { mountImage } from "../../src/kernel/image-mount.ts";
import { TiffinError } from "../../src/lib/errors.ts";
import { archiveOf, type Member } from "../support/layer-archive.ts";
import { numbersFrom } from "../support/random-numbers.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { differences, listTree } from "../support/tree-listing.ts";
import { everything, patterned } from "./everything.ts";
import { writeImage } from "./written-image.ts";

const seed = Number(process.env["TIFFIN_FUZZ_SEED"] ?? "1");
const rounds = process.env["TIFFIN_FUZZ"] === "full" ? 100_000 : 3000;

function sourceOf(bytes: Uint8Array): ImageSource {
  return { sizeBytes: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) };
}

/** The archive that an image's entries make. */
function* archiveFrom(source: ImageSource): Generator<Uint8Array> {
  for (const { entry, content } of readImage(source)) {
    yield headerOf(entry);
    if (entry.type !== "file") continue;
    for (const piece of content) yield piece.slice();
    yield padding(entry.sizeBytes);
  }
}

function imageOf(members: readonly Member[]): Buffer {
  using scratch = temporaryDirectory("erofs-read");
  writeImage([archiveOf(members)], `${scratch.path}/image`);
  return readFileSync(`${scratch.path}/image`);
}

/** With a checksum of the superblock that holds again. */
function resealed(image: Buffer): Buffer {
  image.fill(0, 1028, 1032);
  image.writeUInt32LE(crc32c(image.subarray(1024, 4096)), 1028);
  return image;
}

/** The length of all that an image shows; what is too much for a test is not read. */
function readAll(source: ImageSource): number {
  const limitBytes = 4 * 1024 * 1024;
  let bytes = 0;
  for (const { entry, content } of readImage(source, { limitEntries: 10_000 })) {
    bytes += entry.path.length;
    let left = limitBytes;
    for (const piece of content) {
      left -= piece.length;
      bytes += piece.length;
      if (left < 0) break;
    }
  }
  return bytes;
}

function refusal(bytes: Uint8Array): string {
  try {
    readAll(sourceOf(bytes));
  } catch (thrown) {
    if (thrown instanceof TiffinError)
      return `${thrown.code}: ${thrown.message.replace(/^.*damaged one: /, "")}`;
    throw thrown;
  }
  return "read";
}

test("an image that is read and written again shows the kernel the same tree", () => {
  using scratch = temporaryDirectory("erofs-read");
  const holes = new Uint8Array(3_000_000);
  holes.set(patterned(5000), 1_500_000);
  const first = `${scratch.path}/first`;
  writeImage([archiveOf([...everything, { path: "holes", content: holes }])], first);
  const file = openSync(first, "r");
  const source: ImageSource = {
    sizeBytes: readFileSync(first).length,
    read: (offset, length) => {
      const bytes = new Uint8Array(length);
      return bytes.subarray(0, readSync(file, bytes, 0, length, offset));
    },
  };
  const second = `${scratch.path}/second`;
  writeImage(archiveFrom(source), second);
  closeSync(file);
  using one = mountImage(first, "file");
  using other = mountImage(second, "file");
  expect(differences(listTree(one), listTree(other))).toEqual([]);
  const third = `${scratch.path}/third`;
  writeImage(archiveFrom(sourceOf(readFileSync(second))), third);
  expect(readFileSync(third).equals(readFileSync(second))).toBe(true);
});

test("an image by mkfs.erofs is read too", () => {
  using scratch = temporaryDirectory("erofs-read");
  const image = `${scratch.path}/image`;
  for (const words of [[], ["-E", "force-inode-compact"], ["--chunksize=4096"], ["-x", "1"]]) {
    const made = Bun.spawnSync(["mkfs.erofs", ...words, image, `${import.meta.dir}/../support`]);
    expect(made.exitCode).toBe(0);
    const contents = new Map<string, string>();
    for (const { entry, content } of readImage(sourceOf(readFileSync(image)))) {
      if (entry.type === "file")
        contents.set(entry.path, Buffer.concat([...content].map((piece) => piece.slice())).toString());
    }
    const own = readFileSync(`${import.meta.dir}/../support/layer-archive.ts`, "utf8");
    expect(contents.get("layer-archive.ts")).toBe(own);
  }
});

test("an image that leads outside, into itself, or says what cannot be is refused", () => {
  const small = (): Buffer =>
    imageOf([
      { path: "a", type: "directory" },
      { path: "a/b", type: "directory" },
      { path: "a/file", content: patterned(5000) },
    ]);
  const broken = (change: (image: Buffer) => void, image = small()): string => {
    change(image);
    return refusal(resealed(image));
  };
  expect(refusal(small())).toBe("read");
  expect(refusal(new Uint8Array(100))).toBe("archive.bad-image: its first block lies outside of it");
  expect(refusal(new Uint8Array(5000))).toBe("archive.bad-image: there is no superblock");
  const flipped = small();
  flipped[1100] = 1;
  expect(refusal(flipped)).toBe("archive.bad-image: the checksum of its superblock is wrong");
  expect(broken((image) => image.writeUInt8(9, 1036))).toBe(
    "archive.bad-image: its blocks are not of 4096 bytes",
  );
  expect(broken((image) => image.writeUInt16LE(65_535, 1038))).toContain("inode 65535 lies outside of it");
  // The root's own names stand behind its inode of 64 bytes at 1152: `.`, `..`, `a`.
  const names = 1152 + 64;
  const root = 36n;
  expect(broken((image) => image.writeBigUInt64LE(root, names + 24))).toBe(
    "archive.bad-image: directory 36 is in it more than once",
  );
  expect(broken((image) => image.writeBigUInt64LE(2n ** 63n, names + 24))).toContain(
    "an inode number in directory 36 is 9223372036854775808",
  );
  expect(broken((image) => image.writeUInt8(1, names + 34))).toContain("is a directory and called a file");
  expect(broken((image) => image.write("/", names + 39))).toContain(
    "directory 36 has a name with a NUL or a slash",
  );
  expect(broken((image) => image.writeUInt16LE(0, names + 8))).toContain(
    "directory 36 has names at 0 of a block",
  );
});

test(`whatever ${rounds} changes make of images is read or refused in words, and soon`, () => {
  const numbers = numbersFrom(seed);
  const originals = [
    imageOf(everything.filter(({ path }) => path !== "larger")),
    imageOf([
      { path: "holes", content: new Uint8Array(300_000) },
      { path: "d/e/f", content: "x" },
    ]),
    imageOf(Array.from({ length: 400 }, (_, index) => ({ path: `d/n${index}`, type: "directory" as const }))),
  ];
  const odd = [0, 1, 0x7f, 0xff, 0xffff, 0x8000_0000, 0xffff_ffff, 0xffff_fffe, 4096, 36];
  const outcomes = new Map<string, number>();
  for (let round = 0; round < rounds; round += 1) {
    const image = Buffer.from(originals[numbers(originals.length)] ?? []);
    for (let change = numbers(4); change >= 0; change -= 1) {
      // Half of them where inodes and names are dense: at the beginning and at the end.
      const where = numbers(4);
      const at =
        where === 0
          ? 1024 + numbers(600)
          : where === 1
            ? image.length - 4 - numbers(4000)
            : numbers(image.length - 4);
      if (numbers(2) === 0) image.writeUInt32LE(odd[numbers(odd.length)] ?? 0, at);
      else image[at] = numbers(256);
    }
    const cut = numbers(20) === 0 ? resealed(image).subarray(0, numbers(image.length)) : resealed(image);
    const outcome = refusal(cut).split(":")[0] ?? "";
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  expect([...outcomes.keys()].sort()).toEqual(["archive.bad-image", "read"]);
});
