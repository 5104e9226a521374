/**
 * The first thing an engine does with the containers it finds: what the database says is compared with what the
 * supervisors, the exit records, the cgroups and the directories say, and brought to agree. Starts and removals that
 * another engine left half done are taken back or finished. Deleted is only what an engine has marked so; whatever
 * carries our names and belongs to nobody is reported and left.
 */
import { listCgroups, removeCgroup } from "../../kernel/cgroup.ts";
import { killCgroup, listCgroupProcesses } from "../../kernel/cgroup-processes.ts";
import { nowMs } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import { type ExitRecord, readRecord, type SupervisedProcess } from "../../runtime/mod.ts";
import { cgroupParentOf } from "../config.ts";
import type { LiveEndpoint } from "../network/mod.ts";
import { adoptUnknown, reportStrangers } from "./adopt.ts";
import type { ContainerContext } from "./context.ts";
import { settleExit, watchExit } from "./exit.ts";
import { cgroupOf, ownCgroupParent, releaseOwnParent } from "./host-part.ts";
import type { Container } from "./model.ts";
import { unknownEnding } from "./next-exit.ts";
import { takeAway } from "./remove.ts";
import { wantsRestart } from "./restart.ts";
import { startContainer } from "./start.ts";
import { type Ending, isAlive } from "./state.ts";

/** Brings state and host to agree. After it, every container that is alive has its process in hand. */
export async function recoverContainers(context: ContainerContext): Promise<void> {
  const unclear = await adoptUnknown(context);
  const endings = new Map<Container, { readonly ending: Ending; readonly lost: boolean }>();
  for (const container of [...context.registry.all()]) {
    const { state } = container;
    if (state.status === "starting") await recoverStarting(context, container);
    else if (isAlive(state)) {
      const end = await recoverRunning(context, container);
      if (end !== undefined) endings.set(container, end);
    }
  }
  await context.network.recover(liveEndpoints(context), { keepUnknown: unclear });
  for (const [container, { ending, lost }] of endings) {
    await guarded(context, container, () => settleExit(context, container, ending, lost));
  }
  for (const container of [...context.registry.all()]) {
    if (container.state.status === "removing" || container.state.status === "dead") {
      await guarded(context, container, () => finishRemoval(context, container));
    } else if (container.document.host.AutoRemove && !isAlive(container.state)) {
      await guarded(context, container, () => takeAway(context, container, { volumes: true }));
    }
  }
  await sweep(context);
  restartAll(context);
}

/** One container that cannot be put right must not keep the engine from serving the others. */
async function guarded(
  context: ContainerContext,
  container: Container,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    context.report(new Error(`recovery of container ${container.id}: ${messageOf(thrown)}`));
  }
}

/** Its engine died during the start: keep the process if it came to life, else take the start back. */
async function recoverStarting(context: ContainerContext, container: Container): Promise<void> {
  if (container.state.status !== "starting") return;
  const { token, endpoint, before } = container.state;
  const { record } = context.paths.container(container.id);
  const process = await context.runtime.reconnect(token, record);
  if (process !== undefined && process.pid > 0) {
    const startedAtMs = Number(process.startedAtNs / 1_000_000n) || nowMs();
    context.registry.setState(container, {
      status: "running",
      token,
      pid: process.pid,
      startedAtMs,
      endpoint,
    });
    adopt(context, container, process);
    return;
  }
  process?.disconnect();
  context.runtime.forget(token);
  await killCgroup(context.facts.cgroup, cgroupOf(context, container.id));
  const exit = exitOf(record);
  if (exit !== undefined) {
    // It ran and ended before anybody could write down that it ran.
    const startedAtMs = Number(exit.startedAtNs / 1_000_000n);
    const ending = { ...unknownEnding(startedAtMs, ""), exitCode: exit.exitCode, oomKilled: exit.oomKilled };
    context.registry.setState(container, { status: "exited", ending });
  } else if (before !== null && before.finishedAtMs > 0) {
    context.registry.setState(container, { status: "exited", ending: before });
  } else {
    const failure = { ...unknownEnding(0, "the engine was stopped during the start"), finishedAtMs: 0 };
    context.registry.setState(container, { status: "created", failure });
  }
}

