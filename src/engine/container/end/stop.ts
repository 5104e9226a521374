/** Signals from clients: kill, and the polite stop that turns into SIGKILL. */
import { cannotKill, invalidSignal } from "../../../docker/messages.ts";
import { killCgroup } from "../../../kernel/cgroup-processes.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { within } from "../../../lib/timer.ts";
import { parseSignal, signalNumbers } from "../../../linux/signals.ts";
import type { SupervisedProcess } from "../../../runtime/mod.ts";
import { tellEvent } from "../context.ts";
import { cgroupOf, nextExit, tellExits, unpauseForSignal } from "../process/mod.ts";
import { type Container, type Ending, isAlive } from "../record/mod.ts";
import type { EndContext } from "./context.ts";

/** How long a process may take to die of SIGKILL before its whole group is killed by other means. */
const killLimitMs = 10_000;

/** The number of a signal that a client named. Errors: `container.signal`. */
export function decodeSignal(text: string): number {
  const number = parseSignal(text);
  if (number !== undefined) return number;
  throw new TiffinError("invalid", "container.signal", invalidSignal(text));
}

export interface StopOptions {
  readonly signal?: string | undefined;
  /** Negative waits for ever. */
  readonly timeoutSeconds?: number | undefined;
}

/** Ends a container. Errors: `notModified` when it does not run. Resolves when it has ended. */
export async function stopContainer(
  context: EndContext,
  container: Container,
  options: StopOptions,
): Promise<void> {
  const { stop } = container.document.specification;
  const signal = options.signal ? decodeSignal(options.signal) : stop.signal;
  // A start that is under way first comes to its result.
  await container.queue;
  if (endRestarting(context, container)) {
    tellEvent(context, container, "stop");
    return;
  }
  if (!isAlive(container.state) || container.process === undefined) {
    throw new TiffinError("notModified", "container.stopped", `container ${container.id} is already stopped`);
  }
  const { ended } = nextExit(container);
  context.registry.noteStopping(container);
  container.process.signal(signal);
  tellKill(context, container, signal);
  await unpauseForSignal(context, container);
  context.fail("stop.signalled");
  const graceSeconds = options.timeoutSeconds ?? stop.graceSeconds;
  const inTime = graceSeconds < 0 ? await always(ended) : await within(ended, graceSeconds * 1000);
  if (!inTime) await killAndWait(context, container, ended);
  tellEvent(context, container, "stop");
}

/**
 * Ends the run of a container as a stop does, but for its policy to bring it back. Nothing when it has ended, or somebody is
 * ending it.
 */
export async function endUnhealthy(context: EndContext, container: Container): Promise<void> {
  const { state, process } = container;
  if (!isAlive(state) || process === undefined || state.stopping === true || state.unhealthy === true) return;
  context.registry.noteUnhealthy(container);
  await endRun(context, container, process, container.document.specification.stop.graceSeconds);
}

/** The machine goes down: the run ends as a stop ends it, and the policy does what it does at the next start of the engine. */
export async function endForPowerOff(context: EndContext, container: Container): Promise<void> {
  await startUnderWay(container);
  const { state, process } = container;
  if (!isAlive(state) || process === undefined) return;
  const seconds = powerOffSeconds(container);
  // Perhaps somebody is ending it already.
  if (state.stopping !== true && state.unhealthy !== true) await endRun(context, container, process, seconds);
  else await within(nextExit(container).ended, seconds * 1000);
}

/** What the end of the machine gives a container, however long its own stop may take. */
const mostPowerOffSeconds = 600;

export function powerOffSeconds({ document }: Container): number {
  const { graceSeconds } = document.specification.stop;
  return graceSeconds < 0 ? mostPowerOffSeconds : Math.min(graceSeconds, mostPowerOffSeconds);
}

