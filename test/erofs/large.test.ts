/** Images of what is large: many entries, many in one directory, long names, files above four gigabytes; and the memory they take. */
import { expect, test } from "bun:test";
import { statSync } from "node:fs";
import { endOfArchive, headerOf } from "../../src/archive/mod.ts";
import { descriptorStatus, listDirectory } from "../../src/kernel/directory.ts";
import { openFile, openFlags } from "../../src/kernel/files.ts";
import { mountImage } from "../../src/kernel/image-mount.ts";
import type { OwnedFd } from "../../src/kernel/owned-fd.ts";
import { syscall } from "../../src/kernel/syscall.ts";
import { entryOf } from "../support/layer-archive.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { headersOf } from "./headers.ts";
import { checkImage, writeImage } from "./written-image.ts";

function countIn(root: OwnedFd, path: string): number {
  using directory = openFile(root, path, openFlags.readOnly | openFlags.directory);
  return listDirectory(directory, path).length;
}

test("a million entries make an image that the kernel and fsck.erofs read, in a few hundred megabytes", () => {
  using scratch = temporaryDirectory("erofs-large");
  const image = `${scratch.path}/image`;
  // In a process of its own, whose memory is that of the writer.
  const program = `
    import { writeImage } from "${import.meta.dir}/written-image.ts";
    import { millionHeaders } from "${import.meta.dir}/headers.ts";
    console.log(writeImage(millionHeaders(), ${JSON.stringify(image)}).inodes);
    console.log(process.resourceUsage().maxRSS);
  `;
  const written = Bun.spawnSync([process.execPath, "-e", program], { stderr: "pipe" });
  const [inodes, peakKilobytes] = written.stdout.toString().trim().split("\n").map(Number);
  expect({ errors: written.stderr.toString(), inodes }).toEqual({
    errors: "",
    inodes: 1_000_000 + 10_000 + 3,
  });
  // How far the collector lets it go differs from run to run.
  expect(Number(peakKilobytes)).toBeLessThan(640 * 1024);
  using root = mountImage(image, "file");
  for (const index of [0, 1234, 9999]) {
    const path = `usr/share/p${index}`;
    expect(countIn(root, path)).toBe(100);
    using file = openFile(root, `${path}/module_${index * 100 + 57}.py`, openFlags.path);
    expect(descriptorStatus(file).type).toBe("file");
  }
  expect(checkImage(image)).toEqual({ status: 0, text: "" });
}, 180_000);

test("a directory of 100,000 entries with names of 255 bytes is listed and looked up", () => {
  using scratch = temporaryDirectory("erofs-large");
  const image = `${scratch.path}/image`;
  const count = 100_000;
  const nameOf = (index: number): string => `${(index * 7919) % count}`.padStart(255, "n");
  writeImage(
    headersOf(count, (index) => ({ path: `d/${nameOf(index)}` })),
    image,
  );
  using root = mountImage(image, "file");
  expect(countIn(root, "d")).toBe(count);
  for (let index = 0; index < count; index += 997) {
    using file = openFile(root, `d/${nameOf(index)}`, openFlags.path);
    expect(descriptorStatus(file).type).toBe("file");
  }
  expect(checkImage(image)).toEqual({ status: 0, text: "" });
}, 60_000);

test("a file above four gigabytes keeps its length and what is at its ends", () => {
  using scratch = temporaryDirectory("erofs-large");
  const image = `${scratch.path}/image`;
  const mebibyte = 1024 * 1024;
  const pieces = 4100;
  const sizeBytes = pieces * mebibyte;
  const zeros = new Uint8Array(mebibyte);
  const first = new Uint8Array(mebibyte);
  first.set(Buffer.from("the beginning"));
  const last = new Uint8Array(mebibyte);
  last.set(Buffer.from("the end"), mebibyte - 7);
  const archive = function* (): Generator<Uint8Array> {
    yield headerOf(entryOf({ path: "huge", sizeBytes }));
    yield first;
    for (let piece = 2; piece < pieces; piece += 1) yield zeros;
    yield last;
    yield endOfArchive;
  };
  writeImage(archive(), image);
  expect(statSync(image).size).toBeLessThan(4 * mebibyte);
  using root = mountImage(image, "file");
  using file = openFile(root, "huge", openFlags.readOnly);
  expect(descriptorStatus(file).sizeBytes).toBe(sizeBytes);
  const textAt = (offset: number, bytes: number): string => {
    const buffer = new Uint8Array(bytes);
    syscall("pread64", "huge", file.raw, buffer, bytes, offset);
    return Buffer.from(buffer).toString();
  };
  expect([textAt(0, 13), textAt(2 ** 32, 3), textAt(sizeBytes - 7, 7)]).toEqual([
    "the beginning",
    "\0\0\0",
    "the end",
  ]);
}, 60_000);
