/**
 * The end of a container's process, handled exactly once: the state is saved, the host's part given back, waiters
 * told, and then the container is removed, started again, or left.
 */

import { within } from "../../../lib/timer.ts";
import type { ExitRecord, SupervisedProcess } from "../../../runtime/mod.ts";
import { afterReplyMs } from "../../idle-work.ts";
import { enqueue, tellAllNetworks, tellEvent } from "../context.ts";
import { hasForeign, releaseForeign, releaseMounted, tellVolumesLeft } from "../mounts/mod.ts";
import { deliverySubject, releaseHost, tellExits } from "../process/mod.ts";
import { type Container, type Ending, holdOf, isAlive } from "../record/mod.ts";
import type { EndContext } from "./context.ts";
import { takeAway } from "./remove.ts";

/** Its output goes on to whoever is to have it; a removal waits for the last of it. */
function deliverOutput(context: EndContext, container: Container): void {
  const subject = deliverySubject(context, container);
  if (subject === undefined) return;
  const delivered = context.deliveries.deliver(subject);
  container.readers.add(delivered);
  void delivered.then(() => container.readers.delete(delivered));
}

/** From now on the end of `process` is the end of the container's run. */
export function watchExit(context: EndContext, container: Container, process: SupervisedProcess): void {
  deliverOutput(context, container);
  const finished = process.exited.then((record) =>
    enqueue(container, () => finishExit(context, container, process, record)),
  );
  finished.catch(context.report);
}

async function finishExit(
  context: EndContext,
  container: Container,
  process: SupervisedProcess,
  record: ExitRecord,
): Promise<void> {
  if (container.process !== process || !isAlive(container.state)) return;
  const { startedAtMs, stopping = false, unhealthy = false } = container.state;
  const ending = endingFrom(record, startedAtMs, stopping, unhealthy);
  await settleExit(context, container, ending, record.lost);
}

function endingFrom(record: ExitRecord, startedAtMs: number, requested: boolean, unhealthy: boolean): Ending {
  return {
    exitCode: record.exitCode,
    oomKilled: record.oomKilled,
    startedAtMs,
    finishedAtMs: Number(record.finishedAtNs / 1_000_000n),
    error: record.lost ? "the supervisor of the container was killed" : "",
    requested,
    ...(unhealthy && { unhealthy }),
  };
}

/** As long as Docker waits for a client that does not read. */
const outputLimitMs = 2000;

/** What clients are attached to has come to them, unless they do not take it. */
async function outputsOver({ outputs }: Container): Promise<void> {
  if (outputs.size > 0) await within(Promise.all(outputs), outputLimitMs);
}

/**
 * Brings a container that was alive to its end. `lost`: its processes may still run. Whatever of the clean-up fails is
 * reported and left to the next engine; those who wait for the end hear of it in any case.
 */
export async function settleExit(
  context: EndContext,
  container: Container,
  ending: Ending,
  lost: boolean,
): Promise<void> {
  const { id } = container;
  const remove = container.document.specification.removeWhenEnded && !container.returning;
  const left = holdOf(container.state);
  const pauseMs = remove ? undefined : context.pauseBeforeNext(container, ending);
  // A container that goes away next needs no row that says how it ended; if the engine dies first, its record does.
  if (remove) context.registry.assume(container, { status: "exited", ending });
  else
    context.registry.setState(container, { status: pauseMs === undefined ? "exited" : "restarting", ending });
  container.process = undefined;
  // What an engine that was not there has missed.
  deliverOutput(context, container);
  releaseMounted(context, container);
  await releaseHost(context, id, lost);
  if (hasForeign(context, container))
    await releaseForeign(context, container, container.document.specification.mounts);
  const ranSeconds = Math.floor((ending.finishedAtMs - ending.startedAtMs) / 1000);
  if (ending.oomKilled) tellEvent(context, container, "oom");
  const execDuration = String(Math.max(0, ranSeconds));
  tellEvent(context, container, "die", { exitCode: String(ending.exitCode), execDuration });
  tellAllNetworks(context, container, "disconnect", left);
  tellVolumesLeft(context, container);
  await outputsOver(container);
  tellExits(container, ending);
  context.idle.within(afterReplyMs);
  if (remove) await takeAway(context, container, { volumes: true });
  else if (pauseMs !== undefined) context.startLater(container, pauseMs);
}
