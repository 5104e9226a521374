/**
 * What happened, told to whoever listens inside this process. Typed, synchronous, and without a queue: a
 * listener that is slow or throws harms nobody (its error goes to the reporter given at construction). A short
 * history serves clients that ask for events since a moment.
 */
import { nowMs } from "../../lib/clock.ts";

export type EventType = "container" | "image" | "network" | "volume" | "daemon";

export interface EngineEvent {
  readonly type: EventType;
  /** Docker's verb: create, start, die, kill, oom, stop, destroy, rename, attach, detach, exec_create: ... */
  readonly action: string;
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly timeMs: number;
  /** Nanoseconds since 1970, later than that of every event before it. */
  readonly timeNs: bigint;
}

const historyLength = 256;

export class EventBus {
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  readonly #history: EngineEvent[] = [];
  #lastNs = 0n;
  readonly #report: (thrown: unknown) => void;

  constructor(report: (thrown: unknown) => void) {
    this.#report = report;
  }

  emit(type: EventType, action: string, id: string, attributes: Readonly<Record<string, string>> = {}): void {
    const timeMs = nowMs();
    const now = BigInt(timeMs) * 1_000_000n;
    this.#lastNs = now > this.#lastNs ? now : this.#lastNs + 1n;
    const event: EngineEvent = { type, action, id, attributes, timeMs, timeNs: this.#lastNs };
    this.#history.push(event);
    if (this.#history.length > historyLength) this.#history.shift();
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (thrown) {
        this.#report(thrown);
      }
    }
  }

  /** The listener hears every later event until the result is disposed. */
  subscribe(listener: (event: EngineEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** Remembered events from `sinceNs` on, oldest first. */
  since(sinceNs: bigint): readonly EngineEvent[] {
    return this.#history.filter((event) => event.timeNs >= sinceNs);
  }
}
