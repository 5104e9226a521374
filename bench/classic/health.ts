/** A check of health every second: ours from inside the network namespace without a process, docker's with one. */
import { EngineApi } from "../engine-api.ts";
import type { Figures } from "../figures.ts";
import { type ClassicBench, type ClassicEngine, network, prefix, processorDuring } from "./engine.ts";

const watchedMs = 20_000;
const twentieth = { shares: { docker: 1 / 20 } };
const names = Array.from({ length: 5 }, (_, index) => `${prefix}-h${index}`);
const restMs = 5000;

/** A server, and how it is asked. */
async function begin(api: EngineApi, name: string, test: readonly string[]): Promise<void> {
  const body = {
    Image: api.engine.image,
    Cmd: ["sh", "-c", "mkdir -p /www; echo well >/www/index.html; exec httpd -f -p 80 -h /www"],
    HostConfig: { NetworkMode: network },
    Healthcheck: { Test: test, Interval: 1e9 },
  };
  await api.created(name, body);
  await api.start(name);
  for (;;) {
    const { State } = (await api.call("GET", `/containers/${name}/json`)) as {
      readonly State: { readonly Health?: { readonly Status: string } };
    };
    if (State.Health?.Status === "healthy") return;
    await Bun.sleep(100);
  }
}

/** Milliseconds of processor a second and container. */
async function measured(engine: ClassicEngine, test: readonly string[]): Promise<number> {
  await using api = new EngineApi(engine);
  await api.network(network);
  for (const name of names) await begin(api, name, test);
  return (await processorDuring(engine, watchedMs)) / names.length;
}

export async function benchHealth({ engines }: ClassicBench, figures: Figures): Promise<void> {
  const byExec = ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"];
  for (const engine of engines) {
    const isOurs = engine === engines[0];
    const exec = await measured(engine, byExec);
    const best = isOurs ? await measured(engine, ["HTTP", "http://127.0.0.1/"]) : exec;
    // Last, so that nothing of the engine's own start is in it.
    await Bun.sleep(restMs);
    const idle = (await processorDuring(engine, watchedMs)) / names.length;
    const add = (what: string, used: number, wanted = {}): void =>
      figures.add(`${what}: processor for one`, engine.name, used, wanted, "ms/s");
    add("nothing asked", idle);
    add("exec check every second", exec - idle);
    add("best check of health every second", best - idle, twentieth);
  }
}
