import { messageOf } from "./errors.ts";

type Undo = () => void | Promise<void>;

/**
 * Reverse-order cleanup. Whoever acquires something pushes its undo in the same breath; a failure runs them
 * all, newest first, even when some of them fail. `disarm` is success: the acquired things now belong to
 * someone else.
 */
export class UndoStack {
  #entries: { readonly what: string; readonly undo: Undo }[] = [];

  /** `what` names the thing that is given back, for the error text of a failing undo. */
  push(what: string, undo: Undo): void {
    this.#entries.push({ what, undo });
  }

  disarm(): void {
    this.#entries = [];
  }

  /** Runs every undo and returns what went wrong; the stack is empty afterwards. Never throws. */
  async unwind(): Promise<string[]> {
    const failures: string[] = [];
    for (let entry = this.#entries.pop(); entry !== undefined; entry = this.#entries.pop()) {
      try {
        await entry.undo();
      } catch (thrown) {
        failures.push(`${entry.what}: ${messageOf(thrown)}`);
      }
    }
    return failures;
  }
}
