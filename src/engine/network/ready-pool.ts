/**
 * Things made ahead of need. `take` never waits: it gives what is there. After a take the pool is filled up one
 * piece per turn, a moment later, so that making the next one does not delay the start that took this one. The
 * target follows the demand: it doubles when a take finds nothing and halves when a while nobody came.
 */
import { monotonicMs } from "../../lib/clock.ts";
import { after, type Timer } from "../../lib/timer.ts";

export interface ReadyPoolOptions<T> {
  readonly minimum: number;
  readonly maximum: number;
  /** Between a take and making the next piece, unless `refillNow` comes first: longer than a start takes. */
  readonly refillDelayMs: number;
  /** A quiet time after which the target shrinks. */
  readonly quietMs: number;
  make(): T;
  discard(piece: T): void;
}

export class ReadyPool<T> {
  readonly #options: ReadyPoolOptions<T>;
  #ready: T[] = [];
  #target: number;
  #timer: Timer | undefined;
  #quietTimer: Timer | undefined;
  #lastTakeMs: number;
  #closed = false;

  constructor(options: ReadyPoolOptions<T>) {
    this.#options = options;
    this.#target = options.minimum;
    this.#lastTakeMs = monotonicMs();
  }

  get size(): number {
    return this.#ready.length;
  }

  get pieces(): readonly T[] {
    return this.#ready;
  }

  get target(): number {
    return this.#target;
  }

  /** A ready piece (the first that `fits`); undefined when there is none. */
  take(fits: (piece: T) => boolean = () => true): T | undefined {
    const index = this.#ready.findIndex(fits);
    this.#lastTakeMs = monotonicMs();
    if (this.#ready.length === 0) this.#target = Math.min(this.#target * 2, this.#options.maximum);
    this.refill();
    return index < 0 ? undefined : this.#ready.splice(index, 1)[0];
  }

  /** Takes a piece that is as good as new; false when there are enough. */
  giveBack(piece: T): boolean {
    if (this.#closed || this.#ready.length >= this.#options.maximum) return false;
    this.#ready.push(piece);
    this.#watchForQuiet();
    return true;
  }

  /** Sees to it that the pool fills up soon. */
  refill(): void {
    if (this.#closed) return;
    // Every take pushes the work back, but a steady stream of them must not starve it.
    this.#timer ??= this.#schedule(this.#options.refillDelayMs, () => this.#turn());
  }

  /** Fills the pool up from the next turn of the event loop on. */
  refillNow(): void {
    if (this.#closed || this.#ready.length >= this.#target) return;
    this.#timer?.cancel();
    this.#timer = this.#schedule(0, () => this.#turn());
  }

  /** Throws everything away; it fills up again. */
  clear(): void {
    for (const piece of this.#ready) this.#options.discard(piece);
    this.#ready = [];
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#quietTimer?.cancel();
    this.#timer = undefined;
    this.#quietTimer = undefined;
    this.clear();
  }

  #schedule(delayMs: number, work: () => void): Timer {
    return after(delayMs, work, { background: true });
  }

  #turn(): void {
    this.#timer = undefined;
    if (this.#ready.length < this.#target && this.#makeOne() && this.#ready.length < this.#target) {
      this.#timer = this.#schedule(0, () => this.#turn());
      return;
    }
    this.#watchForQuiet();
  }

  /** A timer of its own: the long wait for quiet must not hold up a refill. */
  #watchForQuiet(): void {
    if (this.#target <= this.#options.minimum && this.#ready.length <= this.#target) return;
    this.#quietTimer ??= this.#schedule(this.#options.quietMs, () => {
      this.#quietTimer = undefined;
      this.#shrinkWhenQuiet();
      this.#watchForQuiet();
    });
  }

  /** False when it failed: the next take tries again at once and reports why. */
  #makeOne(): boolean {
    try {
      this.#ready.push(this.#options.make());
      return true;
    } catch {
      return false;
    }
  }

  #shrinkWhenQuiet(): void {
    if (monotonicMs() - this.#lastTakeMs < this.#options.quietMs) return;
    this.#target = Math.max(this.#options.minimum, Math.floor(this.#target / 2));
    while (this.#ready.length > this.#target) {
      const piece = this.#ready.pop();
      if (piece !== undefined) this.#options.discard(piece);
    }
  }
}
