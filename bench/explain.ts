/**
 * What it costs that every start can be explained, when nobody asks: the same program beside one whose executor looks at no clock
 * between operations. Both engines are warm, and their starts alternate.
 */
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { ownEngine } from "./own-engine.ts";
import { beginSection, recordFigure } from "./record.ts";
import { type Contestant, comparePair, printTimings } from "./timing.ts";

const repository = join(import.meta.dir, "..");
const wantedPercent = 1;
const sources = ["src", "tools"];
/** Links: installed packages count as old when the lock file's time is new. */
const linked = ["package.json", "package-lock.json", "tsconfig.json", "node_modules"];

/** Its `dist/tiffin`. */
function buildWithoutTimes(directory: string): string {
  mkdirSync(directory);
  for (const name of sources) cpSync(join(repository, name), join(directory, name), { recursive: true });
  cpSync(join(repository, "executor"), join(directory, "executor"), {
    recursive: true,
    filter: (path) => path !== join(repository, "executor", "build"),
  });
  for (const name of linked) symlinkSync(join(repository, name), join(directory, name));
  const result = Bun.spawnSync(["bash", "tools/build.sh"], {
    cwd: directory,
    env: { ...process.env, CFLAGS: "-O2 -DWITHOUT_OP_TIMES" },
    stderr: "pipe",
  });
  if (result.exitCode !== 0) throw new Error(`the program without times: ${result.stderr.toString()}`);
  return join(directory, "dist", "tiffin");
}

export async function benchExplain(program: string, scratch: string, rounds: number): Promise<void> {
  beginSection("explain");
  const plain = buildWithoutTimes(join(scratch, "without-times"));
  await using first = await ownEngine(program, join(scratch, "e1"));
  await using second = await ownEngine(plain, join(scratch, "e2"));
  const start = (name: string, command: string, host: string): Contestant => ({
    name,
    command: [command, "run", "--rm", "--network", "none", "base", "true"],
    env: { TIFFIN_HOST: host },
  });
  const timed = start("with times of operations", program, first.host);
  const untimed = start("without", plain, second.host);
  const { timings, differenceMs, leastMs, mostMs } = comparePair(timed, untimed, rounds);
  printTimings(`run --rm base true, nobody asks for an explanation (${rounds} pairs)`, timings);
  const percentOf = (milliseconds: number): number => (milliseconds / timings[1].medianMs) * 100;
  const [percent, least, most] = [differenceMs, leastMs, mostMs].map(percentOf);
  recordFigure({
    title: "cost of times of operations",
    name: "tiffin",
    unit: "%",
    median: percent ?? Number.NaN,
    rounds,
  });
  const text = (value: number | undefined): string => (value ?? Number.NaN).toFixed(2);
  console.log(
    `  cost, median of the pairs: ${text(percent)} %, with 95 % between ${text(least)} and ${text(most)} %; wanted: less than ${wantedPercent} %`,
  );
  if ((least ?? 0) < wantedPercent && (most ?? 0) > wantedPercent)
    console.log("  the machine is too noisy for this number of pairs: nothing is shown either way");
}
