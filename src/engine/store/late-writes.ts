/**
 * Changes of the database where a disk may be full. What a client asks for is *written*: on disk, or refused. What has
 * happened already (an end, a removal) is *settled*: nobody can refuse it, so when it cannot be stored now it is kept
 * in memory and stored once there is room. A later change of the same thing replaces the one that waits.
 */
import { messageOf, TiffinError } from "../../lib/errors.ts";
import { after, type Timer } from "../../lib/timer.ts";

export interface Writes {
  /** Done when it returns. Errors: `store.no-room`. `subject` names the thing that changes. */
  write(subject: string, work: () => void): void;
  /** Never throws: done now or later. */
  settle(subject: string, work: () => void): void;
}

/** For a database that cannot be full: in memory. */
export const directWrites: Writes = {
  write: (_subject, work) => work(),
  settle: (_subject, work) => work(),
};

const noRoomCodes = ["SQLITE_FULL", "SQLITE_IOERR_WRITE", "ENOSPC", "EDQUOT"];

/** Whether `thrown` is the failure of a full file system or a used-up quota. */
export function isNoRoom(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && noRoomCodes.includes(String(thrown.code));
}

/** What to throw for `thrown`: where it says that there is no room, a sentence about whom and where that concerns. */
export function tellingOfNoRoom(subject: string, path: string, thrown: unknown): unknown {
  if (!isNoRoom(thrown)) return thrown;
  return new TiffinError(
    "unavailable",
    "store.no-room",
    `cannot store ${subject}: no room is left for ${path}`,
    { remedy: "remove containers or files from that file system; removal needs no room", cause: thrown },
  );
}

const retryMs = 1000;

export interface LateWritesOptions {
  /** Named in messages. */
  readonly path: string;
  /** Gives back what can be given back; what it throws is passed over. */
  readonly makeRoom: () => void;
  readonly report: (thrown: unknown) => void;
}

export class LateWrites implements Writes, Disposable {
  readonly #options: LateWritesOptions;
  readonly #waiting = new Map<string, () => void>();
  #timer: Timer | undefined;

  constructor(options: LateWritesOptions) {
    this.#options = options;
  }

  /** How many changes are in memory only. */
  get waiting(): number {
    return this.#waiting.size;
  }

  write(subject: string, work: () => void): void {
    // What waits may be in the way: a name that is free in memory and taken on disk.
    this.flush();
    try {
      this.#attempt(work);
      this.#waiting.delete(subject);
    } catch (thrown) {
      throw tellingOfNoRoom(subject, this.#options.path, thrown);
    }
  }

  settle(subject: string, work: () => void): void {
    try {
      this.#attempt(work);
      this.#waiting.delete(subject);
    } catch (thrown) {
      if (this.#waiting.size === 0) {
        const { path, report } = this.#options;
        report(
          new Error(`${path}: ${messageOf(thrown)}; ${subject} is kept in memory until it can be stored`),
        );
      }
      this.#waiting.set(subject, work);
      this.#retryLater();
    }
  }

  /** Stores what waits, as far as there is room. */
  flush(): void {
    for (const [subject, work] of [...this.#waiting]) {
      try {
        this.#attempt(work);
      } catch {
        // It has been told; it stays.
        break;
      }
      this.#waiting.delete(subject);
    }
    if (this.#waiting.size > 0) this.#retryLater();
  }

  [Symbol.dispose](): void {
    this.flush();
    this.#timer?.cancel();
    if (this.#waiting.size === 0) return;
    const subjects = [...this.#waiting.keys()].join(", ");
    this.#options.report(new Error(`${this.#options.path}: no room; not stored: ${subjects}`));
    this.#waiting.clear();
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (thrown) {
      if (!isNoRoom(thrown)) throw thrown;
      try {
        this.#options.makeRoom();
      } catch {
        // The second attempt says what is wrong.
      }
      work();
    }
  }

  #retryLater(): void {
    if (this.#timer !== undefined) return;
    this.#timer = after(
      retryMs,
      () => {
        this.#timer = undefined;
        this.flush();
      },
      { background: true },
    );
  }
}
