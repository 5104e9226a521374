/**
 * One launch: take an executor, hand it the plan and its descriptors, answer its syncs, wait for the verdict.
 * Whatever happens, when the launch has settled this process holds no descriptor of it but, on success, the
 * control connection and the attachments.
 */
import { encodePlan } from "../abi/encode.ts";
import { encodeMessage, type Message } from "../abi/message.ts";
import { HeldProcess } from "../kernel/held-process.ts";
import { sealedMemfd } from "../kernel/memfd.ts";
import type { OwnedFd } from "../kernel/owned-fd.ts";
import { signalPid } from "../kernel/pidfd.ts";
import { sendWithFds } from "../kernel/send-fds.ts";
import { socketPair } from "../kernel/socket-pair.ts";
import { SyscallError } from "../kernel/syscall.ts";
import type { ByteDuplex } from "../lib/byte-duplex.ts";
import { monotonicMs, nowMs } from "../lib/clock.ts";
import { TiffinError } from "../lib/errors.ts";
import { after, type Timer } from "../lib/timer.ts";
import type { Plan } from "../plan/plan.ts";
import { connectDuplex } from "../transport/bun-duplex.ts";
import type { MessageFields } from "./control-channel.ts";
import type { ExecutorPool, WaitingExecutor } from "./executor-pool.ts";
import { removeSocket } from "./listener-socket.ts";
import { killExecutor, reapEventually, reapSoon } from "./reaper.ts";
import type { LaunchPhases, LaunchRequest, SupervisedProcess } from "./supervised-process.ts";
import { superviseOver } from "./supervisor-connection.ts";

const attachSlot = /^attach:\d+$/;
const nanosecondsPerMs = 1e6;
/** How long a failed executor may take to clean up and leave before it is killed. */
const leaveLimitMs = 5000;
const sigkill = 9;
const attemptLimit = 5;

type Started = MessageFields<"started">;
type Failed = Extract<Message, { name: "failed" }>;

export interface LaunchContext {
  readonly startLimitMs: number;
  readonly pool: ExecutorPool;
  readonly socketDirectory: string;
}

/** Performs `request`; see `Runtime.launch`. */
export async function launch(context: LaunchContext, request: LaunchRequest): Promise<SupervisedProcess> {
  const beganMs = monotonicMs();
  const wire = wirePlan(request);
  let executor: WaitingExecutor | undefined;
  try {
    const handed = await handOver(context, request, wire);
    executor = handed.executor;
    const { verdict, takeMs } = handed;
    const attachments = await adopt(wire);
    const sentMs = monotonicMs();
    const started = await verdict;
    const doneMs = monotonicMs();
    const phases: LaunchPhases = {
      takeMs,
      sendMs: sentMs - beganMs - takeMs,
      cloneMs: Number(started.cloneNs) / nanosecondsPerMs,
      execMs: Number(started.execNs - started.cloneNs) / nanosecondsPerMs,
      totalMs: doneMs - beganMs,
    };
    const { channel, token, pid } = executor;
    return superviseOver({
      // The executor has not been reaped, so its number and those of its children are what they seem.
      main: HeldProcess.childOf(pid, started.pid),
      supervisor: {
        pid,
        signal: (number) => void signalPid(pid, number),
        [Symbol.dispose]() {},
      },
      channel,
      token,
      socketDirectory: context.socketDirectory,
      pid: started.pid,
      startedAtNs: BigInt(nowMs()) * BigInt(nanosecondsPerMs),
      phases,
      attachments,
      ...(request.recordPath === undefined ? {} : { recordPath: request.recordPath }),
      onClosed(goesOn) {
        context.pool.forget(token);
        if (goesOn) reapEventually(pid);
        else reapSoon(pid);
      },
    });
  } catch (thrown) {
    for (const fd of wire.owned) fd[Symbol.dispose]();
    for (const stream of wire.streams) stream.destroy();
    // Not a verdict of the executor: it must not go on with a plan that nobody waits for.
    if (executor !== undefined && !executor.channel.closed) giveUp(executor);
    throw thrown;
  } finally {
    executor?.socket[Symbol.dispose]();
  }
}

/** A plan made ready for sending: descriptors in slot order, and our ends of its attach connections. */
interface WirePlan {
  readonly plan: OwnedFd;
  /** In slot order; borrowed from the request or in `owned`. */
  readonly sent: readonly OwnedFd[];
  /** Closed as soon as the message has left, or the launch has failed. */
  readonly owned: OwnedFd[];
  /** Our ends of attach connections, until they are adopted. */
  readonly ends: OwnedFd[];
  readonly streams: ByteDuplex[];
}

function wirePlan(request: LaunchRequest): WirePlan {
  const owned: OwnedFd[] = [];
  const ends: OwnedFd[] = [];
  try {
    const plan = sealedMemfd("tiffin-plan", encodePlan(request.plan.ops, request.plan.receives.length));
    owned.push(plan);
    const sent = inSlotOrder(request.plan).map((name) => {
      if (!attachSlot.test(name)) return given(request, name);
      const [ours, theirs] = socketPair(name);
      owned.push(ours, theirs);
      ends.push(ours);
      return theirs;
    });
    return { plan, sent, owned, ends, streams: [] };
  } catch (thrown) {
    for (const fd of owned) fd[Symbol.dispose]();
    throw thrown;
  }
}

function inSlotOrder(plan: Plan): string[] {
  const names: string[] = [];
  for (const received of plan.receives) names[received.slot] = received.name;
  if (Object.keys(names).length !== names.length || names.length !== plan.receives.length) {
    throw new TiffinError("internal", "runtime.slot-gap", "the plan's received slots are not 0, 1, 2 ...");
  }
  return names;
}

