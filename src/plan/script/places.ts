/**
 * Where the things in slots are in a script, which has no descriptors of detached mounts: every mount is made at a place of
 * its own below $work and moved from there.
 */
import { slotNone } from "../../abi/schema.ts";
import { quote } from "../../lib/shell-words.ts";
import type { Plan } from "../plan.ts";

export class Places {
  /** Shell words, quoted where needed. */
  readonly #places = new Map<number, string>();
  /** Slots that lead into files of the image, or of somebody else: links there are followed inside only. */
  readonly #foreign = new Set<number>();
  readonly #unknown = new Map<number, string>();

  /** `known`: the places of received descriptors, as words. */
  constructor({ receives }: Plan, known: ReadonlyMap<string, string>) {
    for (const { slot, name } of receives) {
      const place = known.get(name);
      if (place === undefined) this.#unknown.set(slot, name);
      else this.#places.set(slot, place);
    }
  }

  /** The place of a slot, without a slash at its end. The root is the empty text. */
  of(slot: number): string {
    return slot === slotNone ? "" : (this.#places.get(slot) ?? `"$work"/${slot}`);
  }

  /** What the caller of the executor would hand over and a script has not; undefined for all else. */
  missing(slot: number): string | undefined {
    return this.#places.has(slot) ? undefined : this.#unknown.get(slot);
  }

  /** `path` below what is in `slot`; in foreign files by a search that never leaves them. */
  below(slot: number, path: string): string {
    const place = this.of(slot);
    if (this.#foreign.has(slot) && path !== "." && path !== "/") return `"$(inside ${place} ${quote(path)})"`;
    if (path === "." || path === "/") return place === "" ? "/" : place;
    return path.startsWith("/") || place === "" ? `${place}${quote(path)}` : `${place}/${quote(path)}`;
  }

  isForeign(slot: number): boolean {
    return this.#foreign.has(slot);
  }

  set(slot: number, place: string): void {
    this.#places.set(slot, place === "/" ? "" : place);
  }

  markForeign(slot: number): void {
    this.#foreign.add(slot);
  }
}
