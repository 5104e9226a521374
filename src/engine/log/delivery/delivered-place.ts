/**
 * How far a container's output has been delivered, in a file of the container's: the next engine goes on there. Lines have
 * times, of which several may be the same, so the place is a time and how many lines of that time.
 */
import { readTextIfPossible, writeAtomically } from "../../../kernel/files.ts";

export class DeliveredPlace {
  readonly #path: string;
  #timeNs = 0n;
  #lines = 0;

  constructor(path: string) {
    this.#path = path;
    const match = /^(\d{1,20}) (\d{1,9})$/.exec(readTextIfPossible(path) ?? "");
    if (match === null) return;
    this.#timeNs = BigInt(match[1] ?? "0");
    this.#lines = Number(match[2]);
  }

  /** The time of the last line. */
  get sinceNs(): bigint | undefined {
    return this.#timeNs === 0n ? undefined : this.#timeNs;
  }

  /** Leaves out what has been delivered of the lines that begin at `sinceNs`. */
  skipper(): (timeNs: bigint) => boolean {
    const last = this.#timeNs;
    let left = this.#lines;
    return (timeNs) => {
      if (timeNs !== last || left === 0) return false;
      left -= 1;
      return true;
    };
  }

  note(timeNs: bigint): void {
    this.#lines = timeNs === this.#timeNs ? this.#lines + 1 : 1;
    this.#timeNs = timeNs;
  }

  save(): void {
    writeAtomically(this.#path, `${this.#timeNs} ${this.#lines}`);
  }
}
