/**
 * The first thing an engine does with the containers it finds: what the database says is compared with what the
 * supervisors, the exit records, the cgroups and the directories say, and brought to agree. Starts and removals that
 * another engine left half done are taken back or finished. Deleted is only what an engine has marked so; whatever
 * carries our names and belongs to nobody is reported and left.
 */
import { listCgroups, removeCgroup } from "../../../kernel/cgroup.ts";
import { killCgroup, listCgroupProcesses } from "../../../kernel/cgroup-processes.ts";
import { nowMs } from "../../../lib/clock.ts";
import { messageOf } from "../../../lib/errors.ts";
import { within } from "../../../lib/timer.ts";
import { type ExitRecord, readRecord, type SupervisedProcess } from "../../../runtime/mod.ts";
import { cgroupParentOf } from "../../config.ts";
import type { LiveContainer } from "../../network/mod.ts";
import { enqueue } from "../context.ts";
import { settleExit, takeAway, watchExit } from "../end/mod.ts";
import { hasForeign, releaseForeign } from "../mounts/mod.ts";
import { cgroupOf, matchFreezer, ownCgroupParent, releaseOwnParent, unknownEnding } from "../process/mod.ts";
import { type Container, type Ending, holdOf, isAlive } from "../record/mod.ts";
import { linkWays, startContainer } from "../start/mod.ts";
import { adoptUnknown, reportStrangers } from "./adopt.ts";
import type { LifeContext } from "./context.ts";
import { forgetRestarts, startAgain, wantsRestart } from "./restart.ts";

/** How long a container may hold up the start of the engine; what it needs beyond that goes on in its own queue. */
const patienceMs = 2000;
/** When the first requests after a start have been answered. */
const strangersAfterMs = 3000;

interface FoundEnding {
  readonly ending: Ending;
  readonly lost: boolean;
}

/** Brings state and host to agree. After it, every container that is alive has its process in hand. */
export async function recoverContainers(context: LifeContext): Promise<void> {
  const unclear = await adoptUnknown(context);
  const endings = await findProcesses(context);
  await context.networks.recover(liveContainers(context), { keepUnknown: unclear });
  await each(context, endings.keys(), async (container) => {
    const found = endings.get(container);
    if (found !== undefined) await settleExit(context, container, found.ending, found.lost);
  });
  await each(context, [...context.registry.all()], async (container) => {
    if (container.state.status === "removing" || container.state.status === "dead") {
      await finishRemoval(context, container);
    } else if (container.document.specification.removeWhenEnded && !isAlive(container.state)) {
      await takeAway(context, container, { volumes: true });
    }
  });
  await sweep(context);
  restartAll(context);
}

/** All supervisors are asked at once, so one that is silent costs the others nothing. Settles within the runtime's limit. */
async function findProcesses(context: LifeContext): Promise<Map<Container, FoundEnding>> {
  const endings = new Map<Container, FoundEnding>();
  const find = async (container: Container): Promise<void> => {
    try {
      if (container.state.status === "starting") await recoverStarting(context, container);
      const end = await recoverRunning(context, container);
      if (end !== undefined) endings.set(container, end);
    } catch (thrown) {
      context.report(new Error(`recovery of container ${container.id}: ${messageOf(thrown)}`));
    }
  };
  await Promise.all([...context.registry.all()].map(find));
  return endings;
}

/**
 * Does the work for each container, in its queue, where what clients ask comes after it. One container that cannot be put
 * right, or not soon, must not keep the engine from serving the others.
 */
async function each(
  context: LifeContext,
  containers: Iterable<Container>,
  work: (container: Container) => Promise<void>,
): Promise<void> {
  const guarded = async (container: Container): Promise<void> => {
    const what = `recovery of container ${container.id}`;
    const done = enqueue(container, () => work(container)).catch((thrown: unknown) => {
      context.report(new Error(`${what}: ${messageOf(thrown)}`));
    });
    if (await within(done, patienceMs)) return;
    context.report(new Error(`${what} takes longer than ${patienceMs / 1000} s; it goes on meanwhile`));
  };
  await Promise.all([...containers].map(guarded));
}

