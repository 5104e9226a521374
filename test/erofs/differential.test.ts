/**
 * Archives of entries at random, most of which get in each other's way, as an image and unpacked: both refuse them, or both are
 * the same tree. `TIFFIN_FUZZ=full` tries many, `TIFFIN_FUZZ_SEED` others.
 */
import { expect, test } from "bun:test";
import { TiffinError } from "../../src/lib/errors.ts";
import { archiveOf, type Member } from "../support/layer-archive.ts";
import { type Numbers, numbersFrom } from "../support/random-numbers.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { checkImage, compareWithUnpacked, unpackInto, writeImage } from "./written-image.ts";

const seed = Number(process.env["TIFFIN_FUZZ_SEED"] ?? "1");
const rounds = process.env["TIFFIN_FUZZ"] === "full" ? 20_000 : 200;

const names = ["a", "b", "c", "d"] as const;
const types = [
  "file",
  "file",
  "directory",
  "directory",
  "symlink",
  "hardLink",
  "fifo",
  "whiteout",
  "opaque",
] as const;

function memberAt(numbers: Numbers): Member {
  const part = (): string => names[numbers(names.length)] ?? "a";
  const pathOf = (depth: number): string => Array.from({ length: 1 + numbers(depth) }, part).join("/");
  const path = pathOf(3);
  const type = types[numbers(types.length)] ?? "file";
  const owner = { uid: numbers(3), gid: numbers(3), mode: 0o600 + numbers(0o200) };
  const above = path.slice(0, path.lastIndexOf("/") + 1);
  switch (type) {
    case "whiteout":
      return { path: `${above}.wh.${part()}` };
    case "opaque":
      return { path: `${above}.wh..wh..opq` };
    case "file":
      return { path, ...owner, content: "x".repeat(numbers(3) * 3000) };
    case "symlink":
      return { path, type, linkTarget: ["", "/", "../", "../../"][numbers(4)] + pathOf(2) };
    case "hardLink":
      return { path, type, linkTarget: pathOf(3) };
    default:
      return { path, type, ...owner, has: numbers(3) === 0 ? { "user.x": part() } : {} };
  }
}

function refused(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof TiffinError) return thrown.code;
    throw thrown;
  }
}

test(`${rounds} archives at random are the same as an image and unpacked`, () => {
  const numbers = numbersFrom(seed);
  let taken = 0;
  for (let round = 0; round < rounds; round += 1) {
    using scratch = temporaryDirectory("erofs-random");
    const members = Array.from({ length: 1 + numbers(12) }, () => memberAt(numbers));
    const archive = archiveOf(members);
    const image = `${scratch.path}/image`;
    const asImage = refused(() => writeImage([archive], image));
    const unpacked = refused(() => unpackInto([archive], `${scratch.path}/tree`));
    const what = members.map(({ path, type = "file", linkTarget = "" }) => `${type} ${path} ${linkTarget}`);
    expect({ what, refused: asImage }).toEqual({ what, refused: unpacked });
    if (asImage !== undefined) continue;
    taken += 1;
    // Times of parents that were made on the way, and of marks, are those of the unpacking.
    const found = compareWithUnpacked(image, `${scratch.path}/tree`, { anyTime: () => true });
    expect({ what, found }).toEqual({ what, found: [] });
    if (taken % 40 === 0) expect(checkImage(image)).toEqual({ status: 0, text: "" });
  }
  expect(taken).toBeGreaterThan(rounds / 4);
}, 600_000);
