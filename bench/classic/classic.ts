/**
 * `npm run bench classic [part...]`: what people do with containers that run, beside docker, the engines in turn. Parts: cp, stats, health,
 * many, restart, lives. BENCH_ROUNDS says how often copies are made (5), BENCH_STATS, BENCH_CONTAINERS and BENCH_RUNNING how many containers
 * there are (100, 1000, 500), BENCH_LIVES how many come and go (10,000).
 */
import { Figures } from "../figures.ts";
import { benchCopies } from "./copies.ts";
import type { ClassicBench } from "./engine.ts";
import { benchHealth } from "./health.ts";
import { benchLives } from "./lives.ts";
import { benchMany } from "./many.ts";
import { benchRestart } from "./restart.ts";
import { benchStats } from "./stats.ts";

export async function benchClassic(bench: ClassicBench): Promise<void> {
  const figures = new Figures();
  const steps: readonly [string, () => Promise<void>][] = [
    ["cp", () => benchCopies(bench, figures)],
    ["stats", () => benchStats(bench, figures)],
    ["health", () => benchHealth(bench, figures)],
    ["many", () => benchMany(bench, figures)],
    ["restart", () => benchRestart(bench, figures)],
    ["lives", () => benchLives(bench, figures)],
  ];
  const known = steps.map(([name]) => name);
  const unknown = bench.parts.find((part) => !known.includes(part));
  if (unknown !== undefined) throw new Error(`classic has no part ${unknown}; it has ${known.join(", ")}`);
  try {
    for (const [name, step] of steps) {
      if (bench.parts.length === 0 || bench.parts.includes(name)) await step();
    }
  } finally {
    figures.print(bench.engines.map(({ name }) => name));
  }
}
