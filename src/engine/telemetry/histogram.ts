/** How often something took how long, in buckets whose limits are chosen once: what it costs does not grow with what it sees. */

export interface HistogramSample {
  /** How many were at most this long; in rising order, without the last bucket, which has no limit. */
  readonly buckets: readonly (readonly [limit: number, count: number])[];
  readonly count: number;
  readonly sum: number;
}

export class Histogram {
  readonly #limits: readonly number[];
  readonly #counts: number[];
  #count = 0;
  #sum = 0;

  constructor(limits: readonly number[]) {
    this.#limits = limits;
    this.#counts = limits.map(() => 0);
  }

  observe(value: number): void {
    this.#count += 1;
    this.#sum += value;
    const index = this.#limits.findIndex((limit) => value <= limit);
    if (index !== -1) this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  sample(): HistogramSample {
    let below = 0;
    const buckets = this.#limits.map((limit, index) => {
      below += this.#counts[index] ?? 0;
      return [limit, below] as const;
    });
    return { buckets, count: this.#count, sum: this.#sum };
  }
}
