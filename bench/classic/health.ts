/** A check of health every second: ours from inside the network namespace without a process, docker's with one. */
import { EngineApi } from "../engine-api.ts";
import type { Figures } from "../figures.ts";
import { type ClassicBench, type ClassicEngine, network, prefix, processorDuring } from "./engine.ts";

const watchedMs = 20_000;
const twentieth = { shares: { docker: 1 / 20 } };
const name = `${prefix}-health`;

/** A server, and how it is asked. */
async function begin(api: EngineApi, test: readonly string[]): Promise<void> {
  const body = {
    Image: api.engine.image,
    Cmd: ["sh", "-c", "mkdir -p /www; echo well >/www/index.html; exec httpd -f -p 80 -h /www"],
    HostConfig: { NetworkMode: network },
    Healthcheck: { Test: test, Interval: 1e9 },
  };
  await api.call("POST", `/containers/create?name=${name}`, body);
  await api.start(name);
  for (;;) {
    const { State } = (await api.call("GET", `/containers/${name}/json`)) as {
      readonly State: { readonly Health?: { readonly Status: string } };
    };
    if (State.Health?.Status === "healthy") return;
    await Bun.sleep(100);
  }
}

async function measured(engine: ClassicEngine, test: readonly string[] | undefined): Promise<number> {
  await using api = new EngineApi(engine);
  if (test === undefined) return await processorDuring(engine, watchedMs);
  await api.network(network);
  await begin(api, test);
  try {
    return await processorDuring(engine, watchedMs);
  } finally {
    await api.call("DELETE", `/containers/${name}?force=1`);
  }
}

export async function benchHealth({ engines }: ClassicBench, figures: Figures): Promise<void> {
  const byExec = ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"];
  for (const engine of engines) {
    const isOurs = engine === engines[0];
    const idle = await measured(engine, undefined);
    const add = (what: string, used: number, wanted = {}): void =>
      figures.add(what, engine.name, Math.max(0, used), wanted, "ms/s");
    add("nothing asked", idle);
    if (isOurs) add("exec check every second: processor", (await measured(engine, byExec)) - idle);
    const best = isOurs ? ["HTTP", "http://127.0.0.1/"] : byExec;
    add("best check of health every second: processor", (await measured(engine, best)) - idle, twentieth);
  }
}
