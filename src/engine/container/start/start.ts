/**
 * A start: look up what the container needs, compile it into a plan, prepare the host's part of it, launch. Each thing
 * that is acquired pushes its undo, so a failure at any step leaves the container as it was, and the host too.
 */
import { makeCgroupParents } from "../../../kernel/cgroup-parents.ts";
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import { SyscallError } from "../../../kernel/syscall.ts";
import { monotonicMs, nowMs } from "../../../lib/clock.ts";
import { messageOf, TiffinError } from "../../../lib/errors.ts";
import { after } from "../../../lib/timer.ts";
import { UndoStack } from "../../../lib/undo-stack.ts";
import { signalNumbers } from "../../../linux/signals.ts";
import { explainHostFailure, type Plan } from "../../../plan/mod.ts";
import { applyHostOps, openCgroupSlots, type SupervisedProcess } from "../../../runtime/mod.ts";
import { afterStartMs } from "../../idle-work.ts";
import { tellAllNetworks, tellEvent } from "../context.ts";
import { takeAway, watchExit } from "../end/mod.ts";
import { enterVolumes, hasForeign, leaveVolumes, releaseForeign, releaseMounted } from "../mounts/mod.ts";
import {
  cgroupMark,
  deliverySubject,
  ownCgroupParent,
  releaseOwnParent,
  resizeContainer,
  tellExits,
} from "../process/mod.ts";
import { type Container, endingOf, isAlive, type NetworkHold } from "../record/mod.ts";
import type { StartContext } from "./context.ts";
import { linkWays } from "./links.ts";
import { followLinked } from "./living-files.ts";
import { type Meetings, prepareMeetings } from "./meetings.ts";
import { attachToNetwork, meetingEndOfShared, type NetworkPlace } from "./start-network.ts";
import { compilePlan, hashOfPlan, inspectStart } from "./start-plan.ts";
import { openStateFiles } from "./state-files.ts";

/**
 * Starts a container that does not run, with `container.pending` attached. Errors: `notModified` when it runs,
 * `conflict` when it is being removed, else what the failing step says, with the exit code for its client.
 */
export async function startContainer(context: StartContext, container: Container): Promise<void> {
  refuseStart(container);
  const clock = new PhaseClock();
  const undo = new UndoStack();
  const restarting = container.state.status === "restarting";
  const attempt: Attempt = { clock, undo, plan: undefined };
  container.failedStart = undefined;
  try {
    const process = await meetingEndOfShared(context, container, () =>
      performStart(context, container, attempt),
    );
    undo.disarm();
    container.phases = { ...clock.phases, ...process.phases };
    context.telemetry.started(container, container.phases);
  } catch (thrown) {
    const failures = await undo.unwind();
    for (const failure of failures) context.report(new Error(`start of ${container.id}: ${failure}`));
    recordFailure(context, container, thrown);
    context.telemetry.startFailed(container, thrown);
    rememberFailed(container, attempt, thrown);
    releaseMounted(context, container);
    // Between two runs clients wait for the end of the next one, which there will not be.
    const last = endingOf(container.state);
    if (restarting && last !== null) tellExits(container, last);
    // A container that removes itself after its run does so too when there is none.
    if (container.document.specification.removeWhenEnded)
      await takeAway(context, container, { volumes: true });
    throw thrown;
  }
}

/** A start on its way. */
interface Attempt {
  readonly clock: PhaseClock;
  readonly undo: UndoStack;
  /** As soon as it is decided. */
  plan: Plan | undefined;
}

/** For whoever asks afterwards which operation it was. */
function rememberFailed(container: Container, { plan }: Attempt, thrown: unknown): void {
  container.startTimes = undefined;
  const failed = thrown instanceof TiffinError ? thrown.failedOperation : undefined;
  if (plan !== undefined && failed !== undefined)
    container.failedStart = { ...failed, signature: hashOfPlan(plan) };
}

export function alreadyRunning(id: string): TiffinError {
  return new TiffinError("notModified", "container.running", `container ${id} is already running`);
}

function refuseStart(container: Container): void {
  const { state, id } = container;
  if (isAlive(state)) {
    if (state.status === "paused") {
      throw new TiffinError(
        "conflict",
        "container.paused",
        "cannot start a paused container, try unpause instead",
      );
    }
    throw alreadyRunning(id);
  }
  if (state.status === "removing" || state.status === "dead") {
    throw new TiffinError(
      "conflict",
      "container.removing",
      "container is marked for removal and cannot be started",
    );
  }
}

