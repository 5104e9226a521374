/** Removal: marked on disk first, so that an engine which dies in between finishes it at its next start. */
import { removalInProgress, removeActive } from "../../../docker/messages.ts";
import { listCgroupProcesses } from "../../../kernel/cgroup-processes.ts";
import { messageOf, TiffinError } from "../../../lib/errors.ts";
import { afterReplyMs } from "../../idle-work.ts";
import { enqueue, tellEvent } from "../context.ts";
import { cgroupOf, nextExit, releaseHost, tellExits, unknownEnding } from "../process/mod.ts";
import { type Container, countsAsRunning, type Ending, endingOf, type Unreadable } from "../record/mod.ts";
import type { EndContext } from "./context.ts";
import { endRestarting, killAndWait, startUnderWay } from "./stop.ts";

export interface RemoveOptions {
  readonly force: boolean;
  /** Its anonymous volumes too. */
  readonly volumes: boolean;
}

/** Removes a container. Errors: `conflict` when it runs and `force` is false, or is being removed already. */
export async function removeContainer(
  context: EndContext,
  container: Container,
  options: RemoveOptions,
): Promise<void> {
  await startUnderWay(container);
  if (container.state.status === "removing") {
    throw new TiffinError("conflict", "container.removing", removalInProgress(container.id));
  }
  if (countsAsRunning(container.state)) {
    if (!options.force) {
      throw new TiffinError(
        "conflict",
        "container.active",
        removeActive(container.name, container.state.status),
      );
    }
    if (!endRestarting(context, container)) {
      const { ended } = nextExit(container);
      await killAndWait(context, container, ended);
    }
  }
  await enqueue(container, async () => {
    // It may have gone by itself in the meantime (--rm).
    if (context.registry.byId(container.id) !== container) return;
    await takeAway(context, container, options);
  });
}

/** Takes a container that does not run away, with everything that belongs to it. */
export async function takeAway(
  context: EndContext,
  container: Container,
  options: { readonly volumes: boolean },
): Promise<void> {
  const { id, document } = container;
  const ending = endingOf(container.state);
  const marking = { status: "removing", ending, volumes: options.volumes } as const;
  if (document.specification.removeWhenEnded) context.registry.assume(container, marking);
  else context.registry.setState(container, marking);
  try {
    context.fail("remove.marked");
    while (container.readers.size > 0) await Promise.all(container.readers);
    context.layers.remove(id);
    context.fail("remove.directory");
    if (options.volumes) await removeAnonymousVolumes(context, container);
    context.fail("remove.volumes");
    context.registry.drop(container);
    context.images.released(document.image.chain);
    for (const mount of document.specification.mounts) {
      if (mount.kind === "image") context.images.released(mount.chain ?? []);
    }
    await roomFor(context);
  } catch (thrown) {
    context.registry.setState(container, { status: "dead", ending, volumes: options.volumes });
    tellRemoved(container, ending);
    throw new TiffinError(
      "internal",
      "container.removal-failed",
      `cannot remove container ${id}: ${messageOf(thrown)}`,
      { cause: thrown },
    );
  }
  for (const stream of container.pending) stream.abandon();
  container.pending = [];
  tellEvent(context, container, "destroy");
  tellRemoved(container, ending);
  context.idle.within(afterReplyMs);
  context.fail("remove.row");
}

/** On a full disk the row goes once the files are gone. */
async function roomFor({ store, layers, volumes }: EndContext): Promise<void> {
  if (store.writes.waiting === 0) return;
  await Promise.all([layers.emptied(), volumes.emptied()]);
  store.writes.flush();
}

/** Those who wait for the removal hear of its result, good or bad; `inspect` tells which. */
function tellRemoved(container: Container, ending: Ending | null): void {
  for (const waiter of [...container.removals]) waiter(ending);
  container.removals.clear();
  // Nor is there another end to come.
  tellExits(container, ending ?? { ...unknownEnding(0, ""), exitCode: 0 });
}

/**
 * Removes what there is of a container whose row cannot be understood. Its volumes stay: nobody knows which they are.
 * Errors: `conflict` when something runs in its group and `force` is false.
 */
export async function removeUnreadable(
  context: EndContext,
  container: Unreadable,
  { force }: { readonly force: boolean },
): Promise<void> {
  const { id, name } = container;
  const runs = listCgroupProcesses(context.facts.cgroup, cgroupOf(context, id)).length > 0;
  if (runs && !force) throw new TiffinError("conflict", "container.active", removeActive(name, "running"));
  await releaseHost(context, id, runs);
  context.layers.remove(id);
  context.registry.dropUnreadable(container);
  context.events.emit("container", "destroy", id, { name });
  context.idle.within(afterReplyMs);
}

/** By --volumes-from: the last of them takes it away. */
function isShared(context: EndContext, container: Container, volume: string): boolean {
  return [...context.registry.all()].some(
    (other) =>
      other !== container &&
      other.document.specification.mounts.some((mount) => mount.kind === "volume" && mount.volume === volume),
  );
}

async function removeAnonymousVolumes(context: EndContext, container: Container): Promise<void> {
  for (const mount of container.document.specification.mounts) {
    if (mount.kind !== "volume") continue;
    const volume = context.volumes.find(mount.volume);
    if (volume?.anonymous !== true || isShared(context, container, volume.name)) continue;
    await context.volumes.removeWithDriver(volume.name, true);
    context.events.emit("volume", "destroy", volume.name, { driver: volume.driver });
  }
}
