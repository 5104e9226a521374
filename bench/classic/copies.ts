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

export async function benchCopies(
  { scratch, engines, rounds }: ClassicBench,
  figures: Figures,
): Promise<void> {
  const place = join(scratch, "copies");
  mkdirSync(place);
  makeLarge(join(place, "large"));
  makeMany(join(place, "many"));
  const [back, inside] = [join(place, "back"), "/copied"];
  try {
    for (const engine of engines)
      untimed(engine, "run", "-d", "--network", "none", "--name", container, engine.image, "sleep", "100000");
    for (let round = -1; round < rounds; round += 1) {
      for (const [index] of engines.entries()) {
        const engine = engines[(index + round + engines.length) % engines.length];
        if (engine === undefined) continue;
        for (const [what, name] of [
          ["100 MB", "large"],
          ["10,000 small files", "many"],
        ] as const) {
          const into = timed(engine, "cp", "-q", join(place, name), `${container}:${inside}`);
          const out = timed(engine, "cp", "-q", `${container}:${inside}`, back);
          if (round >= 0) {
            figures.add(`cp of ${what} into a container`, engine.name, into, half);
            figures.add(`cp of ${what} out of a container`, engine.name, out, half);
          }
          untimed(engine, "exec", container, "rm", "-rf", inside);
          rmSync(back, { recursive: true });
        }
        await Bun.sleep(0);
      }
    }
  } finally {
    for (const engine of engines) takeAway(engine, "rm", "-f", container);
    rmSync(place, { recursive: true });
  }
}
