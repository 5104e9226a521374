/** How one build gets on, kept as long as it runs: who asks late hears all of it. */
import type { StatusResponse } from "../../buildkit/mod.ts";

/** Of what programs write, this much is told to who comes late; what is told at once is told whole. */
const limitKeptBytes = 16 * 1024 * 1024;

export class ProgressLog {
  #kept: StatusResponse[] = [];
  #keptBytes = 0;
  /** How many were forgotten. */
  #forgotten = 0;
  #over = false;
  readonly #waiting = new Set<() => void>();

  push(status: StatusResponse): void {
    this.#kept.push(status);
    for (const { bytes } of status.logs) this.#keptBytes += bytes.length;
    while (this.#keptBytes > limitKeptBytes) {
      const oldest = this.#kept.shift();
      if (oldest === undefined) break;
      this.#forgotten += 1;
      for (const { bytes } of oldest.logs) this.#keptBytes -= bytes.length;
    }
    this.#wake();
  }

  end(): void {
    this.#over = true;
    this.#wake();
  }

  /** From the beginning until the end of the build. */
  async *read(signal: AbortSignal): AsyncGenerator<StatusResponse> {
    let at = 0;
    for (;;) {
      if (signal.aborted) return;
      at = Math.max(at, this.#forgotten);
      const fresh = this.#kept.slice(at - this.#forgotten);
      if (fresh.length > 0) {
        at += fresh.length;
        yield joined(fresh);
      } else if (this.#over) return;
      else await this.#change(signal);
    }
  }

  async #change(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    const stop = (): void => resolve();
    signal.addEventListener("abort", stop, { once: true });
    await promise;
    signal.removeEventListener("abort", stop);
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/** Several as one: what has come in between is one message. */
function joined(all: readonly StatusResponse[]): StatusResponse {
  return {
    vertexes: all.flatMap(({ vertexes }) => vertexes),
    statuses: all.flatMap(({ statuses }) => statuses),
    logs: all.flatMap(({ logs }) => logs),
    warnings: all.flatMap(({ warnings }) => warnings),
  };
}
