/** poll(2) for what is no descriptor of this process: a front's streams and signals, and connections in memory. */
import { type PollTable, pollIn, pollOut } from "../cli/io.ts";
import { within } from "../lib/timer.ts";

/** Something with two directions that may be ready. */
export interface Pollable {
  readonly isReadable: boolean;
  readonly isWritable: boolean;
  /** Called when somebody waits for something to read. */
  wanted?(): void;
}

/** Numbers for pollable things, and a way to wait for a change of any. */
export class Pollables {
  readonly #byNumber = new Map<number, Pollable>();
  #next: number;
  #waiting: (() => void) | undefined;
  #failure: Error | undefined;

  constructor(firstFree: number) {
    this.#next = firstFree;
  }

  set(number: number, pollable: Pollable): void {
    this.#byNumber.set(number, pollable);
  }

  add(pollable: Pollable): number {
    const number = this.#next;
    this.#next += 1;
    this.set(number, pollable);
    return number;
  }

  get(number: number): Pollable | undefined {
    return this.#byNumber.get(number);
  }

  /** Something may be ready now. */
  readonly changed = (): void => {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  };

  /** Every wait, also those to come, fails with this. */
  fail(failure: Error): void {
    this.#failure ??= failure;
    this.changed();
  }

  /** Until something may have changed; false after `limitMs`. One wait at a time. */
  async nextChange(limitMs: number | undefined): Promise<boolean> {
    if (this.#failure !== undefined) throw this.#failure;
    const change = new Promise<void>((resolve) => {
      this.#waiting = resolve;
    });
    const came = limitMs === undefined ? await change.then(() => true) : await within(change, limitMs);
    if (this.#failure !== undefined) throw this.#failure;
    return came;
  }
}

interface Entry {
  readonly number: number;
  readonly events: number;
}

export class MemoryPollTable implements PollTable {
  readonly #entries = new Map<number, Entry>();
  readonly #happened = new Map<number, number>();
  readonly #pollables: Pollables;

  constructor(pollables: Pollables) {
    this.#pollables = pollables;
  }

  set(index: number, fd: number | undefined, events: number): void {
    if (fd === undefined) this.#entries.delete(index);
    else this.#entries.set(index, { number: fd, events });
  }

  async wait(timeoutMs?: number): Promise<"ready" | "timeout"> {
    for (;;) {
      if (this.#look()) return "ready";
      if (!(await this.#pollables.nextChange(timeoutMs)) && !this.#look()) return "timeout";
    }
  }

  events(index: number): number {
    return this.#happened.get(index) ?? 0;
  }

  #look(): boolean {
    this.#happened.clear();
    for (const [index, { number, events }] of this.#entries) {
      const pollable = this.#pollables.get(number);
      if (pollable === undefined) continue;
      const input = (events & pollIn) !== 0;
      const found =
        (input && pollable.isReadable ? pollIn : 0) |
        ((events & pollOut) !== 0 && pollable.isWritable ? pollOut : 0);
      if (found !== 0) this.#happened.set(index, found);
      else if (input) pollable.wanted?.();
    }
    return this.#happened.size > 0;
  }
}