async function performStart(
  context: StartContext,
  container: Container,
  attempt: Attempt,
): Promise<SupervisedProcess> {
  const { clock, undo } = attempt;
  const pending = container.pending.filter((stream) => !stream.abandoned);
  container.pending = [];
  undo.push("waiting clients", () => {
    for (const stream of pending) stream.abandon();
  });
  const fds = new Map<string, OwnedFd>();
  using _fds = { [Symbol.dispose]: () => closeAll(fds) };

  const start = await inspectStart(context, container);
  if (hasForeign(context, container)) {
    undo.push("volumes of other drivers", () =>
      releaseForeign(context, container, container.document.specification.mounts),
    );
  }
  context.fail("start.mounts");
  clock.mark("lookUpMs");

  const place = await attachToNetwork(context, container, undo);
  if (place.netns !== undefined) fds.set("netns", place.netns);
  context.fail("start.network");
  clock.mark("networkMs");

  const { size } = container;
  const { removeWhenEnded } = container.document.specification;
  const { plan, spec, mounts } = compilePlan(context, container, start, place, pending);
  attempt.plan = plan;
  const ways = linkWays(context, container);
  if (ways.length > 0) context.networks.link(container.id, ways);
  // The compiler saw which mounts are binds; what it was told about them came from the same descriptors.
  for (const [name, fd] of mounts.fds) fds.set(name, fd);
  enterVolumes(context, container);
  undo.push("volumes", () => leaveVolumes(context, container));
  clock.mark("compileMs");

  const hostMs: number[] = [];
  const tolerated: number[] = [];
  const hostWarnings = prepareGroups(context, container, plan, undo, { times: hostMs, tolerated });
  const meetings = prepareMeetings(context, container, start, { spec, place }, undo);
  container.startWarnings = [...place.warnings, ...plan.warnings, ...hostWarnings];
  for (const [name, fd] of openCgroupSlots(plan, context.facts)) fds.set(name, fd);
  await openStateFiles(context, container, plan, fds);
  context.fail("start.cgroup");
  clock.mark("hostMs");

  await prepareDelivery(context, container, undo);
  // Taken before the process can write: who asks for the output since the start gets all of it.
  const startedAtMs = nowMs();
  const process = await launch(context, container, plan, fds, { place, meetings });
  undo.push("process", async () => {
    process.signal(signalNumbers.SIGKILL);
    await process.exited;
  });
  context.fail("start.launched");
  await meetings.afterStart(process.pid);
  for (const [index, stream] of pending.entries()) {
    const attachment = process.attachments[index];
    if (attachment !== undefined) stream.connect(attachment);
  }
  becomeRunning(context, container, process, startedAtMs, place.hold);
  container.startTimes = {
    signature: hashedLater(plan, () => container.process !== undefined || !removeWhenEnded),
    hostMs,
    tolerated,
    opMs: process.opTimesMs ?? new Float32Array(0),
  };
  await resizeAfterStart(container, size);
  clock.mark("launchMs");
  return process;
}

/**
 * No start waits for what only an explanation wants; nor is the plan kept for it longer than a moment, nor looked at
 * where by then nobody can ask any more.
 */
function hashedLater(plan: Plan, isWanted: () => boolean): () => bigint {
  let left: Plan | undefined = plan;
  let hash = 0n;
  const hashed = (): bigint => {
    if (left !== undefined) hash = hashOfPlan(left);
    left = undefined;
    return hash;
  };
  const later = (): void => {
    if (isWanted()) hashed();
    left = undefined;
  };
  after(afterStartMs, later, { background: true });
  return hashed;
}

/** Who is to have the output must be there. */
async function prepareDelivery(context: StartContext, container: Container, undo: UndoStack): Promise<void> {
  const subject = deliverySubject(context, container);
  if (subject === undefined) return;
  undo.push("log receiver", () => context.deliveries.letGo(container.id));
  await context.deliveries.prepare(container.id, subject.delivery);
}

/**
 * A client may have given another size than that with which the start was compiled, and has been answered: who hears that the start is
 * over finds a terminal of that size.
 */
