/**
 * What a start and the commands around it cost beside many containers, images and networks: a cost that grows with what is there is a
 * mistake somewhere. Asked by the API and by the command line of one engine; rows are told with their ratio to the first.
 */
import { own } from "../src/lib/own.ts";
import { EngineApi, timed } from "./engine-api.ts";
import { beginSection, recordFigure } from "./record.ts";
import { type Contestant, median, timeOnce } from "./timing.ts";

export interface FlatEngine {
  readonly socket: string;
  readonly image: string;
  readonly command: (...words: string[]) => Contestant;
  /** Kills the engine and starts another one; milliseconds until that has answered. */
  readonly startAgain: () => Promise<number>;
  readonly rssMb: () => number;
}

export interface Crowd {
  readonly containers: readonly number[];
  readonly images: number;
  readonly networks: number;
  readonly rounds: number;
}

const prefix = "tiffin-bench-f";
const settleMs = 2000;
const deleteAtOnce = 8;

type Figures = ReadonlyMap<string, number>;

class Flat {
  readonly #engine: FlatEngine;
  readonly #api: EngineApi;
  readonly #rounds: number;
  #renamed = 0;

  constructor(engine: FlatEngine, rounds: number) {
    this.#engine = engine;
    this.#api = new EngineApi({ name: "tiffin", socket: engine.socket, image: engine.image });
    this.#rounds = rounds;
  }

  async grow(from: number, to: number): Promise<void> {
    for (let index = from; index < to; index += 1) {
      await this.#api.call("POST", `/containers/create?name=${prefix}${index}`, {
        Image: this.#engine.image,
        Cmd: ["sleep", "100000"],
      });
      await this.#api.start(`${prefix}${index}`);
    }
  }

  async shrink(count: number): Promise<void> {
    const names = Array.from({ length: count }, (_, index) => `${prefix}${index}`);
    while (names.length > 0) {
      const some = names.splice(0, deleteAtOnce);
      await Promise.all(some.map((name) => this.#api.call("DELETE", `/containers/${name}?force=1`)));
    }
  }

  async images(count: number): Promise<() => Promise<void>> {
    const made: string[] = [];
    for (let index = 0; index < count; index += 1) {
      const answer = (await this.#api.call(
        "POST",
        `/commit?container=${prefix}0&repo=${prefix}&tag=${index}&pause=0&changes=${encodeURIComponent(`LABEL n=${index}`)}`,
      )) as { readonly Id: string };
      made.push(answer.Id);
    }
    return async () => {
      for (const id of made) await this.#api.call("DELETE", `/images/${id}?force=1`);
    };
  }

  async networks(count: number): Promise<() => Promise<void>> {
    for (let index = 0; index < count; index += 1)
      await this.#api.call("POST", "/networks/create", { Name: `${prefix}${index}` });
    return async () => {
      for (let index = 0; index < count; index += 1)
        await this.#api.call("DELETE", `/networks/${prefix}${index}`);
    };
  }

  /** Medians of all that is measured, beside what there is now. */
  async measure(): Promise<Figures> {
    const { command, image } = this.#engine;
    const commands: readonly (readonly [name: string, contestant: Contestant])[] = [
      // What the machine itself takes longer beside so many processes.
      ["(a bare true)", { name: "true", command: ["true"] }],
      ["run --rm", command("run", "--rm", image, "true")],
      ["exec", command("exec", `${prefix}0`, "true")],
      ["ps --last 5", command("ps", "--last", "5")],
      ["inspect", command("inspect", `${prefix}0`)],
    ];
    const samples = new Map<string, number[]>();
    const note = (name: string, ms: number): void =>
      void samples.set(name, [...(samples.get(name) ?? []), ms]);
    for (let round = -1; round < this.#rounds; round += 1) {
      for (const [name, contestant] of commands) {
        const took = timeOnce(contestant);
        if (round >= 0) note(name, took);
      }
      const event = await this.#eventMs();
      const exit = await this.#exitMs();
      if (round >= 0) {
        note("event", event);
        note("exit", exit);
      }
    }
    const figures = new Map([...samples].map(([name, values]) => [name, median(values)]));
    // A list of all is longer where there are more: its cost is that of a line.
    figures.set("ps -a", median(await this.#several(() => Promise.resolve(timeOnce(command("ps", "-a"))))));
    return figures;
  }

  async recovery(): Promise<number> {
    return median(await this.#several(() => this.#engine.startAgain(), 3));
  }

  async #several(work: () => Promise<number>, times = this.#rounds): Promise<number[]> {
    const values: number[] = [];
    for (let round = 0; round < times; round += 1) values.push(await work());
    return values;
  }

  /** From a request that changes something to the line of whoever listens. */
  async #eventMs(): Promise<number> {
    const stop = new AbortController();
    const response = await fetch("http://engine/v1.41/events", {
      unix: this.#engine.socket,
      signal: stop.signal,
    });
    const reader = response.body?.getReader();
    const began = performance.now();
    const heard = reader?.read().then(() => performance.now() - began);
    this.#renamed += 1;
    const name = this.#renamed % 2 === 1 ? `${prefix}-renamed` : `${prefix}0`;
    const before = this.#renamed % 2 === 1 ? `${prefix}0` : `${prefix}-renamed`;
    await this.#api.call("POST", `/containers/${before}/rename?name=${name}`);
    const took = (await heard) ?? Number.NaN;
    stop.abort();
    if (name !== `${prefix}0`) {
      this.#renamed += 1;
      await this.#api.call("POST", `/containers/${name}/rename?name=${prefix}0`);
    }
    return took;
  }

  /** From the end of a process to the answer of whoever waits for it. */
  async #exitMs(): Promise<number> {
    const name = `${prefix}-exit`;
    await this.#api.call("POST", `/containers/create?name=${name}`, {
      Image: this.#engine.image,
      Cmd: ["sleep", "100000"],
      HostConfig: { AutoRemove: true },
    });
    await this.#api.start(name);
    const { pid } = await this.#api.inspect(name);
    const waiting = this.#api.call("POST", `/containers/${name}/wait?condition=removed`);
    return await timed(async () => {
      process.kill(pid, "SIGKILL");
      await waiting;
    });
  }
}

