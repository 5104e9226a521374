/** Restart policies: whether a container that has ended is started again, and after which pause. */
import { enqueue } from "../context.ts";
import { type EndContext, endUnhealthy } from "../end/mod.ts";
import type { Container, Ending } from "../record/mod.ts";
import type { RestartSpecification } from "../specification/mod.ts";
import { startContainer } from "../start/mod.ts";
import type { LifeContext } from "./context.ts";

const firstPauseMs = 100;
const longestPauseMs = 60_000;
/** After a run that lasted this long the next pause is short again. */
const steadyRunMs = 10_000;

/** Pure. Whether `ending` calls for another start; `restarts` is how many there were since a client started it. */
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
    case "on-unhealthy":
      return (ending.unhealthy === true || ending.exitCode !== 0) && (limit === 0 || restarts < limit);
    case "on-failure":
      return ending.exitCode !== 0 && (limit === 0 || restarts < limit);
    case "no":
      return false;
  }
}

/** Pure. Milliseconds of the pause after a run of `ranMs` that began after a pause of `lastMs` (0: without one). */
export function nextPauseMs(lastMs: number, ranMs: number): number {
  if (lastMs === 0 || ranMs >= steadyRunMs) return firstPauseMs;
  return Math.min(longestPauseMs, lastMs * 2);
}

/** A client, or the start of the engine, starts the container: its policy has done nothing yet. */
export function forgetRestarts(container: Container): void {
  container.restarts = 0;
  container.restartPauseMs = 0;
}

/** Counts the run that has ended, and says after how many milliseconds there is another; undefined for never. */
export function pauseBeforeNext(container: Container, ending: Ending): number | undefined {
  if (!wantsRestart(container.document.specification.restart, ending, container.restarts)) return undefined;
  container.restarts += 1;
  container.restartPauseMs = nextPauseMs(container.restartPauseMs, ending.finishedAtMs - ending.startedAtMs);
  return container.restartPauseMs;
}

/** Starts a container that is restarting again after the pause, unless it was stopped or removed in the meantime. */
export function startLater(context: LifeContext, container: Container, pauseMs: number): void {
  const { state } = container;
  context.timers.after(pauseMs, () => {
    // Of this end: a later one has a timer of its own.
    if (container.state === state) startAgain(context, container);
  });
}

/**
 * The checks of a container's health have found it unhealthy: where its policy starts it again for that, its run is ended as a stop
 * would. One that has been started again often enough is left as it is.
 */
export async function restartUnhealthy(context: EndContext, container: Container): Promise<void> {
  const { policy, limit } = container.document.specification.restart;
  if (policy !== "on-unhealthy" || (limit !== 0 && container.restarts >= limit)) return;
  await endUnhealthy(context, container);
}

/** Starts a container that is restarting now. */
export function startAgain(context: LifeContext, container: Container): void {
  const again = enqueue(container, async () => {
    if (container.state.status === "restarting") await startContainer(context, container);
  });
  again.catch(context.report);
}