async function resizeAfterStart(container: Container, compiled: Container["size"]): Promise<void> {
  const { size } = container;
  if (size === undefined || size === compiled) return;
  // A program that has ended needs none.
  await resizeContainer(container, { height: size.rows, width: size.columns }).catch(() => {});
}

/** The container's groups and limits. Errors: `invalid` for a limit that the kernel does not take. */
function prepareGroups(
  context: StartContext,
  container: Container,
  plan: Plan,
  undo: UndoStack,
  noted: { readonly times: number[]; readonly tolerated: number[] },
): string[] {
  const { cgroup } = context.facts;
  const parent = ownCgroupParent(context, container.id);
  try {
    if (parent !== undefined) {
      undo.push("parent of the cgroup", () => releaseOwnParent(context, container.id));
      for (const op of plan.hostOps) {
        if (op.op === "cgroupCreate") makeCgroupParents(cgroup, op.hierarchy, parent, cgroupMark(context));
      }
    }
    return applyHostOps(plan, context.facts, undo, noted);
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    const { message, remedy = "", operations, failedOperation } = explainHostFailure(plan, thrown);
    throw new TiffinError(
      "invalid",
      "container.limit-refused",
      `the kernel refuses a limit or a group of the container: ${message}`,
      {
        cause: thrown,
        exitCode: 125,
        remedy,
        ...(operations !== undefined && { operations }),
        ...(failedOperation !== undefined && { failedOperation }),
      },
    );
  }
}

async function launch(
  context: StartContext,
  container: Container,
  plan: Plan,
  fds: ReadonlyMap<string, OwnedFd>,
  { place, meetings }: { readonly place: NetworkPlace; readonly meetings: Meetings },
): Promise<SupervisedProcess> {
  const { registry, runtime } = context;
  const before = endingOf(container.state);
  return await runtime.launch({
    plan,
    fds,
    recordPath: context.paths.container(container.id).record,
    onToken(token) {
      registry.setState(container, { status: "starting", token, ...place.hold, before });
      context.fail("start.token");
    },
    async onSync(id, pid) {
      await meetings.onSync(id, pid);
      context.fail("start.sync");
    },
  });
}

function becomeRunning(
  context: StartContext,
  container: Container,
  process: SupervisedProcess,
  startedAtMs: number,
  hold: NetworkHold,
): void {
  const { token, pid } = process;
  context.registry.setState(container, { status: "running", token, pid, startedAtMs, ...hold });
  context.fail("start.running");
  container.process = process;
  watchExit(context, container, process);
  tellAllNetworks(context, container, "connect", hold);
  tellEvent(context, container, "start");
  followLinked(context, container);
  context.idle.within(afterStartMs);
}

/** A start that failed is part of the container's history: exit code and reason show in `inspect`. */
function recordFailure(context: StartContext, container: Container, thrown: unknown): void {
  const ending = {
    exitCode: thrown instanceof TiffinError ? (thrown.exitCode ?? 128) : 128,
    oomKilled: false,
    startedAtMs: 0,
    finishedAtMs: 0,
    error: messageOf(thrown),
    requested: false,
  };
  const { state } = container;
  const before = endingOf(state);
  if (state.status === "starting") {
    const ranBefore = before !== null && before.finishedAtMs > 0;
    const next = ranBefore
      ? ({ status: "exited", ending: { ...before, exitCode: ending.exitCode, error: ending.error } } as const)
      : ({ status: "created", failure: ending } as const);
    context.registry.setState(container, next);
  } else if (state.status === "running") {
    context.registry.setState(container, { status: "exited", ending: { ...ending, finishedAtMs: nowMs() } });
  } else if (state.status === "restarting") {
    const { exitCode, error } = ending;
    context.registry.setState(container, { status: "exited", ending: { ...state.ending, exitCode, error } });
  } else if (state.status === "created") {
    context.registry.amendCreated(container, ending);
  }
}

function closeAll(fds: Map<string, OwnedFd>): void {
  for (const fd of fds.values()) fd[Symbol.dispose]();
  fds.clear();
}

/** Milliseconds between marks. */
class PhaseClock {
  readonly phases: Record<string, number> = {};
  #lastMs = monotonicMs();

  mark(phase: string): void {
    const now = monotonicMs();
    this.phases[phase] = now - this.#lastMs;
    this.#lastMs = now;
  }
}
