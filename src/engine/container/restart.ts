/** Restart policies: whether a container that has ended is started again, and after which pause. */
import type { RestartPolicy } from "../../docker/types/host-config.ts";
import { type ContainerContext, enqueue } from "./context.ts";
import type { Container } from "./model.ts";
import { startContainer } from "./start.ts";
import type { Ending } from "./state.ts";

const firstPauseMs = 100;
const longestPauseMs = 60_000;
/** A run that lasted this long counts as a success: the next pause is short again. */
const steadyRunMs = 10_000;

/** Pure. Whether `ending` calls for another start; `restarts` is how many there were in a row. */
export function wantsRestart(policy: RestartPolicy | undefined, ending: Ending, restarts: number): boolean {
  if (ending.requested) return false;
  switch (policy?.Name) {
    case "always":
    case "unless-stopped":
      return true;
    case "on-failure": {
      const limit = policy.MaximumRetryCount ?? 0;
      return ending.exitCode !== 0 && (limit === 0 || restarts < limit);
    }
    default:
      return false;
  }
}

/** Pure. Milliseconds before restart number `restarts` (from 0). */
export function restartPauseMs(restarts: number): number {
  return Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(restarts, 20));
}

/** Starts the container again later, when its policy says so. */
export function restartIfWanted(context: ContainerContext, container: Container, ending: Ending): void {
  const policy = container.document.host.RestartPolicy;
  if (ending.finishedAtMs - ending.startedAtMs >= steadyRunMs) container.restarts = 0;
  if (!wantsRestart(policy, ending, container.restarts)) return;
  const pauseMs = restartPauseMs(container.restarts);
  container.restarts += 1;
  context.timers.after(pauseMs, () => {
    const again = enqueue(container, async () => {
      const { state } = container;
      // Stopped, started or removed by somebody in the meantime.
      if (state.status !== "exited" || container.stopping) return;
      if (context.registry.byId(container.id) !== container) return;
      await startContainer(context, container);
    });
    again.catch(context.report);
  });
}
