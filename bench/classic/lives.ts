/**
 * What our engine keeps of containers that have come and gone, half of them with a volume and a published port: its memory at
 * rest after a hundred lives, and after many. The runtime goes on compiling what is done often for about a thousand lives.
 */
import { readFileSync } from "node:fs";
import { EngineApi } from "../engine-api.ts";
import type { Figures } from "../figures.ts";
import type { ClassicBench, ClassicEngine } from "./engine.ts";

const lives = Number(process.env["BENCH_LIVES"] ?? 10_000);
const few = 100;
const warm = 1000;
const lanes = 4;
/** An engine that nothing is asked of gives back what it does not need. */
const restMs = 10_000;
const twentieth = { most: 5 };

async function live(api: EngineApi, index: number): Promise<void> {
  const more = index % 2 === 0 ? {} : { Volumes: { "/scratch": {} }, ExposedPorts: { "80/tcp": {} } };
  const { Id } = (await api.call("POST", "/containers/create", {
    Image: api.engine.image,
    Cmd: ["true"],
    HostConfig: { AutoRemove: true, PublishAllPorts: index % 2 === 1 },
    ...more,
  })) as { readonly Id: string };
  const removed = api.call("POST", `/containers/${Id}/wait?condition=removed`);
  await api.start(Id);
  await removed;
}

function rssMb({ processes }: ClassicEngine): number {
  const pid = "pid" in processes ? processes.pid() : 0;
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

export async function benchLives({ engines, restart }: ClassicBench, figures: Figures): Promise<void> {
  const [engine] = engines;
  if (engine === undefined) return;
  // One that has done nothing yet.
  await restart();
  await using api = new EngineApi(engine);
  let next = 0;
  const after = async (count: number): Promise<number> => {
    const lane = async (): Promise<void> => {
      while (next < count) {
        next += 1;
        await live(api, next);
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    await Bun.sleep(restMs);
    const rss = rssMb(engine);
    figures.add(`RSS after ${count} lives`, engine.name, rss, {}, "MB");
    return rss;
  };
  const first = await after(few);
  const compiled = lives > warm ? await after(warm) : undefined;
  const last = await after(lives);
  const add = (what: string, before: number): void =>
    figures.add(`RSS over that after ${what}`, engine.name, (last / before - 1) * 100, twentieth, "%");
  add(`${few}`, first);
  if (compiled !== undefined) add(`${warm}`, compiled);
}
