/** How much of something each one has at a time, up to a limit. */
export class Tally {
  readonly #most: number;
  readonly #held = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** False: it has as much as it may, and nothing is counted. */
  enter(who: string): boolean {
    const held = this.#held.get(who) ?? 0;
    if (held >= this.#most) return false;
    this.#held.set(who, held + 1);
    return true;
  }

  leave(who: string): void {
    const held = this.#held.get(who) ?? 0;
    if (held > 1) this.#held.set(who, held - 1);
    else this.#held.delete(who);
  }
}
