/**
 * Long work in slices: lets the event loop serve others in between. A promise that is resolved already does not do that,
 * and going round the loop after each slice would cost more than small slices.
 */
import { nowMs } from "./clock.ts";

const turnMs = 4;

export class Breather {
  #sinceMs = nowMs();

  /** Call it after each slice. */
  async breathe(): Promise<void> {
    if (nowMs() - this.#sinceMs < turnMs) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#sinceMs = nowMs();
  }
}
