/**
 * SIGKILL of the engine at random moments under clients that create, start, exec into, pause, restart, stop and remove, write into a
 * volume, and follow a log. After each start everything that was answered holds: what was created is there, what was
 * removed is gone, what ran runs, what was stopped stays down, what was written or read is there; at the end nothing is left.
 *
 *   TIFFIN_CRASHES=100 bun test test/recovery/crash-under-load.test.ts
 *
 * Each run makes choices of its own. TIFFIN_SEED=n makes those of an earlier run again: each client and the killer draw from
 * a sequence of their own. How far the clients come until the kill is the machine's.
 */
import { expect, test } from "bun:test";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { drawOf, seedOf } from "../support/seeded-random.ts";
import { pause } from "../support/until.ts";
import { KilledEngine, type StartFigures } from "./under-load/killed-engine.ts";
import { LifeClient } from "./under-load/life-client.ts";
import { LogClient } from "./under-load/log-client.ts";
import { VolumeClient } from "./under-load/volume-client.ts";

const crashes = Number(process.env["TIFFIN_CRASHES"] ?? 12);
const seed = seedOf(process.env["TIFFIN_SEED"]);
const lifeClients = 6;
const shortestLifeMs = 20;
const longestLifeMs = 420;
/** From the start of the program to its first answer, without the time in which other programs had the processor. */
const startLimitMs = 2000;

async function statesOf(engine: TestEngine): Promise<Map<string, string>> {
  const listed = (await engine.http("GET", "/containers/json?all=1")).json() as {
    readonly Names: string[];
    readonly State: string;
  }[];
  return new Map(listed.map(({ Names, State }) => [(Names[0] ?? "").slice(1), State]));
}

async function removeAll(engine: TestEngine, stays: (name: string) => boolean): Promise<void> {
  const gone = [...(await statesOf(engine)).keys()].filter((name) => !stays(name));
  const removals = gone.map(async (name) => {
    const { status, text } = await engine.http("DELETE", `/containers/${name}?force=1&v=1`);
    expect({ name, status, text }).toEqual({ name, status: 204, text: "" });
  });
  await Promise.all(removals);
  expect([...(await statesOf(engine)).keys()].filter((name) => !stays(name))).toEqual([]);
}

/** Clients of containers that live through all crashes. */
interface Lasting {
  readonly writer: VolumeClient;
  readonly reader: LogClient;
}

async function oneCrash(killed: KilledEngine, round: number, lasting: Lasting): Promise<StartFigures> {
  const { engine } = killed;
  const { writer, reader } = lasting;
  const drawer = (who: string): ReturnType<typeof drawOf> => drawOf(seed, `${round}/${who}`);
  const lives = Array.from(
    { length: lifeClients },
    (_, index) => new LifeClient(killed, `r${round}c${index}`, drawer(`life ${index}`)),
  );
  const works = [...lives.map((client) => client.work()), writer.work(), reader.work(drawer("log"))];
  const work = Promise.all(works);
  // A fault ends the round at once.
  const lifeMs = shortestLifeMs + drawer("killer")(longestLifeMs - shortestLifeMs);
  await Promise.race([pause(lifeMs, "a random moment is the point"), work.then(() => new Promise(() => {}))]);
  await killed.kill();
  await work;
  const figures = await killed.startAgain();
  const states = await statesOf(engine);
  expect({ round, wrong: lives.flatMap((client) => client.wrong(states)) }).toEqual({ round, wrong: [] });
  writer.check();
  await reader.check();
  const lastingNames = [writer.name, reader.name];
  expect(lastingNames.map((name) => states.get(name))).toEqual(["running", "running"]);
  await removeAll(engine, (name) => lastingNames.includes(name));
  return figures;
}

function report(starts: readonly StartFigures[], { writer, reader }: Lasting): void {
  const own = starts.map(({ wallMs, waitedMs }) => wallMs - waitedMs).sort((a, b) => a - b);
  const slowest = Math.max(...starts.map(({ wallMs }) => wallMs));
  const middle = own[Math.floor(own.length / 2)] ?? 0;
  process.stderr.write(
    `crashes under load: ${starts.length}, seed ${seed}; start of an engine: median ${middle.toFixed(0)} ms, slowest ` +
      `${(own.at(-1) ?? 0).toFixed(0)} ms (${slowest.toFixed(0)} ms with the wait for the processor); ` +
      `${writer.acknowledged} acknowledged writes, ${reader.lines} lines followed in ${reader.connections} connections\n`,
  );
  expect(own.at(-1)).toBeLessThan(startLimitMs);
}

test(`${crashes} crashes under load lose nothing and leave nothing`, async () => {
  const starts: StartFigures[] = [];
  try {
    await using engine = await startEngine();
    // A named volume that nobody asks about must still be there at the end; the other is written to all the time.
    await engine.output("run", "--rm", "-v", "precious:/data", "base", "sh", "-c", "echo kept >/data/file");
    await engine.output("run", "--rm", "-v", "ledger:/data", "base", "touch", "/data/lines");
    const before = engine.snapshot();
    const killed = new KilledEngine(engine);
    const writer = new VolumeClient(killed, "lasting-writer", "ledger");
    const reader = new LogClient(killed, "lasting-counter");
    await Promise.all([writer.begin(), reader.begin()]);
    while (starts.length < crashes) starts.push(await oneCrash(killed, starts.length, { writer, reader }));
    report(starts, { writer, reader });
    await removeAll(engine, () => false);
    // What an engine makes ahead of need grows with the load, and begins anew with the next one.
    await killed.kill();
    await killed.startAgain();
    expect(await engine.leftoversOfOthers(before)).toEqual([]);
    expect(await engine.output("run", "--rm", "-v", "precious:/data", "base", "cat", "/data/file")).toBe(
      "kept",
    );
  } catch (thrown) {
    process.stderr.write(`crashes under load: failed in round ${starts.length}, TIFFIN_SEED=${seed}\n`);
    throw thrown;
  }
}, 600_000);
