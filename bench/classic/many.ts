/** What it costs to ask about many containers. Ours alone is asked about a thousand, for docker's would take ten minutes to make. */
import { EngineApi } from "../engine-api.ts";
import type { Figures } from "../figures.ts";
import { type ClassicBench, type ClassicEngine, network, prefix, processorMs } from "./engine.ts";

const containers = Number(process.env["BENCH_CONTAINERS"] ?? 1000);
const rounds = 100;
const fiveMs = { most: 5 };

async function asked(engine: ClassicEngine, path: string): Promise<string> {
  const response = await fetch(`http://engine${path}`, { unix: engine.socket });
  const text = await response.text();
  if (!response.ok) throw new Error(`${engine.name}: GET ${path}: ${response.status} ${text}`);
  return text;
}

/** A request without a version is one of the newest, as clients of today send it. Its round trip, and what the engine's process used for it. */
async function measure(engine: ClassicEngine, what: string, path: string, figures: Figures): Promise<void> {
  for (let warmUp = 0; warmUp < 20; warmUp += 1) await asked(engine, path);
  const before = processorMs(engine);
  for (let round = 0; round < rounds; round += 1) {
    const began = performance.now();
    await asked(engine, path);
    figures.add(`${what}: round trip`, engine.name, performance.now() - began, fiveMs);
  }
  const used = (processorMs(engine) - before) / rounds;
  figures.add(`${what}: processor in the engine`, engine.name, used, fiveMs);
}

/** From what happens to whoever listens to it. */
async function eventLatency(engine: ClassicEngine, api: EngineApi, figures: Figures): Promise<void> {
  const stop = new AbortController();
  const response = await fetch("http://engine/v1.41/events", { unix: engine.socket, signal: stop.signal });
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let name = `${prefix}-m0`;
  try {
    for (let round = 0; round < rounds; round += 1) {
      const renamed = `${prefix}-m0-${round}`;
      const began = performance.now();
      const heard = (async () => {
        for (let text = ""; !text.includes(renamed); ) {
          const { done = true, value } = (await reader?.read()) ?? {};
          if (done) throw new Error(`the events of ${engine.name} have ended`);
          text += decoder.decode(value);
        }
        return performance.now() - began;
      })();
      await api.call("POST", `/containers/${name}/rename?name=${renamed}`);
      figures.add(`an event of ${containers} containers: heard after`, engine.name, await heard, fiveMs);
      name = renamed;
    }
  } finally {
    stop.abort();
  }
}

export async function benchMany({ engines }: ClassicBench, figures: Figures): Promise<void> {
  const [engine] = engines;
  if (engine === undefined) return;
  await using api = new EngineApi(engine);
  await api.network(network);
  for (let index = 0; index < containers; index += 1) {
    await api.container(`${prefix}-m${index}`, network);
    await api.start(`${prefix}-m${index}`);
  }
  await Bun.sleep(3000);
  const of = `of ${containers} containers`;
  await measure(engine, `ps ${of}`, "/containers/json?all=1", figures);
  await measure(engine, `inspect, one ${of}`, `/containers/${prefix}-m${containers - 1}/json`, figures);
  const now = Math.ceil(Date.now() / 1000);
  await measure(engine, `events replayed, ${of}`, `/events?since=0&until=${now - 1}`, figures);
  await eventLatency(engine, api, figures);
}
