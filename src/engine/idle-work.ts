/**
 * Work that makes later requests faster and that no request waits for. It runs once, a moment after it was asked
 * for, however often it was asked for in between; so replies leave first, and steady load cannot starve it.
 */
export interface IdleWork extends Disposable {
  /** Asks for the work to be done soon. */
  soon(): void;
}

/** `work` runs `delayMs` after the first `soon` since it last ran; its failure goes to `report`. */
export function idleWork(delayMs: number, work: () => void, report: (thrown: unknown) => void): IdleWork {
  let timer: NodeJS.Timeout | undefined;
  return {
    soon() {
      timer ??= setTimeout(() => {
        timer = undefined;
        try {
          work();
        } catch (thrown) {
          report(thrown);
        }
      }, delayMs);
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
