/** What it costs an engine to tell, every second, what many containers use. */
import { EngineApi } from "../engine-api.ts";
import type { Figures } from "../figures.ts";
import { type ClassicBench, type ClassicEngine, network, prefix, processorDuring } from "./engine.ts";

const containers = Number(process.env["BENCH_STATS"] ?? 100);
/** Figures are there, and the first seconds are over. */
const settleMs = 3000;
/** What starts have left to do in the background is done. */
const restMs = 15_000;
const watchedMs = 10_000;
const fifth = { shares: { docker: 1 / 5 } };

/** As many streams as containers, as `stats` opens them; each must have said something when it is over. */
async function watched(engine: ClassicEngine, names: readonly string[]): Promise<number> {
  const stop = new AbortController();
  const heard = new Set<string>();
  const streams = names.map(async (name) => {
    const response = await fetch(`http://engine/v1.41/containers/${name}/stats?stream=1`, {
      unix: engine.socket,
      signal: stop.signal,
    });
    const reader = response.body?.getReader();
    for (;;) {
      const { done = true } = (await reader?.read()) ?? {};
      if (done) return;
      heard.add(name);
    }
  });
  const ended = Promise.allSettled(streams);
  await Bun.sleep(settleMs);
  const used = await processorDuring(engine, watchedMs);
  stop.abort();
  await ended;
  if (heard.size < names.length) throw new Error(`${engine.name} told of ${heard.size} containers`);
  return used;
}

export async function benchStats({ engines }: ClassicBench, figures: Figures): Promise<void> {
  const names = Array.from({ length: containers }, (_, index) => `${prefix}-s${index}`);
  for (const engine of engines) {
    await using api = new EngineApi(engine);
    await api.network(network);
    for (const name of names) {
      await api.container(name, network);
      await api.start(name);
    }
    await Bun.sleep(restMs);
    const idle = await processorDuring(engine, watchedMs);
    const used = await watched(engine, names);
    figures.add(`nothing asked of ${containers} containers`, engine.name, idle, {}, "ms/s");
    figures.add(`stats of ${containers} containers: processor`, engine.name, used, fifth, "ms/s");
  }
}
