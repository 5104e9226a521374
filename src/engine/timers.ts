/** Timers that end with the engine, so that none fires into a closed one. */
import { after, type Timer } from "../lib/timer.ts";

export interface Timers extends Disposable {
  after(milliseconds: number, work: () => void): Timer;
}

export function openTimers(): Timers {
  const running = new Set<Timer>();
  return {
    after(milliseconds, work) {
      const timer = after(milliseconds, () => {
        running.delete(handle);
        work();
      });
      const cancel = (): void => {
        running.delete(handle);
        timer.cancel();
      };
      const handle: Timer = { cancel, [Symbol.dispose]: cancel };
      running.add(handle);
      return handle;
    },
    [Symbol.dispose]() {
      for (const timer of [...running]) timer.cancel();
    },
  };
}
