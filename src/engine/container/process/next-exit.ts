/** Promises for the end of a container's process. */
import { nowMs } from "../../../lib/clock.ts";
import type { Container, Ending } from "../record/mod.ts";

/** The next end of the container's process; `cancel` forgets the wait. */
export function nextExit(container: Container): {
  readonly ended: Promise<Ending>;
  readonly cancel: () => void;
} {
  const { promise, resolve } = Promise.withResolvers<Ending>();
  container.exits.add(resolve);
  return { ended: promise, cancel: () => container.exits.delete(resolve) };
}

/** Those who wait for an end hear of `ending`. */
export function tellExits(container: Container, ending: Ending): void {
  const waiters = [...container.exits];
  container.exits.clear();
  for (const told of waiters) told(ending);
}

/** An ending for a process of which nobody knows how it ended. */
export function unknownEnding(startedAtMs: number, error: string): Ending {
  const killed = 137;
  return {
    exitCode: killed,
    oomKilled: false,
    startedAtMs,
    finishedAtMs: nowMs(),
    error,
    requested: false,
  };
}
