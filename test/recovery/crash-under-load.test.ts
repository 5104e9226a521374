/**
 * SIGKILL of the engine at random moments under six clients that create, start, exec into, stop and remove. After each start
 * everything that was answered holds: what was created is there, what was removed is gone; at the end nothing is left.
 *
 *   TIFFIN_CRASHES=100 bun test test/recovery/crash-under-load.test.ts      (TIFFIN_SEED=n repeats a run's moments)
 */
import { expect, test } from "bun:test";
import { type HttpResult, startEngine, type TestEngine } from "../support/engine-harness.ts";
import { pause } from "../support/until.ts";

const crashes = Number(process.env["TIFFIN_CRASHES"] ?? 12);
const seed = Number(process.env["TIFFIN_SEED"] ?? 20_261);
const clients = 6;
const longestLifeMs = 400;
/** Ten times what is aimed at: a busy machine is no fault. */
const startLimitMs = 20_000;

function randomOf(start: number): (below: number) => number {
  let state = start;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

/** What clients know of a container. A request without an answer leaves it open. */
type Known = "there" | "gone" | "open";

class Client {
  readonly known = new Map<string, Known>();
  readonly #engine: TestEngine;
  readonly #label: string;
  readonly #random: (below: number) => number;
  #count = 0;

  constructor(engine: TestEngine, label: string, random: (below: number) => number) {
    this.#engine = engine;
    this.#label = label;
    this.#random = random;
  }

  /** Works until the engine is gone. */
  async work(): Promise<void> {
    for (;;) {
      this.#count += 1;
      const name = `${this.#label}-${this.#count}`;
      this.known.set(name, "open");
      const script = ["sleep 0.05", "sleep 1000", "exit 3"][this.#random(3)] ?? "";
      const created = await this.#ask("POST", `/containers/create?name=${name}`, {
        Image: "base",
        Cmd: ["sh", "-c", script],
        HostConfig: { NetworkMode: this.#random(2) === 0 ? "none" : "bridge" },
        Volumes: { "/data": {} },
      });
      if (created === undefined) return;
      expect(created.status).toBe(201);
      this.known.set(name, "there");
      if ((await this.#ask("POST", `/containers/${name}/start`)) === undefined) return;
      if (!(await this.#exec(name))) return;
      if (this.#random(2) === 0 && (await this.#ask("POST", `/containers/${name}/stop?t=0`)) === undefined)
        return;
      if (this.#random(3) === 0) continue;
      this.known.set(name, "open");
      const removed = await this.#ask("DELETE", `/containers/${name}?force=1&v=1`);
      if (removed === undefined) return;
      expect(removed.status).toBe(204);
      this.known.set(name, "gone");
    }
  }

  async #exec(name: string): Promise<boolean> {
    const made = await this.#ask("POST", `/containers/${name}/exec`, { Cmd: ["true"] });
    if (made === undefined) return false;
    if (made.status !== 201) return true;
    const { Id } = made.json() as { readonly Id: string };
    return (await this.#ask("POST", `/exec/${Id}/start`, { Detach: true })) !== undefined;
  }

  /** Undefined when the engine went before it answered. No answer is a fault of the engine. */
  async #ask(method: string, path: string, body?: unknown): Promise<HttpResult | undefined> {
    let answer: HttpResult;
    try {
      answer = await this.#engine.http(method, path, body);
    } catch {
      return undefined;
    }
    if (answer.status >= 500) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer;
  }
}

async function names(engine: TestEngine): Promise<Set<string>> {
  const listed = (await engine.http("GET", "/containers/json?all=1")).json() as {
    readonly Names: string[];
  }[];
  return new Set(listed.map(({ Names }) => (Names[0] ?? "").slice(1)));
}

test(`${crashes} crashes under ${clients} clients lose nothing and leave nothing`, async () => {
  const random = randomOf(seed);
  await using engine = await startEngine();
  // A named volume that nobody asks about must still be there at the end.
  await engine.output("run", "--rm", "-v", "precious:/data", "base", "sh", "-c", "echo kept >/data/file");
  const before = engine.snapshot();
  let slowestMs = 0;
  for (let round = 0; round < crashes; round += 1) {
    const working = Array.from(
      { length: clients },
      (_, index) => new Client(engine, `r${round}c${index}`, random),
    );
    const work = Promise.all(working.map(async (client) => await client.work()));
    await pause(20 + random(longestLifeMs), "a random moment is the point");
    await engine.crash();
    await work;
    const begun = performance.now();
    await engine.start();
    const startMs = performance.now() - begun;
    slowestMs = Math.max(slowestMs, startMs);
    expect(startMs).toBeLessThan(startLimitMs);
    const found = await names(engine);
    for (const { known } of working) {
      const wrong = [...known].filter(
        ([name, knows]) => (knows === "there" && !found.has(name)) || (knows === "gone" && found.has(name)),
      );
      expect({ round, wrong }).toEqual({ round, wrong: [] });
    }
    const removals = [...found].map(async (name) => {
      const { status, text } = await engine.http("DELETE", `/containers/${name}?force=1&v=1`);
      expect({ name, status, text }).toEqual({ name, status: 204, text: "" });
    });
    await Promise.all(removals);
    expect([...(await names(engine))]).toEqual([]);
  }
  process.stderr.write(
    `crashes under load: ${crashes}, seed ${seed}, slowest start ${Math.round(slowestMs)} ms\n`,
  );
  expect(await engine.leftovers({ ...before, descriptors: engine.snapshot().descriptors })).toEqual([]);
  expect(await engine.output("run", "--rm", "-v", "precious:/data", "base", "cat", "/data/file")).toBe(
    "kept",
  );
}, 600_000);
