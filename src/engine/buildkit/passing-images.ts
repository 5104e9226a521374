/**
 * Images that stand between two builds of one client: what the first came to, for the second to begin with. Nobody has asked for
 * them, so they go when nothing is built any more.
 */
import { after } from "../../lib/timer.ts";
import type { SolveRegistry } from "./solves.ts";

const pauseMs = 10_000;

export interface ImageRemoval {
  /** Of all images that people see. */
  ids(): ReadonlySet<string>;
  /** Takes away an image that has no name and that nothing needs. */
  removeUnnamed(id: string): Promise<void>;
}

export class PassingImages {
  readonly #images: ImageRemoval;
  readonly #solves: Pick<SolveRegistry, "isIdle">;
  readonly #passing = new Set<string>();
  #waits = false;

  constructor(images: ImageRemoval, solves: Pick<SolveRegistry, "isIdle">) {
    this.#images = images;
    this.#solves = solves;
  }

  /** Call it before the build; the image that it came to is passing unless it was there. */
  watch(): (id: string) => void {
    const before = this.#images.ids();
    return (id) => {
      if (before.has(id)) return;
      this.#passing.add(id);
      this.#wait();
    };
  }

  /** Takes all of them away. */
  async clear(): Promise<void> {
    for (const id of this.#passing) {
      this.#passing.delete(id);
      await this.#images.removeUnnamed(id);
    }
  }

  #wait(): void {
    if (this.#waits) return;
    this.#waits = true;
    after(
      pauseMs,
      () => {
        this.#waits = false;
        if (this.#solves.isIdle) void this.clear();
        else this.#wait();
      },
      { background: true },
    );
  }
}
