/**
 * Networks beside Docker's, interleaved: what a network costs a start, making and joining one, throughput, connections and
 * names. Everything by the API, so that no client is in the figures; traffic between the engines' own containers.
 */

import { type ApiEngine, EngineApi, timed } from "../engine-api.ts";
import { recordFigure } from "../record.ts";
import { median, quantile } from "../timing.ts";
import { benchTraffic } from "./traffic.ts";

export interface NetworksBench {
  readonly engines: readonly ApiEngine[];
  readonly rounds: number;
  /** How many containers and networks are there when starts are timed again. */
  readonly containers: readonly number[];
  readonly networks: number;
}

const network = "tiffin-bench-net";
const second = "tiffin-bench-second";
/** Rounds that do not count. */
const warmUps = 2;
/** The kernel is done with what was before. */
const restMs = 100;

export async function benchNetworks({ engines, rounds, containers, networks }: NetworksBench): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const apis = engines.map((engine) => stack.use(new EngineApi(engine)));
  for (const api of apis) {
    await api.network(network);
    await api.network(second);
  }
  await starts(apis, rounds);
  await changes(apis, rounds);
  await benchTraffic(apis, network);
  const [own] = apis;
  if (own !== undefined) await flat(own, rounds, containers, networks);
}

function line(name: string, values: readonly number[], more = ""): void {
  recordFigure({ title: "networks", name, unit: "ms", median: median(values), p90: quantile(values, 0.9) });
  const figures = [median(values), quantile(values, 0.9)].map((value) => value.toFixed(2).padStart(9));
  console.log(`  ${name.padEnd(44)}${figures.join("")} ms   ${more}`);
}

async function oneStart(api: EngineApi, mode: string): Promise<number> {
  const name = `tiffin-bench-start-${mode}`;
  await api.call("POST", `/containers/create?name=${name}`, {
    Image: api.engine.image,
    Cmd: ["sleep", "1000"],
    HostConfig: { NetworkMode: mode },
  });
  try {
    return await timed(() => api.start(name));
  } finally {
    await api.call("DELETE", `/containers/${name}?force=1`);
    // What it left to do is not in the next one's figure.
    await Bun.sleep(restMs);
  }
}

async function starts(apis: readonly EngineApi[], rounds: number): Promise<void> {
  console.log(`\nstart of a container (${rounds} rounds)${"".padEnd(21)}median      p90`);
  const samples = new Map<string, number[]>();
  for (let round = -warmUps; round < rounds; round += 1) {
    for (const api of apis) {
      for (const mode of ["none", network]) {
        const took = await oneStart(api, mode);
        const key = `${api.engine.name} ${mode}`;
        if (round >= 0) samples.set(key, [...(samples.get(key) ?? []), took]);
      }
    }
  }
  for (const { engine } of apis) {
    const none = samples.get(`${engine.name} none`) ?? [];
    const bridge = samples.get(`${engine.name} ${network}`) ?? [];
    line(`${engine.name}, no network`, none);
    line(`${engine.name}, a network`, bridge, `${(median(bridge) - median(none)).toFixed(2)} ms more`);
  }
}

async function changes(apis: readonly EngineApi[], rounds: number): Promise<void> {
  console.log("\nnetworks made, removed, joined and left");
  const samples = new Map<string, number[]>();
  const note = (name: string, what: string, took: number): void => {
    samples.set(`${name}, ${what}`, [...(samples.get(`${name}, ${what}`) ?? []), took]);
  };
  for (const api of apis) {
    await api.container("tiffin-bench-guest", network);
    await api.start("tiffin-bench-guest");
  }
  const made = "tiffin-bench-made";
  const body = { Container: "tiffin-bench-guest" };
  const works: Readonly<Record<string, (api: EngineApi) => Promise<unknown>>> = {
    create: (api) => api.call("POST", "/networks/create", { Name: made }),
    rm: (api) => api.call("DELETE", `/networks/${made}`),
    connect: (api) => api.call("POST", `/networks/${second}/connect`, body),
    disconnect: (api) => api.call("POST", `/networks/${second}/disconnect`, body),
    // What the kernel still does after the answer is in the next one's figure here.
    "all four at once": async (api) => {
      for (const name of ["create", "rm", "connect", "disconnect"]) await works[name]?.(api);
    },
  };
  for (let round = -warmUps; round < rounds; round += 1) {
    for (const api of apis) {
      for (const [what, work] of Object.entries(works)) {
        const took = await timed(() => work(api));
        if (round >= 0) note(api.engine.name, what, took);
        await Bun.sleep(restMs);
      }
    }
  }
  const [own] = apis;
  for (const what of Object.keys(works)) {
    const ours = median(samples.get(`${own?.engine.name}, ${what}`) ?? []);
    for (const { engine } of apis) {
      const values = samples.get(`${engine.name}, ${what}`) ?? [];
      line(
        `${engine.name}, ${what}`,
        values,
        engine === own?.engine ? "" : `ours is 1/${(median(values) / ours).toFixed(1)}`,
      );
    }
  }
}

async function flat(
  api: EngineApi,
  rounds: number,
  counts: readonly number[],
  networks: number,
): Promise<void> {
  console.log("\nstart on a network, with others there");
  const sample = async (): Promise<number[]> => {
    const values: number[] = [];
    for (let round = 0; round < rounds; round += 1) values.push(await oneStart(api, network));
    return values;
  };
  const first = await sample();
  line("1 container, 2 networks", first);
  const compared = (values: readonly number[]): string =>
    `${(median(values) / median(first)).toFixed(2)} x the first`;
  for (let index = 0; index < networks; index += 1) await api.network(`tiffin-bench-n${index}`);
  const many = await sample();
  line(`1 container, ${networks + 2} networks`, many, compared(many));
  let there = 0;
  for (const count of counts) {
    for (; there < count; there += 1) {
      const name = `tiffin-bench-c${there}`;
      await api.container(name, network);
      await api.start(name);
    }
    await Bun.sleep(2000);
    const values = await sample();
    line(`${count} containers, ${networks + 2} networks`, values, compared(values));
  }
}
