/**
 * A process that was signalled may end, and then its supervisor says so: unless the supervisor is stopped, traced or stuck.
 * This looks whether the process has ended without a word, and then asks the supervisor, wakes it, and kills it, in that
 * order and with a limit for each, so that nobody who waits for the end waits for ever.
 */
import { lateOutputMs } from "../abi/schema.ts";
import { after, type Timer } from "../lib/timer.ts";
import { signalNumbers } from "../linux/signals.ts";

export interface OverdueEndOptions {
  /** Whether the process has ended. */
  readonly ended: () => boolean;
  /** Whether the supervisor answers within so many milliseconds. */
  readonly answers: (limitMs: number) => Promise<boolean>;
  readonly signalSupervisor: (number: number) => void;
  /** A process that was killed does not end: it may wait for those that other supervisors have to reap. */
  readonly wakeOthers: () => void;
  /** Called before the supervisor is killed: what is known of the end goes with it. */
  readonly beforeKill: () => void;
  /** Not even a kill has ended the supervisor. */
  readonly giveUp: () => void;
}

const firstLookMs = 250;
/** A process that was killed and is there after such a pause waits for something. */
const killedPauseMs = 500;
const longestPauseMs = 30_000;
/** A supervisor answers within microseconds; a busy machine may let it wait. */
const answerLimitMs = 2000;
/** After it was told to go on, it has all output to write first. */
const wakeLimitMs = lateOutputMs + 2000;
const killLimitMs = 5000;

export class OverdueEnd implements Disposable {
  readonly #options: OverdueEndOptions;
  #timer: Timer | undefined;
  #asking = false;
  #killed = false;
  #over = false;

  constructor(options: OverdueEndOptions) {
    this.#options = options;
  }

  /** Looks soon, and again in growing pauses until it is disposed of. `killed`: the process must end. */
  watch(killed: boolean): void {
    this.#killed ||= killed;
    if (!this.#asking) this.#lookIn(firstLookMs);
  }

  [Symbol.dispose](): void {
    this.#over = true;
    this.#timer?.cancel();
  }

  #lookIn(pauseMs: number): void {
    this.#timer?.cancel();
    if (this.#over) return;
    const look = (): void => {
      if (this.#options.ended()) {
        void this.#ask(pauseMs);
        return;
      }
      if (this.#killed && pauseMs >= killedPauseMs) this.#options.wakeOthers();
      this.#lookIn(Math.min(pauseMs * 2, longestPauseMs));
    };
    this.#timer = after(pauseMs, look, { background: true });
  }

  async #ask(pauseMs: number): Promise<void> {
    const { answers, signalSupervisor, beforeKill, giveUp } = this.#options;
    this.#asking = true;
    try {
      const awake = await answers(answerLimitMs);
      if (!awake && !this.#over) signalSupervisor(signalNumbers.SIGCONT);
      if (awake || (await answers(wakeLimitMs))) {
        // It has not forgotten: clients still take what the process has written.
        this.#lookIn(pauseMs);
        return;
      }
    } finally {
      this.#asking = false;
    }
    if (this.#over) return;
    this.#asking = true;
    beforeKill();
    signalSupervisor(signalNumbers.SIGKILL);
    this.#timer = after(killLimitMs, giveUp, { background: true });
  }
}
