/** `cp` of one large file and of many small ones, into a running container and out of it. */

import { randomFillSync } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Figures } from "../figures.ts";
import { type ClassicBench, prefix, takeAway, timed, untimed } from "./engine.ts";

const largeBytes = 100e6;
const smallFiles = 10_000;
const filesPerDirectory = 100;
const half = { shares: { docker: 1 / 2 } };
const container = `${prefix}-copies`;

/** Content that nothing can shorten. */
function makeLarge(path: string): void {
  const bytes = new Uint8Array(largeBytes);
  randomFillSync(bytes);
  writeFileSync(path, bytes);
}

function makeMany(path: string): void {
  for (let directory = 0; directory < smallFiles / filesPerDirectory; directory += 1) {
    mkdirSync(join(path, String(directory)), { recursive: true });
    for (let file = 0; file < filesPerDirectory; file += 1)
      writeFileSync(join(path, String(directory), String(file)), `file ${file} of ${directory}\n`);
  }
}

const probeFiles = 100;
const cheapMicroseconds = 150;
const longestWaitMs = 8 * 60_000;
let probes = 0;

/**
 * Waits until what was removed before, by whomever, has no part in what a new file costs. One that waits in vain says so, for
 * then the figures are of that.
 */
async function creationIsCheap(place: string): Promise<void> {
  const began = performance.now();
  for (;;) {
    const directory = join(place, `probe-${probes}`);
    probes += 1;
    mkdirSync(directory);
    const before = performance.now();
    for (let file = 0; file < probeFiles; file += 1) writeFileSync(join(directory, String(file)), "");
    const each = ((performance.now() - before) * 1000) / probeFiles;
    if (each < cheapMicroseconds) return;
    if (performance.now() - began > longestWaitMs) {
      console.log(
        `  an empty file costs ${each.toFixed(0)} µs here: what was removed before is part of these figures`,
      );
      return;
    }
    await Bun.sleep(5000);
  }
}

/**
 * No tree is removed before the last copy has been measured: ext4 without a journal walks past every inode that was freed in the last
 * minutes whenever it looks for one, so a bench that tidies up between its rounds measures its own removals.
 */
export async function benchCopies(
  { scratch, engines, rounds }: ClassicBench,
  figures: Figures,
): Promise<void> {
  const place = join(scratch, "copies");
  mkdirSync(place);
  makeLarge(join(place, "large"));
  makeMany(join(place, "many"));
  try {
    for (const engine of engines)
      untimed(engine, "run", "-d", "--network", "none", "--name", container, engine.image, "sleep", "100000");
    for (let round = -1; round < rounds; round += 1) {
      const turns = round % 2 === 0 ? engines : engines.toReversed();
      for (const [what, name] of [
        ["100 MB", "large"],
        ["10,000 small files", "many"],
      ] as const) {
        for (const engine of turns) {
          await creationIsCheap(place);
          const inside = `/${name}-${round + 1}`;
          const into = timed(engine, "cp", "-q", join(place, name), `${container}:${inside}`);
          const back = join(place, `${name}-${engine.name}-${round + 1}`);
          const out = timed(engine, "cp", "-q", `${container}:${inside}`, back);
          if (name === "large") {
            // One inode; but memory that a virtual machine has not used for a while costs more than the whole copy.
            untimed(engine, "exec", container, "rm", inside);
            rmSync(back);
          }
          if (round < 0) continue;
          figures.add(`cp of ${what} into a container`, engine.name, into, half);
          figures.add(`cp of ${what} out of a container`, engine.name, out, half);
        }
      }
    }
  } finally {
    for (const engine of engines) takeAway(engine, "rm", "-f", container);
    rmSync(place, { recursive: true });
  }
}
