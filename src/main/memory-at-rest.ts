/**
 * What an engine used while it worked goes back to the machine when it rests: the runtime's collector leaves tens of megabytes of
 * garbage lying for as long as nothing new is wanted, which is the rest of an engine's quiet day.
 */
import { monotonicMs } from "../lib/clock.ts";
import { after, type Timer } from "../lib/timer.ts";

/** So long nothing has happened: whoever works by hand or by script is not met by a collection between two commands. */
const defaultQuietMs = 5000;
/** A collection beside the work wants the work to go on; of an engine at rest every second one does not come about. */
const defaultBesideMs = 2000;
/** Less than this over what was in use when the work began is not worth a collection. */
const worthwhile = 1.05;

export interface MemoryUse {
  usedBytes(): number;
  /** Beside what the engine does meanwhile, but for a moment at its ends; or at once, and nothing else is done until then. */
  collect(how: "beside" | "at once"): void;
}

const ofThisProcess: MemoryUse = {
  usedBytes: () => process.memoryUsage.rss(),
  collect: (how) => Bun.gc(how === "at once"),
};

export class MemoryAtRest implements Disposable {
  readonly #memory: MemoryUse;
  readonly #quietMs: number;
  readonly #besideMs: number;
  #lastMs = 0;
  #collectedMs = Number.NEGATIVE_INFINITY;
  /** What was in use when the engine was last at rest. */
  #keptBytes = 0;
  /** Set from the first thing that happens until the next rest. */
  #timer: Timer | undefined;
  #insists: Timer | undefined;

  constructor(memory: MemoryUse = ofThisProcess, quietMs = defaultQuietMs, besideMs = defaultBesideMs) {
    this.#memory = memory;
    this.#quietMs = quietMs;
    this.#besideMs = besideMs;
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
    this.#insists?.cancel();
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
    this.#collect("beside");
    this.#insists = after(this.#besideMs, () => this.#insist(), { background: true });
  }

  #insist(): void {
    const isAtRest = this.#timer === undefined;
    if (isAtRest && this.#memory.usedBytes() > this.#keptBytes * worthwhile) this.#collect("at once");
  }

  #collect(how: "beside" | "at once"): void {
    this.#collectedMs = monotonicMs();
    this.#memory.collect(how);
  }
}