/** Finds the container's supervisor again, or says how it ended in the meantime. */
async function recoverRunning(
  context: ContainerContext,
  container: Container,
): Promise<{ readonly ending: Ending; readonly lost: boolean } | undefined> {
  if (!isAlive(container.state)) return undefined;
  const { token, startedAtMs } = container.state;
  const { record } = context.paths.container(container.id);
  const process = await context.runtime.reconnect(token, record);
  if (process !== undefined) {
    adopt(context, container, process);
    return undefined;
  }
  context.runtime.forget(token);
  const exit = exitOf(record);
  if (exit === undefined) {
    return { ending: unknownEnding(startedAtMs, "the supervisor of the container was killed"), lost: true };
  }
  const ending = {
    exitCode: exit.exitCode,
    oomKilled: exit.oomKilled,
    startedAtMs,
    finishedAtMs: Number(exit.finishedAtNs / 1_000_000n),
    error: "",
    requested: false,
  };
  return { ending, lost: false };
}

function adopt(context: ContainerContext, container: Container, process: SupervisedProcess): void {
  container.process = process;
  watchExit(context, container, process);
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

function liveEndpoints(context: ContainerContext): LiveEndpoint[] {
  const live: LiveEndpoint[] = [];
  for (const { id, state } of context.registry.all()) {
    if (!isAlive(state) || state.endpoint === null) continue;
    live.push({ containerId: id, address: state.endpoint.address, ports: state.endpoint.ports });
  }
  return live;
}

async function finishRemoval(context: ContainerContext, container: Container): Promise<void> {
  const ending = "ending" in container.state ? container.state.ending : null;
  const volumes = "volumes" in container.state && container.state.volumes === true;
  // Only a dead container may start over with its removal.
  if (container.state.status === "removing")
    context.registry.setState(container, { status: "dead", ending, volumes });
  await takeAway(context, container, { volumes });
}

/** Takes away what an engine left unfinished, and reports what has our names and belongs to no container. */
async function sweep(context: ContainerContext): Promise<void> {
  const { registry, images, layers, volumes } = context;
  const known = { layers: images.layers(), containers: new Set<string>() };
  for (const { id, document } of registry.all()) {
    known.containers.add(id);
    for (const layer of document.image.chain) known.layers.add(layer);
  }
  await sweepCgroups(context);
  await sweepOwnParents(context);
  reportStrangers(context, layers.sweep(known));
  volumes.recover();
}

async function sweepCgroups({ registry, facts, config, report }: ContainerContext): Promise<void> {
  const parent = cgroupParentOf(config.tag);
  for (const name of listCgroups(facts.cgroup, parent)) {
    const container = registry.byId(name);
    if (container !== undefined && isAlive(container.state)) continue;
    const directory = `${parent}/${name}`;
    const [pid] = container === undefined ? listCgroupProcesses(facts.cgroup, directory) : [];
    if (pid !== undefined) {
      report(
        new Error(
          `cgroup ${directory} belongs to no container of the database, and process ${pid} is in it; it is left ` +
            "running: end its processes, and the next start removes the group",
        ),
      );
      continue;
    }
    try {
      await killCgroup(facts.cgroup, directory);
      await removeCgroup(facts.cgroup, directory);
    } catch (thrown) {
      report(new Error(`cgroup ${directory}: ${messageOf(thrown)}`));
    }
  }
}

/** Groups of containers that have a parent of their own; nothing lists those but the containers. */
async function sweepOwnParents(context: ContainerContext): Promise<void> {
  for (const { id, state } of context.registry.all()) {
    if (isAlive(state) || ownCgroupParent(context, id) === undefined) continue;
    const directory = cgroupOf(context, id);
    try {
      await killCgroup(context.facts.cgroup, directory);
      await removeCgroup(context.facts.cgroup, directory);
      releaseOwnParent(context, id);
    } catch (thrown) {
      context.report(new Error(`cgroup ${directory}: ${messageOf(thrown)}`));
    }
  }
}

/** Containers whose policy wants them to run whenever the engine does. */
function restartAll(context: ContainerContext): void {
  for (const container of context.registry.all()) {
    const { state, document } = container;
    if (state.status !== "exited") continue;
    const policy = document.host.RestartPolicy;
    const always = policy?.Name === "always";
    if (!always && !wantsRestart(policy, state.ending, container.restarts)) continue;
    startContainer(context, container).catch(context.report);
  }
}
