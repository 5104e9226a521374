/**
 * What an engine used while it worked goes back to the machine when it rests: the runtime's collector leaves tens of megabytes of
 * garbage lying for as long as nothing new is wanted, which is the rest of an engine's quiet day.
 */
import { monotonicMs } from "../lib/clock.ts";
import { after, type Timer } from "../lib/timer.ts";

/** So long nothing has happened: whoever works by hand or by script is not met by a collection between two commands. */
const defaultQuietMs = 5000;
/** What is collected is given back after this part of such a time. */
const settleShare = 0.4;
/** Less than this over what stayed last time is not worth a collection. */
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
  /** What was in use after the last collection. */
  #keptBytes = 0;
  #timer: Timer | undefined;

  constructor(memory: MemoryUse = ofThisProcess, quietMs = defaultQuietMs) {
    this.#memory = memory;
    this.#quietMs = quietMs;
  }

  /** Something has happened. */
  heard(): void {
    this.#lastMs = monotonicMs();
    this.#timer ??= this.#waitFor(this.#quietMs);
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
  }

  #waitFor(ms: number): Timer {
    return after(ms, () => this.#look(), { background: true });
  }

  #look(): void {
    const leftMs = this.#lastMs + this.#quietMs - monotonicMs();
    this.#timer = leftMs > 0 ? this.#waitFor(leftMs) : this.#rest();
  }

  #rest(): Timer | undefined {
    if (this.#memory.usedBytes() <= this.#keptBytes * worthwhile) return undefined;
    const began = monotonicMs();
    this.#memory.collect();
    return after(this.#quietMs * settleShare, () => this.#settled(began), { background: true });
  }

  #settled(began: number): void {
    this.#keptBytes = this.#memory.usedBytes();
    // Work that came in between has left something again.
    this.#timer = this.#lastMs > began ? this.#waitFor(this.#quietMs) : undefined;
  }
}
