/** Images of archives for tests: written to a file, checked by the format's own program, mounted, and unpacked beside it. */
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { type ErofsImage, ErofsWriter, TarReader } from "../../src/archive/mod.ts";
import { Unpacking } from "../../src/engine/tree/mod.ts";
import { openDirectory } from "../../src/kernel/files.ts";
import { mountImage } from "../../src/kernel/image-mount.ts";
import { differences, type ListingOptions, listTree } from "../support/tree-listing.ts";

export function writeImage(pieces: Iterable<Uint8Array>, path: string, hashSeed = 1): ErofsImage {
  const file = openSync(path, "w");
  let end = 0;
  try {
    const writer = new ErofsWriter(
      {
        append: (bytes) => {
          writeSync(file, bytes, 0, bytes.length, end);
          end += bytes.length;
        },
        patch: (offset, bytes) => {
          writeSync(file, bytes, 0, bytes.length, offset);
        },
      },
      { hashSeed },
    );
    const reader = new TarReader(writer);
    for (const piece of pieces) reader.push(piece);
    reader.end();
    return writer.finish();
  } finally {
    closeSync(file);
  }
}

/** What fsck.erofs says; it looks at everything, the contents of files too. */
export function checkImage(path: string): { readonly status: number; readonly text: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["fsck.erofs", "--extract", path]);
  return { status: exitCode, text: `${stdout}${stderr}`.trim() };
}

export function unpackInto(pieces: Iterable<Uint8Array>, directory: string): void {
  mkdirSync(directory);
  using root = openDirectory(directory);
  using unpacking = new Unpacking({
    root,
    directory: "/",
    keepTypes: false,
    owner: undefined,
    firstHostId: 0,
    whiteouts: true,
  });
  for (const piece of pieces) unpacking.push(piece);
  unpacking.finish();
}

/** What the image in the kernel's eyes and the unpacked archive do not have in common. */
export function compareWithUnpacked(path: string, directory: string, options?: ListingOptions): string[] {
  using image = mountImage(path, "file");
  using unpacked = openDirectory(directory);
  return differences(listTree(image, options), listTree(unpacked, options));
}
