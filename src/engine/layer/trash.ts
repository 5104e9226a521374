/**
 * Deletion that takes no time and survives a crash. `discard` renames a tree into the trash directory, which
 * must be on the same file system; the tree is deleted in the background, one at a time, off the JavaScript
 * thread. What a crash leaves in the trash is deleted after the next start.
 *
 * Deleting never follows symbolic links: `rm` unlinks them.
 */
import { mkdirSync, readdirSync, renameSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../lib/errors.ts";
import { randomHex } from "../../lib/ids.ts";
import { after } from "../../lib/timer.ts";

const nameDigits = 16;
const privateMode = 0o700;
const restMs = 5;

export class Trash {
  readonly #directory: string;
  readonly #report: (thrown: unknown) => void;
  readonly #pending: string[] = [];
  #running: Promise<void> | undefined;
  #closed = false;

  /** `report` hears of trees that could not be deleted, one `Error` each; they stay for the next start. */
  constructor(directory: string, report: (thrown: unknown) => void) {
    this.#directory = directory;
    this.#report = report;
    mkdirSync(directory, { recursive: true, mode: privateMode });
    this.#pending = readdirSync(directory);
  }

  /** Takes the tree at `path` away. False when nothing was there. */
  discard(path: string): boolean {
    const name = randomHex(nameDigits);
    try {
      renameSync(path, join(this.#directory, name));
    } catch (thrown) {
      if (isMissing(thrown)) return false;
      throw thrown;
    }
    this.#pending.push(name);
    // Whoever discards something has a reply to send first.
    after(restMs, () => this.start());
    return true;
  }

  /** Begins emptying, if there is anything. */
  start(): void {
    if (this.#closed || this.#running !== undefined || this.#pending.length === 0) return;
    this.#running = this.#empty().finally(() => {
      this.#running = undefined;
    });
  }

  async emptied(): Promise<void> {
    this.start();
    while (this.#running !== undefined) await this.#running;
  }

  /** Stops after the tree that is being deleted now. */
  close(): void {
    this.#closed = true;
  }

  async #empty(): Promise<void> {
    for (let name = this.#pending.shift(); name !== undefined; name = this.#pending.shift()) {
      try {
        await rm(join(this.#directory, name), { recursive: true, force: true });
      } catch (thrown) {
        const path = JSON.stringify(join(this.#directory, name));
        this.#report(new Error(`cannot delete ${path}: ${messageOf(thrown)}`, { cause: thrown }));
      }
      if (this.#closed) return;
    }
  }
}

/** True for the error of a file that is not there. */
export function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT";
}
