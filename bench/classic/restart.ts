/** How long an engine that was killed beside many running containers needs until it can say of each that it runs. */
import { EngineApi } from "../engine-api.ts";
import type { Figures } from "../figures.ts";
import { type ClassicBench, network, prefix } from "./engine.ts";

const containers = Number(process.env["BENCH_RUNNING"] ?? 500);
const restarts = 5;
const aSecond = { most: 1000 };

export async function benchRestart({ engines, restart }: ClassicBench, figures: Figures): Promise<void> {
  const [engine] = engines;
  if (engine === undefined) return;
  await using api = new EngineApi(engine);
  await api.network(network);
  for (let index = 0; index < containers; index += 1) {
    await api.container(`${prefix}-r${index}`, network);
    await api.start(`${prefix}-r${index}`);
  }
  for (let round = 0; round < restarts; round += 1) {
    await Bun.sleep(3000);
    const began = await restart();
    const list = (await api.call("GET", "/containers/json")) as readonly unknown[];
    const took = performance.now() - began;
    if (list.length !== containers) throw new Error(`${list.length} of ${containers} containers run`);
    figures.add(`restart beside ${containers} running containers`, engine.name, took, aSecond);
  }
}
