/** Throughput, connections and names between an engine's containers. The programs are the host's, in the containers' namespaces. */

import type { EngineApi } from "../engine-api.ts";
import { median } from "../timing.ts";

const rounds = 3;
const seconds = 2;

interface Pair {
  readonly api: EngineApi;
  readonly client: number;
  readonly address: string;
  readonly port: number;
  readonly server: string;
}

async function said(...command: readonly string[]): Promise<string> {
  return await new Response(Bun.spawn([...command], { stdout: "pipe", stderr: "ignore" }).stdout).text();
}

const inside = (pid: number): string[] => ["nsenter", "-t", String(pid), "-n"];

async function pairOf(api: EngineApi, network: string): Promise<Pair & { readonly pid: number }> {
  const server = "tiffin-bench-server";
  await api.container("tiffin-bench-client", network);
  await api.container(server, network, {
    PortBindings: { "5201/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] },
  });
  await api.start("tiffin-bench-client");
  await api.start(server);
  const { pid, address, port } = await api.inspect(server);
  return { api, client: (await api.inspect("tiffin-bench-client")).pid, address, port, server, pid };
}

async function gigabits(...command: readonly string[]): Promise<number> {
  const { end } = JSON.parse(await said(...command)) as {
    readonly end: { readonly sum_received: { readonly bits_per_second: number } };
  };
  return end.sum_received.bits_per_second / 1e9;
}

/** Connections that are made and closed within the time, some at once. */
async function connections(port: number): Promise<number> {
  let count = 0;
  const until = performance.now() + seconds * 1000;
  const work = async (): Promise<void> => {
    while (performance.now() < until) {
      await new Promise<void>((resolve) => {
        Bun.connect({
          hostname: "127.0.0.1",
          port,
          socket: { data: (socket) => void socket.end(), close: () => resolve(), error: () => resolve() },
        }).catch(() => resolve());
      });
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: 16 }, work));
  return count / seconds;
}

const greeting = `Bun.listen({ hostname: "0.0.0.0", port: 5201, socket: { open(s) { s.write("x"); }, data() {} } }); console.log("up")`;

async function names({ client, server }: Pair): Promise<{ readonly rate: number; readonly p99Ms: number }> {
  const file = `/tmp/tiffin-bench-names-${process.pid}`;
  await Bun.write(file, `${server} A\n`);
  const text = await said(
    ...inside(client),
    ...["dnsperf", "-s", "127.0.0.11", "-d", file, "-l", String(seconds), "-c", "4", "-q", "20", "-v"],
  );
  await Bun.file(file).delete();
  // One line per answer ends with how many seconds it took.
  const taken = [...text.matchAll(/^> NOERROR .* ([0-9.]+)$/gm)].map((match) => Number(match[1]) * 1000);
  taken.sort((one, other) => one - other);
  const rate = Number(/Queries per second:\s+([0-9.]+)/.exec(text)?.[1] ?? Number.NaN);
  return { rate, p99Ms: taken[Math.floor(taken.length * 0.99)] ?? Number.NaN };
}

export async function benchTraffic(apis: readonly EngineApi[], network: string): Promise<void> {
  const missing = ["iperf3", "dnsperf"].filter((program) => Bun.which(program) === null);
  const pairs: (Pair & { readonly pid: number })[] = [];
  for (const api of apis) pairs.push(await pairOf(api, network));
  const figures = new Map<string, number[]>();
  const note = (what: string, { api }: Pair, value: number): void => {
    const key = `${what}, ${api.engine.name}`;
    figures.set(key, [...(figures.get(key) ?? []), value]);
  };
  const measures: [string, (pair: Pair) => Promise<void>][] = [];
  if (!missing.includes("iperf3")) {
    const iperf = ["iperf3", "-J", "-t", String(seconds), "-c"];
    measures.push([
      "iperf3",
      async (pair) => {
        note(
          "container to container, Gbit/s",
          pair,
          await gigabits(...inside(pair.client), ...iperf, pair.address),
        );
        note(
          "host to published port, Gbit/s",
          pair,
          await gigabits(...iperf, "127.0.0.1", "-p", String(pair.port)),
        );
      },
    ]);
  }
  measures.push([
    "greeting",
    async (pair) => note("connections per second, published", pair, await connections(pair.port)),
  ]);
  if (!missing.includes("dnsperf")) {
    measures.push([
      "names",
      async (pair) => {
        const { rate, p99Ms } = await names(pair);
        note("names per second", pair, rate);
        note("names, p99 ms", pair, p99Ms);
      },
    ]);
  }
  for (const [kind, measure] of measures) {
    const servers = pairs.map(({ pid }) =>
      kind === "iperf3"
        ? Bun.spawn([...inside(pid), "iperf3", "-s"], { stdout: "ignore", stderr: "ignore" })
        : Bun.spawn([...inside(pid), process.execPath, "-e", greeting], { stdout: "ignore" }),
    );
    await Bun.sleep(500);
    for (let round = 0; round < rounds; round += 1) for (const pair of pairs) await measure(pair);
    for (const server of servers) {
      server.kill();
      await server.exited;
    }
  }
  console.log(`\ntraffic (medians of ${rounds} rounds of ${seconds} s)`);
  const [own] = apis;
  for (const [key, values] of figures) {
    const what = key.slice(0, key.lastIndexOf(", "));
    const ours = median(figures.get(`${what}, ${own?.engine.name}`) ?? []);
    const ratio = key.endsWith(`, ${own?.engine.name}`)
      ? ""
      : `ours is ${(ours / median(values)).toFixed(2)} x`;
    console.log(`  ${key.padEnd(46)}${median(values).toFixed(2).padStart(11)}   ${ratio}`);
  }
  if (missing.length > 0) console.log(`  ${missing.join(", ")}: not on this machine, left out`);
}
