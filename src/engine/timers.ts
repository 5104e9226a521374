/** Timers that end with the engine, so that none fires into a closed one. */
export interface Timers extends Disposable {
  after(milliseconds: number, work: () => void): void;
}

export function openTimers(): Timers {
  const running = new Set<NodeJS.Timeout>();
  return {
    after(milliseconds, work) {
      const timer = setTimeout(() => {
        running.delete(timer);
        work();
      }, milliseconds);
      running.add(timer);
    },
    [Symbol.dispose]() {
      for (const timer of running) clearTimeout(timer);
      running.clear();
    },
  };
}