function given(request: LaunchRequest, name: string): OwnedFd {
  const fd = request.fds.get(name);
  if (fd !== undefined) return fd;
  throw new TiffinError(
    "internal",
    "runtime.slot-missing",
    `the plan wants descriptor ${JSON.stringify(name)}`,
  );
}

interface HandedOver {
  readonly executor: WaitingExecutor;
  readonly verdict: Promise<Started>;
  readonly takeMs: number;
}

/** Sends START. An executor that died while it waited takes nothing with it: the next one is asked. */
async function handOver(context: LaunchContext, request: LaunchRequest, wire: WirePlan): Promise<HandedOver> {
  const { pool } = context;
  const fds = [wire.plan, ...wire.sent];
  const start = encodeMessage("start", { fdCount: fds.length });
  for (let attempt = 1; ; attempt += 1) {
    const askedMs = monotonicMs();
    const executor = await pool.take();
    const takeMs = monotonicMs() - askedMs;
    try {
      request.onToken?.(executor.token);
      sendWithFds(executor.socket, start, fds);
      return { executor, verdict: watch(context, executor, request), takeMs };
    } catch (thrown) {
      pool.discard(executor);
      const died = thrown instanceof SyscallError && thrown.code === "EPIPE";
      if (!died || attempt === attemptLimit) throw thrown;
    }
  }
}

async function adopt(wire: WirePlan): Promise<ByteDuplex[]> {
  for (const end of wire.ends) wire.streams.push(await connectDuplex({ fd: end.take() }));
  // The executor has its own copies in flight; ours would keep its streams from ending.
  for (const fd of wire.owned) fd[Symbol.dispose]();
  return wire.streams;
}

/** Resolves with STARTED; rejects when the plan failed, the executor vanished or was silent, or a sync was refused. */
function watch(context: LaunchContext, executor: WaitingExecutor, request: LaunchRequest): Promise<Started> {
  const { channel, pid, token } = executor;
  const { startLimitMs } = context;
  const { promise, resolve, reject } = Promise.withResolvers<Started>();
  // A failure is reported only after the executor has left, so that nothing of the launch remains.
  let verdict: unknown;
  let leaving: Timer | undefined;
  const failWith = (thrown: unknown): void => {
    verdict ??= thrown;
    leaving ??= killUnlessGone(executor);
  };
  const tooLong = (): void => {
    if (!channel.closed) failWith(startSilent(pid, startLimitMs));
  };
  const silence = after(startLimitMs, tooLong, { background: true });
  channel.listen({
    message(message) {
      if (message.name === "started") {
        silence.cancel();
        channel.hold();
        resolve(message.fields);
      } else if (message.name === "failed") failWith(message);
      else if (message.name === "synced") {
        const { id, pid: child } = message.fields;
        answerSync(request, id, child).then(
          () => channel.send("go", { id }),
          (thrown) => {
            failWith(thrown);
            channel.send("signal", { number: sigkill });
          },
        );
      }
    },
    closed() {
      silence.cancel();
      leaving?.cancel();
      // One that was killed could not do this itself.
      removeSocket(context.socketDirectory, token);
      context.pool.forget(token);
      reapSoon(pid);
      rejectWith(request.plan, verdict, reject);
    },
  });
  // `launch` awaits it after a few other steps; until then a rejection must not count as unhandled.
  promise.catch(() => {});
  return promise;
}

/** Gives an executor that should leave its time, then kills it; one that hangs in the kernel is not waited for. */
function killUnlessGone({ channel, pid }: WaitingExecutor): Timer {
  let timer = after(leaveLimitMs, () => {
    // Closed: it has ended, and its number may be another's by now.
    if (channel.closed) return;
    killExecutor(pid);
    timer = after(leaveLimitMs, () => channel.close());
  });
  const cancel = (): void => timer.cancel();
  return { cancel, [Symbol.dispose]: cancel };
}

function startSilent(pid: number, startLimitMs: number): TiffinError {
  return new TiffinError(
    "unavailable",
    "runtime.start-silent",
    `the executor (process ${pid}) has not started the program within ${startLimitMs / 1000} s; it has been killed`,
    { remedy: "look whether a mount of the container hangs, or whether somebody has stopped the executor" },
  );
}

/** Before STARTED, SIGKILL means: kill and reap the child, then leave. */
function giveUp({ channel, pid }: WaitingExecutor): void {
  const deadline = after(leaveLimitMs, () => killExecutor(pid), { background: true });
  channel.listen({
    message() {},
    closed() {
      deadline.cancel();
      reapSoon(pid);
    },
  });
  channel.send("signal", { number: sigkill });
}

async function answerSync(request: LaunchRequest, id: number, pid: number): Promise<void> {
  await request.onSync?.(id, pid);
}

function rejectWith(plan: Plan, verdict: unknown, reject: (reason: unknown) => void): void {
  if (verdict === undefined) {
    reject(
      new TiffinError(
        "internal",
        "runtime.executor-vanished",
        "the executor ended before it started the process",
        {
          remedy: "look in the kernel log for an out-of-memory kill",
        },
      ),
    );
  } else if (isFailed(verdict)) {
    const failed = verdict;
    import("../plan/explain-failure.ts").then(
      ({ explainFailure }) => reject(explainFailure(plan, failed)),
      reject,
    );
  } else {
    reject(verdict);
  }
}

function isFailed(verdict: unknown): verdict is Failed {
  return typeof verdict === "object" && verdict !== null && "name" in verdict && verdict.name === "failed";
}
