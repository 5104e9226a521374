/**
 * The only place that sets timers. The runtime's own end at 2^31 - 1 milliseconds (24.8 days) and fire at once beyond
 * it, so a number that comes from outside must never reach them; these take any number of milliseconds.
 */

/** Longest time that the runtime's timer takes. */
const longestMs = 2 ** 31 - 1;

export interface Timer extends Disposable {
  cancel(): void;
}

export interface TimerOptions {
  /** Does not keep the process from ending by itself. */
  readonly background?: boolean;
}

function checked(milliseconds: number): number {
  if (Number.isNaN(milliseconds)) throw new RangeError("a timer for NaN milliseconds");
  return Math.max(0, milliseconds);
}

/** Calls `work` once, after so many milliseconds; Infinity is never. */
export function after(milliseconds: number, work: () => void, options: TimerOptions = {}): Timer {
  const dueMs = performance.now() + checked(milliseconds);
  let timer: NodeJS.Timeout | undefined;
  const arm = (leftMs: number): void => {
    timer = setTimeout(
      () => {
        const nextMs = dueMs - performance.now();
        // Timers may fire a fraction early; only those that were cut in pieces look again.
        if (leftMs > longestMs && nextMs > 0) arm(nextMs);
        else work();
      },
      Math.min(leftMs, longestMs),
    );
    if (options.background === true) timer.unref();
  };
  arm(checked(milliseconds));
  const cancel = (): void => clearTimeout(timer);
  return { cancel, [Symbol.dispose]: cancel };
}

/** Calls `work` again and again, with so many milliseconds in between. */
export function every(milliseconds: number, work: () => void, options: TimerOptions = {}): Timer {
  const timer = setInterval(work, Math.min(checked(milliseconds), longestMs));
  if (options.background === true) timer.unref();
  const cancel = (): void => clearInterval(timer);
  return { cancel, [Symbol.dispose]: cancel };
}

/** Resolves after so many milliseconds. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    after(milliseconds, resolve);
  });
}

/** Whether `settled` resolves within so many milliseconds; its rejection is passed on. */
export async function within(settled: Promise<unknown>, limitMs: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  using _timer = after(limitMs, () => resolve(false));
  return await Promise.race([settled.then(() => true), late]);
}
