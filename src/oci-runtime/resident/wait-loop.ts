/**
 * Waits for many descriptors at once for commands that take turns. Bun's event loop watches no descriptor of ours,
 * so this loop does, and lets Bun's run between two rounds for whatever else a command awaits.
 */
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { PollSet, pollIn, pollOut } from "../../kernel/poll.ts";
import { monotonicMs } from "../../lib/clock.ts";

interface Waiter {
  readonly fd: OwnedFd | undefined;
  readonly events: number;
  readonly untilMs: number;
  readonly resolve: (ready: boolean) => void;
}

/** How long a command that awaits something of Bun's event loop may have to wait for this one. */
const otherStepMs = 1;

export class WaitLoop {
  readonly #waiters = new Set<Waiter>();

  get waiting(): number {
    return this.#waiters.size;
  }

  /** True once `fd` is readable or its other end has gone, false after `limitMs`. */
  readable(fd: OwnedFd, limitMs: number): Promise<boolean> {
    return this.#wait(fd, pollIn, limitMs);
  }

  /** True once `fd` takes more or its other end has gone, false after `limitMs`. */
  writable(fd: OwnedFd, limitMs: number): Promise<boolean> {
    return this.#wait(fd, pollOut, limitMs);
  }

  async pause(ms: number): Promise<void> {
    await this.#wait(undefined, 0, ms);
  }

  #wait(fd: OwnedFd | undefined, events: number, ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      this.#waiters.add({ fd, events, untilMs: monotonicMs() + ms, resolve });
    });
  }

  /**
   * One round: waits until something can go on, at most until `untilMs`, and lets it go on. `others`: commands that
   * wait for something else.
   */
  async round(untilMs: number, others: boolean): Promise<void> {
    const waiters = [...this.#waiters];
    const set = new PollSet(Math.max(1, waiters.length));
    let nextMs = untilMs;
    waiters.forEach(({ fd, events, untilMs: limitMs }, index) => {
      set.set(index, fd, events);
      nextMs = Math.min(nextMs, limitMs);
    });
    const restMs = Math.max(0, nextMs - monotonicMs());
    set.wait(others ? Math.min(restMs, otherStepMs) : restMs);
    const nowMs = monotonicMs();
    waiters.forEach((waiter, index) => {
      const ready = waiter.fd !== undefined && set.events(index) !== 0;
      if (!ready && nowMs < waiter.untilMs) return;
      this.#waiters.delete(waiter);
      waiter.resolve(ready);
    });
    await new Promise((resolve) => setImmediate(resolve));
  }
}