/** Its engine died during the start: keep the process if it came to life, else take the start back. */
async function recoverStarting(context: LifeContext, container: Container): Promise<void> {
  if (container.state.status !== "starting") return;
  const { token, before } = container.state;
  const hold = holdOf(container.state);
  const { record } = context.paths.container(container.id);
  const found = await context.runtime.reconnect(token, { recordPath: record });
  if (found.kind === "found") {
    const { process } = found;
    const startedAtMs = millisecondsOf(process.startedAtNs) || nowMs();
    const { pid } = process;
    context.registry.setState(container, { status: "running", token, pid, startedAtMs, ...hold });
    adopt(context, container, process);
    return;
  }
  // What it left running is in its group, which is swept.
  context.runtime.forget(token);
  const exit = exitOf(record);
  const finishedAtMs = exit === undefined ? 0 : millisecondsOf(exit.finishedAtNs);
  if (exit !== undefined && finishedAtMs !== before?.finishedAtMs) {
    // It ran and ended before anybody could write down that it ran: an end like any other.
    const startedAtMs = millisecondsOf(exit.startedAtNs);
    context.registry.setState(container, { status: "running", token, pid: 0, startedAtMs, ...hold });
  } else if (before !== null && before.finishedAtMs > 0) {
    // A try of its policy that came to nothing has been counted, and is still to be made.
    const status = container.restarts > 0 ? "restarting" : "exited";
    context.registry.correct(container, { status, ending: before });
  } else {
    const failure = { ...unknownEnding(0, "the engine was stopped during the start"), finishedAtMs: 0 };
    context.registry.setState(container, { status: "created", failure });
  }
  if (hasForeign(context, container) && !isAlive(container.state))
    await releaseForeign(context, container, container.document.specification.mounts);
}

function millisecondsOf(nanoseconds: bigint): number {
  return Number(nanoseconds / 1_000_000n);
}

/** Finds the container's supervisor again, or says how it ended in the meantime. */
async function recoverRunning(context: LifeContext, container: Container): Promise<FoundEnding | undefined> {
  if (!isAlive(container.state) || container.process !== undefined) return undefined;
  const { token, startedAtMs, pid, stopping: requested = false, unhealthy } = container.state;
  const { record } = context.paths.container(container.id);
  const found = await context.runtime.reconnect(token, { pid, recordPath: record });
  if (found.kind === "silent") context.report(silentSupervisor(container, found.supervisorPid));
  if (found.kind !== "gone" && found.process !== undefined) {
    adopt(context, container, found.process);
    await matchState(context, container);
    return undefined;
  }
  context.runtime.forget(token);
  const exit = exitOf(record);
  if (exit === undefined) {
    const ending = {
      ...unknownEnding(startedAtMs, "the supervisor of the container was killed"),
      requested,
      unhealthy,
    };
    return { ending, lost: true };
  }
  const ending = {
    exitCode: exit.exitCode,
    oomKilled: exit.oomKilled,
    startedAtMs,
    finishedAtMs: millisecondsOf(exit.finishedAtNs),
    error: "",
    requested,
    unhealthy,
  };
  return { ending, lost: false };
}

function silentSupervisor(container: Container, pid: number | undefined): Error {
  const which = pid === undefined ? "" : ` (process ${pid})`;
  const remedy =
    pid === undefined ? "" : `; if somebody has stopped it, let it go on with: kill -CONT ${pid}`;
  return new Error(
    `recovery of container ${container.id}: its supervisor${which} does not answer, so that only signals reach it${remedy}`,
  );
}

function adopt(context: LifeContext, container: Container, process: SupervisedProcess): void {
  container.process = process;
  // What is to run always runs whenever an engine starts, whoever asked another engine for its end.
  if (container.document.specification.restart.policy === "always")
    context.registry.noteStopping(container, false);
  watchExit(context, container, process);
}

/** It goes on, or stays stopped, as its state says: its engine may have died in the middle of a pause. */
async function matchState(context: LifeContext, container: Container): Promise<void> {
  try {
    await matchFreezer(context, container);
  } catch (thrown) {
    context.report(thrown);
  }
}

function exitOf(path: string): ExitRecord | undefined {
  try {
    const record = readRecord(path);
    return record.state === "exited" ? record.exit : undefined;
  } catch {
    // Missing or damaged is as good as not written.
    return undefined;
  }
}

