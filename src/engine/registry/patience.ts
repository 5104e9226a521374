/** Waiting that can be called off, and answers that come too slowly. */
import { monotonicMs } from "../../lib/clock.ts";
import { after, every } from "../../lib/timer.ts";
import type { RegistryLimits } from "./contract.ts";
import { StalledError } from "./failure.ts";

/** Resolves after so many milliseconds, or when `signal` says so. */
export async function pauseFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  using _timer = after(milliseconds, resolve);
  const stop = (): void => resolve();
  signal.addEventListener("abort", stop, { once: true });
  await promise;
  signal.removeEventListener("abort", stop);
}

const looksPerWindow = 4;

/**
 * Watches how bytes come in. Only the time in which somebody waits for them counts: a receiver that takes its time is no
 * stalled line. Calls `stalled` once.
 */
export class LineWatch implements Disposable {
  readonly #limits: RegistryLimits;
  readonly #timer: Disposable;
  #waitingSinceMs: number | undefined;
  #lastByteMs = 0;
  #waitedMs = 0;
  #windowBytes = 0;

  constructor(limits: RegistryLimits, stalled: (error: StalledError) => void) {
    this.#limits = limits;
    const look = (): void => {
      const why = this.#whyStalled();
      if (why === undefined) return;
      this[Symbol.dispose]();
      stalled(new StalledError(why));
    };
    this.#timer = every(Math.max(1, limits.stallMs / looksPerWindow), look, { background: true });
  }

  /** Somebody begins to wait for bytes. */
  wait(): void {
    const now = monotonicMs();
    this.#waitingSinceMs = now;
    this.#lastByteMs = now;
  }

  /** They are there. */
  arrived(bytes: number): void {
    this.#waitedMs += monotonicMs() - (this.#waitingSinceMs ?? monotonicMs());
    this.#waitingSinceMs = undefined;
    this.#windowBytes += bytes;
  }

  #whyStalled(): string | undefined {
    const { stallMs, slowestBytesPerSecond } = this.#limits;
    const now = monotonicMs();
    const waiting = this.#waitingSinceMs === undefined ? 0 : now - this.#waitingSinceMs;
    if (this.#waitingSinceMs !== undefined && now - this.#lastByteMs >= stallMs) {
      return `no byte came for ${seconds(stallMs)}`;
    }
    const waited = this.#waitedMs + waiting;
    if (waited < stallMs) return undefined;
    const bytes = this.#windowBytes;
    this.#waitedMs = 0;
    this.#windowBytes = 0;
    if (this.#waitingSinceMs !== undefined) this.#waitingSinceMs = now;
    if (bytes * 1000 >= slowestBytesPerSecond * waited) return undefined;
    return `only ${bytes} bytes came in ${seconds(waited)}`;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }
}

export function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 100) / 10} s`;
}
