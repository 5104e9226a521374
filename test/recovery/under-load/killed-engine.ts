/** An engine that is going to be killed, and its clients know from which moment on a request may fail for that. */
import { readFileSync } from "node:fs";
import type { HttpResult, TestEngine } from "../../support/engine-harness.ts";

/** What the start of an engine took. */
export interface StartFigures {
  readonly wallMs: number;
  /** Of that, how long it was ready to run and another had the processor. */
  readonly waitedMs: number;
}

export class KilledEngine {
  readonly engine: TestEngine;
  #killed = false;

  constructor(engine: TestEngine) {
    this.engine = engine;
  }

  get killed(): boolean {
    return this.#killed;
  }

  /** Undefined when the engine was killed before it answered. Whatever else is no answer is a fault, and so is a 5xx. */
  async ask(method: string, path: string, body?: unknown): Promise<HttpResult | undefined> {
    let answer: HttpResult;
    try {
      answer = await this.engine.http(method, path, body);
    } catch (thrown) {
      if (this.#killed) return undefined;
      throw new Error(`${method} ${path}: no answer from an engine that nobody has killed`, {
        cause: thrown,
      });
    }
    if (answer.status >= 500) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer;
  }

  async kill(): Promise<void> {
    this.#killed = true;
    await this.engine.crash();
  }

  async startAgain(): Promise<StartFigures> {
    const begun = performance.now();
    await this.engine.start();
    const wallMs = performance.now() - begun;
    const [, waitedNs = 0] = readFileSync(`/proc/${this.engine.pid}/schedstat`, "utf8")
      .split(" ")
      .map(Number);
    this.#killed = false;
    return { wallMs, waitedMs: waitedNs / 1e6 };
  }
}
