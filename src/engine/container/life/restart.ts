/** Restart policies: whether a container that has ended is started again, and after which pause. */
import { enqueue } from "../context.ts";
import type { Container, Ending } from "../record/mod.ts";
import type { RestartSpecification } from "../specification/mod.ts";
import { startContainer } from "../start/mod.ts";
import type { LifeContext } from "./context.ts";

const firstPauseMs = 100;
const longestPauseMs = 60_000;
/** A run that lasted this long counts as a success: the next pause is short again. */
const steadyRunMs = 10_000;

/** Pure. Whether `ending` calls for another start; `restarts` is how many there were in a row. */
export function wantsRestart(
  { policy, limit }: RestartSpecification,
  ending: Ending,
  restarts: number,
): boolean {
  if (ending.requested) return false;
  switch (policy) {
    case "always":
    case "unless-stopped":
      return true;
    case "on-failure":
      return ending.exitCode !== 0 && (limit === 0 || restarts < limit);
    case "no":
      return false;
  }
}

/** Pure. Milliseconds before restart number `restarts` (from 0). */
export function restartPauseMs(restarts: number): number {
  return Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(restarts, 20));
}

/** Counts the run that has ended, and says after how many milliseconds there is another; undefined for never. */
export function pauseBeforeNext(container: Container, ending: Ending): number | undefined {
  if (ending.finishedAtMs - ending.startedAtMs >= steadyRunMs) container.restarts = 0;
  if (!wantsRestart(container.document.specification.restart, ending, container.restarts)) return undefined;
  const pauseMs = restartPauseMs(container.restarts);
  container.restarts += 1;
  return pauseMs;
}

/** Starts a container that is restarting again after the pause, unless it was stopped or removed in the meantime. */
export function startLater(context: LifeContext, container: Container, pauseMs: number): void {
  const { state } = container;
  context.timers.after(pauseMs, () => {
    // Of this end: a later one has a timer of its own.
    if (container.state === state) startAgain(context, container);
  });
}

/** Starts a container that is restarting now. */
export function startAgain(context: LifeContext, container: Container): void {
  const again = enqueue(container, async () => {
    if (container.state.status === "restarting") await startContainer(context, container);
  });
  again.catch(context.report);
}
