/**
 * What a new user waits for: the program is new on the disk, no engine has ever run, there is no image yet. Once with everything
 * still in the page cache, as right after an installation, and once with nothing there, as after the machine has started.
 */
import { copyFileSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Figures } from "./figures.ts";
import { ownEngine } from "./own-engine.ts";
import { beginSection } from "./record.ts";
import { timeOnce } from "./timing.ts";

const name = "tiffin";
const mebibyte = 1024 * 1024;

function forgetFiles(): void {
  Bun.spawnSync(["sync"]);
  writeFileSync("/proc/sys/vm/drop_caches", "3");
}

async function firstUse(
  program: string,
  directory: string,
  state: "warm" | "cold",
  figures: Figures,
): Promise<void> {
  mkdirSync(directory);
  const installed = join(directory, "tiffin");
  copyFileSync(program, installed);
  if (state === "cold") forgetFiles();
  await using engine = await ownEngine(installed, join(directory, "engine"));
  figures.add(`${state}: engine, start to first answer`, name, engine.startMs, {});
  const run = (): number =>
    timeOnce({
      name,
      command: [installed, "run", "--rm", "base", "true"],
      env: { TIFFIN_HOST: engine.host },
    });
  figures.add(`${state}: first run --rm base true`, name, run(), {});
  figures.add(`${state}: second`, name, run(), {});
}

export async function benchFirst(program: string, scratch: string, rounds: number): Promise<void> {
  beginSection("first");
  const figures = new Figures();
  figures.add(
    "bytes of the program, all names together",
    name,
    (statSync(program).blocks * 512) / mebibyte,
    {},
    "MiB",
  );
  for (let round = 0; round < rounds; round += 1) {
    for (const state of ["warm", "cold"] as const) {
      const directory = join(scratch, `first-${state}`);
      await firstUse(program, directory, state, figures);
      rmSync(directory, { recursive: true, force: true });
    }
  }
  figures.print([name]);
}
