/**
 * Waiting for descriptors without the event loop, for the command line's own loop and for bounded waits. A
 * signal ends the wait and is reported as such: the caller may have a signal pipe to look at.
 */
import { errno } from "../linux/errno.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { inRange, SyscallError, trySyscall } from "./syscall.ts";

export const pollIn = 0x001;
export const pollPriority = 0x002;
export const pollOut = 0x004;
export const pollError = 0x008;
export const pollHangup = 0x010;
export const pollInvalid = 0x020;
export const pollReadHangup = 0x2000;

/** `interrupted`: a signal handler ran. `timeout`: nothing happened in time. Otherwise look at `events`. */
export type PollOutcome = "ready" | "timeout" | "interrupted";

const entryBytes = 8;

/** A fixed table for ppoll(2): set entries once, wait many times, no allocation per wait. */
export class PollSet {
  readonly #memory: Uint8Array;
  readonly #view: DataView;
  readonly #timeout = new BigUint64Array(2);
  readonly #length: number;

  constructor(length: number) {
    this.#length = inRange("u16", length, "poll set length");
    this.#memory = new Uint8Array(length * entryBytes);
    this.#view = new DataView(this.#memory.buffer);
    for (let index = 0; index < length; index += 1) this.set(index, undefined, 0);
  }

  /** Watches `fd` for `events` at `index`; `undefined` leaves the entry out. Hang-up and error are always reported. */
  set(index: number, fd: OwnedFd | number | undefined, events: number): void {
    const number = fd === undefined ? -1 : typeof fd === "number" ? fd : fd.raw;
    this.#view.setInt32(index * entryBytes, inRange("i32", number, "polled fd"), true);
    this.#view.setInt16(index * entryBytes + 4, events, true);
    this.#view.setInt16(index * entryBytes + 6, 0, true);
  }

  /** Blocks this thread up to `timeoutMs` (undefined: for ever). */
  wait(timeoutMs?: number): PollOutcome {
    if (timeoutMs !== undefined) {
      const nanoseconds = Math.max(0, Math.floor(timeoutMs * 1e6));
      this.#timeout[0] = BigInt(Math.floor(nanoseconds / 1e9));
      this.#timeout[1] = BigInt(nanoseconds % 1e9);
    }
    const limit = timeoutMs === undefined ? 0 : this.#timeout;
    const ready = trySyscall("ppoll", this.#memory, this.#length, limit, 0, 0);
    if (ready > 0) return "ready";
    if (ready === 0) return "timeout";
    if (ready === -errno.EINTR) return "interrupted";
    throw new SyscallError("ppoll", -ready, `${this.#length} descriptors`);
  }

  /** What happened at `index` in the last wait: a mask of the constants above. */
  events(index: number): number {
    return this.#view.getUint16(index * entryBytes + 6, true);
  }
}

/** Waits for `events` on one descriptor; false after `timeoutMs`. Signals do not end it. */
export function waitFor(fd: OwnedFd, events: number, timeoutMs: number): boolean {
  const set = new PollSet(1);
  set.set(0, fd, events);
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const outcome = set.wait(Math.max(0, deadline - performance.now()));
    if (outcome !== "interrupted") return outcome === "ready";
  }
}
