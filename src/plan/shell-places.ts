/**
 * Where the things in slots are in a shell script, which has no descriptors of detached mounts: every mount is
 * made at a place of its own below $work and moved from there.
 */
import { slotNone } from "../abi/schema.ts";
import type { Plan } from "./plan.ts";

/** Text for use inside double quotes is not needed: single quotes protect everything but themselves. */
export function quote(text: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

export class ShellPlaces {
  /** Shell words, quoted where needed. */
  readonly #places = new Map<number, string>();

  constructor({ receives, hostOps }: Plan) {
    for (const { slot, name } of receives) {
      const hierarchy = name.startsWith("cgroup:") ? name.slice("cgroup:".length) : undefined;
      const group = hostOps.find((op) => op.op === "cgroupCreate" && op.hierarchy === hierarchy);
      this.#places.set(
        slot,
        group === undefined ? `"$${variableName(name)}"` : quote(`${group.target}/tasks`),
      );
    }
  }

  /** The place of a slot, without a slash at its end. The root is the empty text. */
  of(slot: number): string {
    return slot === slotNone ? "" : (this.#places.get(slot) ?? `"$work"/${slot}`);
  }

  /** `path` below what is in `slot`. */
  below(slot: number, path: string): string {
    const place = this.of(slot);
    return path.startsWith("/") || place === "" ? `${place}${quote(path)}` : `${place}/${quote(path)}`;
  }

  set(slot: number, place: string): void {
    this.#places.set(slot, place === "/" ? "" : place);
  }
}

/** `NETNS` for `netns`, `CGROUP_MEMORY` for `cgroup:memory`. */
export function variableName(slotName: string): string {
  return slotName.toUpperCase().replaceAll(/[^A-Z0-9]+/g, "_");
}
