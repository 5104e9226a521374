/**
 * Timing of whole commands, fairly: every round runs each contestant once, in an order that rotates, so that
 * a noisy moment of the machine hits all of them. Medians and ratios of one run, nothing else, are printed.
 */

import { closeSync, openSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reapChild } from "../src/kernel/pidfd.ts";
import { spawn } from "../src/kernel/spawn.ts";
import { recordFigure } from "./record.ts";

/** Where a contestant's error output goes; read when it fails. */
export const errorFile = join(tmpdir(), `tiffin-bench-errors-${process.pid}`);

export const pauseMs = Number(process.env["BENCH_PAUSE_MS"] ?? 100);

export interface Contestant {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Timing {
  readonly name: string;
  readonly medianMs: number;
  readonly minMs: number;
  readonly p90Ms: number;
  readonly rounds: number;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** NODE_EXTRA_CA_CERTS makes every JavaScript program slower to start; no contestant is given it. */
function cleanEnvironment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [key, value] of Object.entries(process.env)) {
    if (value !== undefined && key !== "NODE_EXTRA_CA_CERTS") env[key] = value;
  }
  return { ...env, ...extra };
}

/**
 * Runs a command to its end and returns its wall time. posix_spawn and a blocking wait, so that as little as possible
 * of this program is in the figure (Bun.spawnSync would add some 5 ms). A non-zero exit is an error, never a figure.
 */
export function timeOnce(contestant: Contestant): number {
  const [program = "", ...args] = contestant.command;
  const executable = program.includes("/") ? program : (Bun.which(program) ?? program);
  const env = Object.entries(cleanEnvironment(contestant.env)).map(([key, value]) => `${key}=${value}`);
  const errors = openSync(errorFile, "w+", 0o600);
  try {
    const start = performance.now();
    const pid = spawn({ executable, argv: [program, ...args], env, fds: [[errors, 2]] });
    const outcome = reapChild(pid, { block: true });
    const elapsed = performance.now() - start;
    if (typeof outcome === "string" || outcome.kind !== "exited" || outcome.code !== 0) {
      const said = readFileSync(errorFile, "utf8").trim();
      throw new Error(`${contestant.command.join(" ")} ended with ${JSON.stringify(outcome)}: ${said}`);
    }
    return elapsed;
  } finally {
    closeSync(errors);
  }
}

/** `rounds` interleaved runs of every contestant after `warmup` rounds that do not count. */
export function compare(contestants: readonly Contestant[], rounds: number, warmup = 2): Timing[] {
  const samples = contestants.map((): number[] => []);
  for (let round = -warmup; round < rounds; round += 1) {
    for (let turn = 0; turn < contestants.length; turn += 1) {
      const index = (turn + round + warmup) % contestants.length;
      const contestant = contestants[index];
      if (contestant === undefined) continue;
      // What the one before left to do in the background (clean-up, refills) must not be in this one's figure.
      Bun.sleepSync(pauseMs);
      const elapsed = timeOnce(contestant);
      if (round >= 0) samples[index]?.push(elapsed);
    }
  }
  return contestants.map(({ name }, index) => timingOf(name, samples[index] ?? []));
}

/** What one takes longer than another, of runs that follow each other: a noisy moment of the machine hits both. */
export interface Difference {
  readonly timings: readonly [Timing, Timing];
  /** The median of the differences. */
  readonly differenceMs: number;
  /** Between these is the true median, with a probability of 95 %. */
  readonly leastMs: number;
  readonly mostMs: number;
}

/** Half the width of the interval in places of the sorted differences, for one of them: the binomial distribution's 97.5 %. */
const widthOfInterval = 0.98;

export function comparePair(one: Contestant, other: Contestant, rounds: number, warmup = 10): Difference {
  const [ofOne, ofOther]: [number[], number[]] = [[], []];
  for (let round = -warmup; round < rounds; round += 1) {
    const isFirst = round % 2 === 0;
    Bun.sleepSync(pauseMs);
    const before = timeOnce(isFirst ? one : other);
    Bun.sleepSync(pauseMs);
    const after = timeOnce(isFirst ? other : one);
    if (round < 0) continue;
    ofOne.push(isFirst ? before : after);
    ofOther.push(isFirst ? after : before);
  }
  const differences = ofOne.map((value, index) => value - (ofOther[index] ?? 0)).sort((a, b) => a - b);
  const at = (place: number): number =>
    differences[Math.min(rounds - 1, Math.max(0, Math.round(place)))] ?? Number.NaN;
  const middle = (rounds - 1) / 2;
  const half = widthOfInterval * Math.sqrt(rounds);
  return {
    timings: [timingOf(one.name, ofOne), timingOf(other.name, ofOther)],
    differenceMs: at(middle),
    leastMs: at(middle - half),
    mostMs: at(middle + half),
  };
}

function timingOf(name: string, values: readonly number[]): Timing {
  const [medianMs, minMs, p90Ms] = [median(values), Math.min(...values), quantile(values, 0.9)];
  return { name, medianMs, minMs, p90Ms, rounds: values.length };
}

/** A table with each contestant's ratio to the first one. */
export function printTimings(title: string, timings: readonly Timing[]): void {
  const base = timings[0]?.medianMs ?? Number.NaN;
  console.log(`\n${title}`);
  for (const { name, medianMs, minMs, p90Ms, rounds } of timings)
    recordFigure({ title, name, unit: "ms", median: medianMs, least: minMs, p90: p90Ms, rounds });
  console.log(
    `  ${"".padEnd(34)}${"median ms".padStart(10)}${"min".padStart(9)}${"p90".padStart(9)}   ours / theirs`,
  );
  for (const [index, timing] of timings.entries()) {
    const ratio =
      index === 0 ? "" : `${(base / timing.medianMs).toFixed(3)} (1/${(timing.medianMs / base).toFixed(1)})`;
    console.log(
      `  ${timing.name.padEnd(34)}${timing.medianMs.toFixed(2).padStart(10)}${timing.minMs.toFixed(2).padStart(9)}${timing.p90Ms.toFixed(2).padStart(9)}   ${ratio}`,
    );
  }
}

export interface Samples {
  readonly name: string;
  readonly values: readonly number[];
}

/** A table of medians; the ratio says how much better the first is, whether that is `less` or `more`. */
export function printFigures(
  title: string,
  rows: readonly Samples[],
  unit = "ms",
  better: "less" | "more" = "less",
): void {
  const base = median(rows[0]?.values ?? []);
  console.log(`\n${title}`);
  for (const [index, { name, values }] of rows.entries()) {
    const value = median(values);
    recordFigure({ title, name, unit, median: value, p90: quantile(values, 0.9), rounds: values.length });
    const times = better === "less" ? value / base : base / value;
    const ratio =
      index === 0 ? "" : `${times.toFixed(1)} x ${better === "less" ? "as long" : "as much is ours"}`;
    console.log(`  ${name.padEnd(34)}${value.toFixed(2).padStart(10)} ${unit.padEnd(5)}${ratio}`);
  }
}
