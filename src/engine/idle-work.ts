/**
 * Work that makes later requests faster and that no request waits for. It runs once, at the earliest of the moments
 * that were asked for; so replies leave first, and steady load cannot starve it.
 */
import { monotonicMs } from "../lib/clock.ts";
import { after, type Timer } from "../lib/timer.ts";

export interface IdleWork extends Disposable {
  /** Asks for the work to be done `delayMs` from now at the latest. */
  within(delayMs: number): void;
}

/** The failure of `work` goes to `report`. */
export function idleWork(work: () => void, report: (thrown: unknown) => void): IdleWork {
  let timer: Timer | undefined;
  let dueMs = Number.POSITIVE_INFINITY;
  const run = (): void => {
    timer = undefined;
    dueMs = Number.POSITIVE_INFINITY;
    try {
      work();
    } catch (thrown) {
      report(thrown);
    }
  };
  return {
    within(delayMs) {
      const wanted = monotonicMs() + delayMs;
      if (wanted >= dueMs) return;
      timer?.cancel();
      dueMs = wanted;
      timer = after(delayMs, run);
    },
    [Symbol.dispose]() {
      timer?.cancel();
      timer = undefined;
      // Nothing asked for from here on is done.
      dueMs = Number.NEGATIVE_INFINITY;
    },
  };
}

/** After a reply, when the next request is the only thing to come. */
export const afterReplyMs = 1;
/** After a start: the program may end in a moment, and then its end comes first. */
export const afterStartMs = 25;
