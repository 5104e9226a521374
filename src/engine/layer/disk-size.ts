/** What a new tree takes on disk: blocks of everything in it, hard links once, as du(1) counts. */
import { type BigIntStats, lstatSync, readdirSync } from "node:fs";
import { Breather } from "../../lib/breather.ts";

/** Of `st_blocks`. stat(2) */
const blockBytes = 512n;
const slash = Buffer.from("/");

/** `directory` is nobody else's. Undefined when something in it cannot be reached by a path. */
export function diskBytesBelow(directory: string): number | undefined {
  const counting = blocksBelow(directory);
  try {
    for (;;) {
      const { done, value } = counting.next();
      if (done === true) return Number(value * blockBytes);
    }
  } catch {
    // Deeper than a path can be long, or than this function can go: what its files hold is near enough.
    return undefined;
  }
}

/** The same, while others are served. */
export async function diskBytesInTurns(directory: string): Promise<number | undefined> {
  const counting = blocksBelow(directory);
  const breather = new Breather();
  try {
    for (;;) {
      const { done, value } = counting.next();
      if (done === true) return Number(value * blockBytes);
      await breather.breathe();
    }
  } catch {
    return undefined;
  }
}

/** Stops at each entry. */
function* blocksBelow(directory: string): Generator<void, bigint> {
  const seen = new Set<bigint>();
  let blocks = 0n;
  function* count(path: Buffer, status: BigIntStats): Generator<void> {
    if (!status.isDirectory() && status.nlink > 1n) {
      if (seen.has(status.ino)) return;
      seen.add(status.ino);
    }
    blocks += status.blocks;
    yield;
    if (!status.isDirectory()) return;
    for (const name of readdirSync(path, { encoding: "buffer" })) {
      const below = Buffer.concat([path, slash, name]);
      yield* count(below, lstatSync(below, { bigint: true }));
    }
  }
  const top = Buffer.from(directory);
  yield* count(top, lstatSync(top, { bigint: true }));
  return blocks;
}
