/** What a new tree takes on disk: blocks of everything in it, hard links once, as du(1) counts. */
import { type BigIntStats, lstatSync, readdirSync } from "node:fs";

/** Of `st_blocks`. stat(2) */
const blockBytes = 512n;
const slash = Buffer.from("/");

/** `directory` is nobody else's. Undefined when something in it cannot be reached by a path. */
export function diskBytesBelow(directory: string): number | undefined {
  const seen = new Set<bigint>();
  let blocks = 0n;
  const count = (path: Buffer, status: BigIntStats): void => {
    if (!status.isDirectory() && status.nlink > 1n) {
      if (seen.has(status.ino)) return;
      seen.add(status.ino);
    }
    blocks += status.blocks;
    if (!status.isDirectory()) return;
    for (const name of readdirSync(path, { encoding: "buffer" })) {
      const below = Buffer.concat([path, slash, name]);
      count(below, lstatSync(below, { bigint: true }));
    }
  };
  try {
    const top = Buffer.from(directory);
    count(top, lstatSync(top, { bigint: true }));
    return Number(blocks * blockBytes);
  } catch {
    // Deeper than a path can be long, or than this function can go: what its files hold is near enough.
    return undefined;
  }
}
