/**
 * A client that follows the log of a container that counts: within one connection no number is missing and none comes
 * twice, and after the crash the log has all that anybody has seen.
 */
import { expect } from "bun:test";
import { FrameDecoder, frameTypes } from "../../../src/docker/framing.ts";
import type { Draw } from "../../support/seeded-random.ts";
import type { KilledEngine } from "./killed-engine.ts";

type ByteReader = Pick<ReadableStreamDefaultReader<Uint8Array>, "read">;

/** In bursts, and for ever. */
const counting = [
  "i=0",
  "while :; do",
  "  for n in 1 2 3 4 5 6 7 8 9 10; do i=$((i+1)); echo $i; done",
  "  sleep 0.02",
  "done",
].join("\n");

const fewest = 10;
const more = 400;

export class LogClient {
  readonly #engine: KilledEngine;
  readonly name: string;
  #highest = 0;
  #connections = 0;

  constructor(engine: KilledEngine, name: string) {
    this.#engine = engine;
    this.name = name;
  }

  get connections(): number {
    return this.#connections;
  }

  /** How far somebody has read. */
  get lines(): number {
    return this.#highest;
  }

  /** Starts the container, which lives through all crashes. */
  async begin(): Promise<void> {
    const created = await this.#engine.ask("POST", `/containers/create?name=${this.name}`, {
      Image: "base",
      Cmd: ["sh", "-c", counting],
      HostConfig: { NetworkMode: "none" },
    });
    expect(created?.status).toBe(201);
    expect((await this.#engine.ask("POST", `/containers/${this.name}/start`))?.status).toBe(204);
  }

  /** Follows, again and again, until the engine is killed. */
  async work(draw: Draw): Promise<void> {
    while (!this.#engine.killed) await this.#follow(draw);
  }

  /** After the crash: a new reader is given everything, from the first line on. */
  async check(): Promise<void> {
    const numbers: number[] = [];
    await this.#read("", (number) => {
      numbers.push(number);
      return true;
    });
    expect(numbers.length).toBeGreaterThanOrEqual(this.#highest);
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  }

  /** One connection, from the first line or from near the end, for some lines. */
  async #follow(draw: Draw): Promise<void> {
    this.#connections += 1;
    const all = draw(2) === 0;
    let wanted = fewest + draw(more);
    let last: number | undefined;
    await this.#read(`&follow=1&tail=${all ? "all" : draw(fewest)}`, (number) => {
      const follows = last === undefined ? !all || number === 1 : number === last + 1;
      if (!follows) throw new Error(`${this.name}: ${number} came after ${last ?? "nothing"}`);
      last = number;
      this.#highest = Math.max(this.#highest, number);
      wanted -= 1;
      return wanted > 0;
    });
  }

  /** Gives the numbers until there are none or `take` has enough. */
  async #read(query: string, take: (number: number) => boolean): Promise<void> {
    const leaving = new AbortController();
    let rest = "";
    let enough = false;
    const decoder = new FrameDecoder({
      part(type, piece) {
        if (type !== frameTypes.stdout || enough) return;
        const lines = (rest + new TextDecoder().decode(piece)).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (!enough) enough = !take(Number(line));
      },
      control(type) {
        throw new Error(`frame of type ${type} in a log`);
      },
    });
    try {
      for await (const chunk of this.#chunks(query, leaving.signal)) {
        decoder.push(chunk);
        if (enough) return;
      }
    } finally {
      leaving.abort();
    }
  }

  /** The bytes of the log, until its end or that of the engine. */
  async *#chunks(query: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    let reader: ByteReader | undefined;
    for (;;) {
      let piece: Uint8Array | undefined;
      try {
        reader ??= await this.#open(query, signal);
        piece = (await reader.read()).value;
      } catch (thrown) {
        if (this.#engine.killed) return;
        throw new Error(`${this.name}: its log broke off, and nobody has killed the engine`, {
          cause: thrown,
        });
      }
      if (piece === undefined) {
        if (!query.includes("follow") || this.#engine.killed) return;
        throw new Error(`${this.name}: its log ended, and the container runs`);
      }
      yield piece;
    }
  }

  async #open(query: string, signal: AbortSignal): Promise<ByteReader> {
    const response = await fetch(`http://localhost/containers/${this.name}/logs?stdout=1${query}`, {
      unix: this.#engine.engine.socket,
      signal,
    });
    if (response.status !== 200 || response.body === null) throw new Error(`status ${response.status}`);
    return response.body.getReader();
  }
}
