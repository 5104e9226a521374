/**
 * What an engine used while it worked goes back to the machine when it rests: the runtime's collector leaves tens of megabytes of
 * garbage lying for as long as nothing new is wanted, which is the rest of an engine's quiet day.
 */
import { monotonicMs } from "../lib/clock.ts";
import { after, type Timer } from "../lib/timer.ts";

/** So long nothing has happened: whoever works by hand or by script is not met by a collection between two commands. */
const defaultQuietMs = 5000;
/** Less than this over what was in use when the work began is not worth a collection. */
const worthwhile = 1.05;

export interface MemoryUse {
  usedBytes(): number;
  collect(): void;
}

const ofThisProcess: MemoryUse = {
  usedBytes: () => process.memoryUsage.rss(),
  // Beside what the engine does meanwhile, but for a moment at its ends.
  collect: () => Bun.gc(false),
};

export class MemoryAtRest implements Disposable {
  readonly #memory: MemoryUse;
  readonly #quietMs: number;
  #lastMs = 0;
  #collectedMs = Number.NEGATIVE_INFINITY;
  /** What was in use when the engine was last at rest. */
  #keptBytes = 0;
  /** Set from the first thing that happens until the next rest. */
  #timer: Timer | undefined;

  constructor(memory: MemoryUse = ofThisProcess, quietMs = defaultQuietMs) {
    this.#memory = memory;
    this.#quietMs = quietMs;
  }

  /** Something has happened. */
  heard(): void {
    this.#lastMs = monotonicMs();
    if (this.#timer !== undefined) return;
    // What is collected goes back little by little.
    if (this.#lastMs > this.#collectedMs + this.#quietMs) this.#keptBytes = this.#memory.usedBytes();
    this.#lookIn(this.#quietMs);
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
  }

  #lookIn(ms: number): void {
    this.#timer = after(ms, () => this.#look(), { background: true });
  }

  #look(): void {
    const leftMs = this.#lastMs + this.#quietMs - monotonicMs();
    if (leftMs > 0) {
      this.#lookIn(leftMs);
      return;
    }
    this.#timer = undefined;
    if (this.#memory.usedBytes() <= this.#keptBytes * worthwhile) return;
    this.#collectedMs = monotonicMs();
    this.#memory.collect();
  }
}
