/** A log as a sequence of batches, ending at its present end or, when followed, with the life that writes it. */
import { watch } from "node:fs";
import { Breather } from "../../lib/breather.ts";
import { nowMs } from "../../lib/clock.ts";
import { after } from "../../lib/timer.ts";
import { LogCursor } from "./cursor.ts";
import type { LogEntry, LogSelection } from "./selection.ts";

/** What a follower has to know about the writer. */
export interface FollowedLog {
  /** Whether more may come. */
  readonly alive: () => boolean;
  /** Calls back once at the writer's end; the result forgets it. */
  readonly onEnd: (told: () => void) => () => void;
}

/**
 * A change may be missed (another file system, a full inotify queue), so a follower looks again after this long in
 * any case.
 */
const lookAgainMs = 1000;

/**
 * The batches of the log in `directory`: without `followed` what is there now, however fast more is written; with it, on
 * until the writer has ended and everything was read, or the time `until` has come. `abort` ends it quietly.
 */
export async function* readLog(
  directory: string,
  selection: LogSelection,
  followed: FollowedLog | undefined,
  abort: AbortSignal,
): AsyncGenerator<readonly LogEntry[]> {
  using cursor = new LogCursor(directory, selection, followed === undefined ? "now" : "never");
  using changes = followed === undefined ? undefined : new Changes(directory, followed, abort);
  const breather = new Breather();
  while (!abort.aborted) {
    // Asked before reading: what was written before the end is then still read.
    const remainingMs = millisecondsUntil(selection.untilNs);
    const last = followed?.alive() !== true || remainingMs < 0;
    const batch = cursor.next();
    if (batch !== undefined) {
      if (batch.length > 0) yield batch;
      await breather.breathe();
      continue;
    }
    if (last || cursor.finished || changes === undefined) return;
    await changes.next(Math.min(lookAgainMs, remainingMs + 1));
  }
}

function millisecondsUntil(untilNs: bigint | undefined): number {
  return untilNs === undefined ? Number.POSITIVE_INFINITY : Number(untilNs / 1_000_000n) - nowMs();
}

/** Turns file notifications, the writer's end, the abort and time into one promise at a time. */
class Changes implements Disposable {
  readonly #watcher: ReturnType<typeof watch> | undefined;
  readonly #forget: () => void;
  readonly #abort: AbortSignal;
  readonly #wake = (): void => this.#notice();
  #noticed = false;
  #resolve: (() => void) | undefined;

  constructor(directory: string, followed: FollowedLog, abort: AbortSignal) {
    this.#abort = abort;
    this.#forget = followed.onEnd(this.#wake);
    abort.addEventListener("abort", this.#wake);
    try {
      this.#watcher = watch(directory, this.#wake);
      this.#watcher.on("error", this.#wake);
    } catch {
      // No more watches on this machine: looking again by time is enough to go on.
      this.#watcher = undefined;
    }
  }

  async next(limitMs: number): Promise<void> {
    if (!this.#noticed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#resolve = resolve;
      using _timer = after(limitMs, resolve);
      await promise;
      this.#resolve = undefined;
    }
    this.#noticed = false;
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
    this.#forget();
    this.#abort.removeEventListener("abort", this.#wake);
  }

  #notice(): void {
    this.#noticed = true;
    this.#resolve?.();
  }
}
