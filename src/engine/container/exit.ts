/**
 * The end of a container's process, handled exactly once: the state is saved, the host's part given back, waiters
 * told, and then the container is removed, started again, or left.
 */
import { removeCgroup, tryRemoveCgroup } from "../../kernel/cgroup.ts";
import { killCgroup } from "../../kernel/cgroup-processes.ts";
import { nowMs } from "../../lib/clock.ts";
import type { ExitRecord, SupervisedProcess } from "../../runtime/mod.ts";
import { cgroupParentOf } from "../config.ts";
import { type ContainerContext, enqueue } from "./context.ts";
import type { Container } from "./model.ts";
import { takeAway } from "./remove.ts";
import { restartIfWanted } from "./restart.ts";
import { type Ending, isAlive } from "./state.ts";

/** The container's group, named alike in every hierarchy. */
export function cgroupOf(context: ContainerContext, id: string): string {
  return `${cgroupParentOf(context.config.tag)}/${id}`;
}

/** From now on the end of `process` is the end of the container's run. */
export function watchExit(context: ContainerContext, container: Container, process: SupervisedProcess): void {
  const finished = process.exited.then((record) =>
    enqueue(container, () => finishExit(context, container, process, record)),
  );
  finished.catch(context.report);
}

async function finishExit(
  context: ContainerContext,
  container: Container,
  process: SupervisedProcess,
  record: ExitRecord,
): Promise<void> {
  if (container.process !== process || !isAlive(container.state)) return;
  const ending = endingFrom(record, container.state.startedAtMs, container.stopping);
  await settleExit(context, container, ending, record.lost);
}

function endingFrom(record: ExitRecord, startedAtMs: number, requested: boolean): Ending {
  return {
    exitCode: record.exitCode,
    oomKilled: record.oomKilled,
    startedAtMs,
    finishedAtMs: Number(record.finishedAtNs / 1_000_000n),
    error: record.lost ? "the supervisor of the container was killed" : "",
    requested,
  };
}

/** Brings a container that was alive to its end. `lost`: its processes may still run. */
export async function settleExit(
  context: ContainerContext,
  container: Container,
  ending: Ending,
  lost: boolean,
): Promise<void> {
  const { id, name } = container;
  const remove = container.document.host.AutoRemove;
  // A container that goes away next needs no row that says how it ended; if the engine dies first, its record does.
  if (remove) context.registry.assume(container, { status: "exited", ending });
  else context.registry.setState(container, { status: "exited", ending });
  container.process = undefined;
  context.fail("exit.saved");
  await releaseHost(context, id, lost);
  const attributes = { name, exitCode: String(ending.exitCode) };
  if (ending.oomKilled) context.events.emit("container", "oom", id, { name });
  context.events.emit("container", "die", id, attributes);
  tell(container.exits, ending);
  context.idle.soon();
  if (remove) await takeAway(context, container, { volumes: true });
  else restartIfWanted(context, container, ending);
}

/** Gives back what a run took from the host. Idempotent. */
export async function releaseHost(context: ContainerContext, id: string, kill: boolean): Promise<void> {
  const cgroup = cgroupOf(context, id);
  const { cgroup: facts } = context.facts;
  if (kill) await killCgroup(facts, cgroup);
  await context.network.release(id);
  context.fail("exit.network");
  if (tryRemoveCgroup(facts, cgroup) !== undefined) {
    // Processes that outlived the first one (an exec, or the host's PID namespace) end with the container.
    await killCgroup(facts, cgroup);
    await removeCgroup(facts, cgroup);
  }
  context.fail("exit.cgroup");
}

function tell(waiters: Set<(ending: Ending) => void>, ending: Ending): void {
  const called = [...waiters];
  waiters.clear();
  for (const waiter of called) waiter(ending);
}

/** The next end of the container's process; `cancel` forgets the wait. */
export function nextExit(container: Container): {
  readonly ended: Promise<Ending>;
  readonly cancel: () => void;
} {
  const { promise, resolve } = Promise.withResolvers<Ending>();
  container.exits.add(resolve);
  return { ended: promise, cancel: () => container.exits.delete(resolve) };
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
