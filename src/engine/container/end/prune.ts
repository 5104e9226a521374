/** Removal of every container that does not run. */
import { pruneRunning } from "../../../docker/messages.ts";
import type { ContainerPruneReport } from "../../../docker/types/container.ts";
import { nowMs } from "../../../lib/clock.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { type Filters, pruneTest } from "../../prune-filters.ts";
import { type Container, countsAsRunning } from "../record/mod.ts";
import type { EndContext } from "./context.ts";
import { removeContainer } from "./remove.ts";

function refuse(message: string): never {
  throw new TiffinError("invalid", "container.filter", message);
}

const pruning = new WeakSet<EndContext["registry"]>();

/** `abort` leaves the rest. Errors: `container.filter`, `conflict` for a second one at the same time. */
export async function pruneContainers(
  context: EndContext,
  filters: Filters,
  abort: AbortSignal,
): Promise<ContainerPruneReport> {
  const { registry, events } = context;
  const wanted = pruneTest(filters, nowMs(), refuse);
  if (pruning.has(registry)) throw new TiffinError("conflict", "container.pruning", pruneRunning());
  pruning.add(registry);
  const deleted: string[] = [];
  let reclaimed = 0;
  try {
    for (const container of [...registry.all()]) {
      if (abort.aborted) break;
      const { createdMs, document } = container;
      if (!isIdle(container) || !wanted({ createdMs, labels: document.specification.labels })) continue;
      const bytes = await context.layers.containerBytes(container.id);
      if (!(await removeIfIdle(context, container))) continue;
      reclaimed += bytes;
      deleted.push(container.id);
    }
  } finally {
    pruning.delete(registry);
  }
  events.emit("container", "prune", "", { reclaimed: String(reclaimed) });
  return { ContainersDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: reclaimed };
}

function isIdle({ state }: Container): boolean {
  return !countsAsRunning(state) && state.status !== "starting" && state.status !== "removing";
}

/** False: it was started, or removed, since it was chosen; nobody asked for it by name. */
async function removeIfIdle(context: EndContext, container: Container): Promise<boolean> {
  if (!isIdle(container) || context.registry.byId(container.id) !== container) return false;
  try {
    await removeContainer(context, container, { force: false, volumes: false });
    return true;
  } catch (thrown) {
    if (thrown instanceof TiffinError && thrown.kind === "conflict") return false;
    throw thrown;
  }
}
