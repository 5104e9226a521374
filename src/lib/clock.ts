/** The only place that reads the clock, so that everything else can be given a time. */
export function nowMs(): number {
  return Date.now();
}

/** Monotonic milliseconds, for durations. */
export function monotonicMs(): number {
  return performance.now();
}
