/**
 * Keeps the rows beside the containers' files up to date (row-file.ts), some time after a change, so that neither a
 * start nor an end waits for it; a container that is gone by then is never written.
 */
import { messageOf } from "../../../lib/errors.ts";
import { after, type Timer } from "../../../lib/timer.ts";
import { isMissing } from "../../layer/mod.ts";
import { isNoRoom } from "../../store/mod.ts";
import type { Container } from "./model.ts";
import { writeRowFile } from "./row-file.ts";

const delayMs = 200;
const fullDelayMs = 2000;

export class RowFiles implements Disposable {
  readonly #directoryOf: (id: string) => string;
  readonly #report: (thrown: unknown) => void;
  readonly #changed = new Set<Container>();
  #timer: Timer | undefined;

  constructor(directoryOf: (id: string) => string, report: (thrown: unknown) => void) {
    this.#directoryOf = directoryOf;
    this.#report = report;
  }

  note(container: Container): void {
    this.#changed.add(container);
    this.#writeWithin(delayMs);
  }

  /** Its directory is gone, or about to go. */
  forget(container: Container): void {
    this.#changed.delete(container);
  }

  /** Writes what has changed, as far as there is room. */
  flush(): void {
    for (const container of this.#changed) {
      try {
        writeRowFile(this.#directoryOf(container.id), container);
      } catch (thrown) {
        // It is behind until there is room; the database is not.
        if (isNoRoom(thrown)) {
          this.#writeWithin(fullDelayMs);
          return;
        }
        // Removed in the meantime, unless there is something else.
        if (!isMissing(thrown)) this.#report(new Error(`container ${container.id}: ${messageOf(thrown)}`));
      }
      this.#changed.delete(container);
    }
  }

  [Symbol.dispose](): void {
    this.flush();
    this.#timer?.cancel();
  }

  #writeWithin(milliseconds: number): void {
    if (this.#timer !== undefined) return;
    this.#timer = after(
      milliseconds,
      () => {
        this.#timer = undefined;
        this.flush();
      },
      { background: true },
    );
  }
}