/** Of a row's last column: so many times the first, or so much. */
interface Target {
  readonly times?: number;
  readonly most?: number;
}

/** Lists are as long as what they list, and an engine that comes back looks at all it had: these have no target but their own figures. */
const flatRows = ["run --rm", "exec", "ps --last 5", "inspect", "event", "exit"];
const flatTargets: Readonly<Record<string, Target>> = Object.fromEntries(
  flatRows.map((name) => [name, { times: 1.1 }]),
);
const memoryTargets: Readonly<Record<string, Target>> = { RSS: { most: 150 } };

function verdict({ times, most }: Target, values: readonly number[]): string {
  const [first = Number.NaN] = values;
  const last = values.at(-1) ?? Number.NaN;
  if (times !== undefined) return `  ${last <= first * times ? "met" : "MISSED"} (at most ${times} x)`;
  return most === undefined ? "" : `  ${last <= most ? "met" : "MISSED"} (at most ${most})`;
}

function tell(
  title: string,
  unit: string,
  columns: readonly string[],
  rows: ReadonlyMap<string, number[]>,
  targets: Readonly<Record<string, Target>> = {},
): void {
  console.log(`\n${title}\n  ${"".padEnd(16)}${columns.map((column) => column.padStart(18)).join("")}`);
  for (const [name, values] of rows) {
    const [first = Number.NaN] = values;
    const cells = values.map((value, index) => {
      recordFigure({ title, name: `${name}, ${columns[index] ?? ""}`, unit, median: value });
      const ratio = index === 0 ? "" : ` (${(value / first).toFixed(2)} x)`;
      return `${value.toFixed(2)}${ratio}`.padStart(18);
    });
    console.log(`  ${name.padEnd(16)}${cells.join("")}${verdict(own(targets, name) ?? {}, values)}`);
  }
}

function columnsOf(figures: readonly Figures[]): Map<string, number[]> {
  const rows = new Map<string, number[]>();
  for (const each of figures)
    for (const [name, value] of each) rows.set(name, [...(rows.get(name) ?? []), value]);
  return rows;
}

export async function benchFlat(engine: FlatEngine, crowd: Crowd): Promise<void> {
  beginSection("flat");
  const flat = new Flat(engine, crowd.rounds);
  const beside: Figures[] = [];
  const recovered: number[] = [];
  let there = 0;
  try {
    const rss: number[] = [];
    for (const count of crowd.containers) {
      await flat.grow(there, count);
      there = count;
      await Bun.sleep(settleMs);
      rss.push(engine.rssMb());
      beside.push(await flat.measure());
      recovered.push(await flat.recovery());
    }
    const columns = crowd.containers.map((count) => `${count} containers`);
    tell("beside running containers", "ms", columns, columnsOf(beside), flatTargets);
    tell("engine killed and started again", "ms", columns, new Map([["recovery", recovered]]));
    tell("memory of the engine", "MB", columns, new Map([["RSS", rss]]), memoryTargets);
  } finally {
    if (there > 1) await flat.shrink(there);
  }
  await flat.grow(0, 1);
  try {
    for (const [what, count, make] of [
      ["images", crowd.images, () => flat.images(crowd.images)],
      ["networks", crowd.networks, () => flat.networks(crowd.networks)],
    ] as const) {
      const before = [await flat.measure(), await flat.recovery()] as const;
      const takeAway = await make();
      try {
        const after = [await flat.measure(), await flat.recovery()] as const;
        const rows = columnsOf([before[0], after[0]]);
        rows.set("recovery", [before[1], after[1]]);
        tell(`beside ${what}`, "ms", ["as few as can be", `${count} ${what} more`], rows, flatTargets);
      } finally {
        await takeAway();
      }
    }
  } finally {
    await flat.shrink(1);
  }
}