function liveContainers(context: LifeContext): LiveContainer[] {
  const live: LiveContainer[] = [];
  for (const container of context.registry.all()) {
    const { id, state } = container;
    const hold = holdOf(state);
    if (!isAlive(state) || hold.endpoints.length === 0) continue;
    const links = linkWays(context, container);
    live.push({ containerId: id, ...hold, ...(links.length > 0 && { links }) });
  }
  return live;
}

async function finishRemoval(context: LifeContext, container: Container): Promise<void> {
  const ending = "ending" in container.state ? container.state.ending : null;
  const volumes = "volumes" in container.state && container.state.volumes === true;
  // Only a dead container may start over with its removal.
  if (container.state.status === "removing")
    context.registry.setState(container, { status: "dead", ending, volumes });
  await takeAway(context, container, { volumes });
}

/** Takes away what an engine left unfinished, and reports what has our names and belongs to no container. */
async function sweep(context: LifeContext): Promise<void> {
  const { registry, images, layers, volumes } = context;
  images.settle();
  await sweepGroups(context);
  reportStrangers(context, layers.sweep(new Set(Array.from(registry.all(), ({ id }) => id))));
  volumes.recover();
  context.timers.after(strangersAfterMs, () => reportStrangeLayers(context));
}

/** Later than the start, which must not take longer the more layers there are. */
function reportStrangeLayers({ registry, images, layers, report }: LifeContext): void {
  const known = new Set([...images.layers(), ...images.heldLayers()]);
  for (const { document } of registry.all()) {
    for (const layer of document.image.chain) known.add(layer);
    for (const mount of document.specification.mounts) {
      if (mount.kind === "image") for (const layer of mount.chain ?? []) known.add(layer);
    }
  }
  try {
    for (const name of layers.sweepLayers(known)) {
      report(new Error(`layer ${name} belongs to no image of the database; it is left as it is`));
    }
  } catch (thrown) {
    report(thrown);
  }
}

/** Groups in which nothing should run: those of containers that do not, wherever they are, and empty ones of nobody. */
async function sweepGroups(context: LifeContext): Promise<void> {
  const { registry, facts, config } = context;
  const parent = cgroupParentOf(config.tag);
  const found = new Set(listCgroups(facts.cgroup, parent));
  const own = [...registry.all()].filter(
    ({ id, state }) => !isAlive(state) && (found.has(id) || ownCgroupParent(context, id) !== undefined),
  );
  const sweeps = each(context, own, async ({ id }) => {
    await endGroup(context, cgroupOf(context, id));
    releaseOwnParent(context, id);
  });
  const strangers = [...found].filter((name) => registry.byId(name) === undefined);
  const ended = Promise.all(strangers.map((name) => endStrangersGroup(context, `${parent}/${name}`)));
  await Promise.all([sweeps, within(ended, patienceMs)]);
}

async function endStrangersGroup(context: LifeContext, directory: string): Promise<void> {
  const [pid] = listCgroupProcesses(context.facts.cgroup, directory);
  if (pid === undefined) {
    await endGroup(context, directory);
    return;
  }
  context.report(
    new Error(
      `cgroup ${directory} belongs to no container of the database, and process ${pid} is in it; it is left ` +
        "running: end its processes, and the next start removes the group",
    ),
  );
}

async function endGroup(context: LifeContext, directory: string): Promise<void> {
  const { cgroup } = context.facts;
  try {
    await killCgroup(cgroup, directory);
    await removeCgroup(cgroup, directory);
  } catch (thrown) {
    context.report(new Error(`cgroup ${directory}: ${messageOf(thrown)}`));
  }
}

/** Containers whose policy wants them to run whenever the engine does. */
function restartAll(context: LifeContext): void {
  for (const container of context.registry.all()) {
    const { state, document } = container;
    const { restart } = document.specification;
    if (state.status !== "restarting" && state.status !== "exited") continue;
    const wanted =
      state.status === "restarting" ||
      restart.policy === "always" ||
      wantsRestart(restart, state.ending, container.restarts);
    if (!wanted) continue;
    // A new series, but for a policy that counts: its tries are not given twice.
    if (!["on-failure", "on-unhealthy"].includes(restart.policy)) forgetRestarts(container);
    if (state.status === "restarting") {
      startAgain(context, container);
      continue;
    }
    enqueue(container, () => startContainer(context, container)).catch(context.report);
  }
}