async function endRun(
  context: EndContext,
  container: Container,
  process: SupervisedProcess,
  graceSeconds: number,
): Promise<void> {
  const { stop } = container.document.specification;
  const { ended } = nextExit(container);
  process.signal(stop.signal);
  tellKill(context, container, stop.signal);
  await unpauseForSignal(context, container);
  context.fail("stop.signalled");
  const inTime = graceSeconds < 0 ? await always(ended) : await within(ended, graceSeconds * 1000);
  if (inTime) return;
  process.signal(signalNumbers.SIGKILL);
  tellKill(context, container, signalNumbers.SIGKILL);
  await killed(context, container, ended);
}

async function always(ended: Promise<Ending>): Promise<boolean> {
  await ended;
  return true;
}

/** A start that is under way first comes to its result: it would bring back what is ended meanwhile. */
export async function startUnderWay(container: Container): Promise<void> {
  const { status } = container.state;
  if (status === "starting" || status === "restarting") await container.queue;
}

/** Between two runs there is nobody to be signalled: the next one is called off. False when it is not restarting. */
export function endRestarting(context: EndContext, container: Container): boolean {
  const { state } = container;
  if (state.status !== "restarting") return false;
  context.registry.setState(container, { status: "exited", ending: { ...state.ending, requested: true } });
  tellExits(container, state.ending);
  return true;
}

/** SIGKILL, and for what survives it the kill of the whole group. Errors: `container.survives` when not even that helps. */
export async function killAndWait(
  context: EndContext,
  container: Container,
  ended: Promise<Ending>,
): Promise<void> {
  const { process } = container;
  context.registry.noteStopping(container);
  process?.signal(signalNumbers.SIGKILL);
  tellKill(context, container, signalNumbers.SIGKILL);
  await unpauseForSignal(context, container);
  await killed(context, container, ended);
}

/** Waits for the end of what has been sent SIGKILL. */
async function killed(context: EndContext, container: Container, ended: Promise<Ending>): Promise<void> {
  const { process, id } = container;
  if (await within(ended, killLimitMs)) return;
  await killCgroup(context.facts.cgroup, cgroupOf(context, id));
  if (await within(ended, killLimitMs)) return;
  throw new TiffinError(
    "internal",
    "container.survives",
    `container ${id} was killed ${(killLimitMs / 1000) * 2} s ago and has not ended: process ${process?.pid} hangs in the kernel`,
    { remedy: "look for the device or network file system that it waits for; then try again" },
  );
}

/** Sends a signal; SIGKILL resolves when it has ended the container. Errors: `conflict` when the container does not run. */
export async function killContainer(
  context: EndContext,
  container: Container,
  text: string,
  /** As the client named it. */
  name: string = container.id,
): Promise<void> {
  const signal = decodeSignal(text);
  await startUnderWay(container);
  if (endRestarting(context, container)) return;
  if (!isAlive(container.state) || container.process === undefined) {
    throw cannotKillError(name, container.id);
  }
  const { ended, cancel } = nextExit(container);
  if (isMeantToEnd(container, signal)) context.registry.noteStopping(container);
  // One that has ended a moment ago has not been delivered anything.
  if (!container.process.signal(signal)) {
    cancel();
    throw cannotKillError(name, container.id);
  }
  tellKill(context, container, signal);
  if (isMeantToEnd(container, signal)) await unpauseForSignal(context, container);
  if (signal !== signalNumbers.SIGKILL) cancel();
  else await killed(context, container, ended);
}

/**
 * Whether a client that sends `signal` does not want the container back. As in Docker: a container without a stop signal
 * of its own may end by any, one with keeps its policy when it is sent others, unless the policy asks whether anybody
 * has laid hands on it.
 */
function isMeantToEnd({ document }: Container, signal: number): boolean {
  const { stop, restart } = document.specification;
  if (stop.chosen !== true || signal === stop.signal || signal === signalNumbers.SIGKILL) return true;
  return restart.policy === "unless-stopped";
}

function tellKill(context: EndContext, container: Container, signal: number): void {
  tellEvent(context, container, "kill", { signal: String(signal) });
}

function cannotKillError(name: string, id: string): TiffinError {
  return new TiffinError("conflict", "container.not-running", cannotKill(name, id));
}
