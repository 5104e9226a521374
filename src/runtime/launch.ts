/**
 * One launch: take an executor, hand it the plan and its descriptors, answer its syncs, wait for the verdict.
 * Whatever happens, when the launch has settled this process holds no descriptor of it but, on success, the
 * control connection and the attachments.
 */
import { HeldProcess } from "../kernel/held-process.ts";
import type { OwnedFd } from "../kernel/owned-fd.ts";
import { signalPid } from "../kernel/pidfd.ts";
import { sendWithFds } from "../kernel/send-fds.ts";
import { socketPair } from "../kernel/socket-pair.ts";
import { SyscallError } from "../kernel/syscall.ts";
import type { ByteDuplex } from "../lib/byte-duplex.ts";
import { monotonicMs, nowMs } from "../lib/clock.ts";
import { TiffinError } from "../lib/errors.ts";
import { after, type Timer } from "../lib/timer.ts";
import { connectDuplex } from "../transport/bun-duplex.ts";
import type { ExecutorPool, WaitingExecutor } from "./executor-pool.ts";
import { removeSocket } from "./listener-socket.ts";
import { killExecutor, reapEventually, reapSoon } from "./reaper.ts";
import {
  killMessage,
  StartConversation,
  type Started,
  type StartMessage,
  startMessage,
} from "./start-conversation.ts";
import type { LaunchPhases, LaunchRequest, SupervisedProcess } from "./supervised-process.ts";
import { superviseOver } from "./supervisor-connection.ts";

const attachSlot = /^attach:\d+$/;
const nanosecondsPerMs = 1e6;
/** How long a failed executor may take to clean up and leave before it is killed. */
const leaveLimitMs = 5000;
const attemptLimit = 5;

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
      cloneMs: started.cloneMs,
      execMs: started.execMs,
      totalMs: doneMs - beganMs,
    };
    return supervised(context, executor, {
      started,
      phases,
      attachments,
      recordPath: request.recordPath,
    });
  } catch (thrown) {
    for (const each of wire.owned) each[Symbol.dispose]();
    for (const stream of wire.streams) stream.destroy();
    // Not a verdict of the executor: it must not go on with a plan that nobody waits for.
    if (executor !== undefined && !executor.channel.closed) giveUp(executor);
    throw thrown;
  } finally {
    executor?.socket[Symbol.dispose]();
  }
}

interface Launched {
  readonly started: Started;
  readonly phases: LaunchPhases;
  readonly attachments: readonly ByteDuplex[];
  readonly recordPath: string | undefined;
}

/**
 * What stays of a launch as long as its process. A function of its own: what it makes lives as long, and so would everything that
 * the launch had at hand, the plan above all, if it were made there.
 */
function supervised(
  { pool, socketDirectory }: LaunchContext,
  { channel, token, pid }: WaitingExecutor,
  { started, phases, attachments, recordPath }: Launched,
): SupervisedProcess {
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
    socketDirectory,
    pid: started.pid,
    startedAtNs: BigInt(nowMs()) * BigInt(nanosecondsPerMs),
    phases,
    opTimesMs: started.opTimesMs,
    attachments,
    ...(recordPath === undefined ? {} : { recordPath }),
    onClosed(goesOn) {
      pool.forget(token);
      if (goesOn) reapEventually(pid);
      else reapSoon(pid);
    },
  });
}

/** A plan made ready for sending, and our ends of its attach connections. */
interface WirePlan {
  readonly start: StartMessage;
  /** Closed as soon as the message has left, or the launch has failed. */
  readonly owned: Disposable[];
  /** Our ends of attach connections, until they are adopted. */
  readonly ends: OwnedFd[];
  readonly streams: ByteDuplex[];
}

function wirePlan({ plan, fds }: LaunchRequest): WirePlan {
  const owned: Disposable[] = [];
  const ends: OwnedFd[] = [];
  const attachment = (name: string): OwnedFd => {
    const [ours, theirs] = socketPair(name);
    owned.push(ours, theirs);
    ends.push(ours);
    return theirs;
  };
  try {
    const start = startMessage(plan, (name) => (attachSlot.test(name) ? attachment(name) : fds.get(name)));
    owned.push(start);
    return { start, owned, ends, streams: [] };
  } catch (thrown) {
    for (const each of owned) each[Symbol.dispose]();
    throw thrown;
  }
}

interface HandedOver {
  readonly executor: WaitingExecutor;
  readonly verdict: Promise<Started>;
  readonly takeMs: number;
}

/** Sends START. An executor that died while it waited takes nothing with it: the next one is asked. */
async function handOver(context: LaunchContext, request: LaunchRequest, wire: WirePlan): Promise<HandedOver> {
  const { pool } = context;
  for (let attempt = 1; ; attempt += 1) {
    const askedMs = monotonicMs();
    const executor = await pool.take();
    const takeMs = monotonicMs() - askedMs;
    try {
      request.onToken?.(executor.token);
      sendWithFds(executor.socket, wire.start.bytes, wire.start.fds);
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
  for (const each of wire.owned) each[Symbol.dispose]();
  return wire.streams;
}

/** Resolves when the program runs; rejects when the plan failed, the executor vanished or was silent, or a sync was refused. */
function watch(context: LaunchContext, executor: WaitingExecutor, request: LaunchRequest): Promise<Started> {
  const { channel, pid, token } = executor;
  const { startLimitMs } = context;
  const { promise, resolve, reject } = Promise.withResolvers<Started>();
  const conversation = new StartConversation(
    request.plan,
    (bytes) => channel.sendBytes(bytes),
    (id, child) => request.onSync?.(id, child),
  );
  // A failure is reported only after the executor has left, so that nothing of the launch remains.
  let leaving: Timer | undefined;
  const leaveIfLost = (): void => {
    if (conversation.isLost && !channel.closed) leaving ??= killUnlessGone(executor);
  };
  const tooLong = (): void => {
    if (channel.closed) return;
    conversation.giveUp(startSilent(pid, startLimitMs));
    leaveIfLost();
  };
  const silence = after(startLimitMs, tooLong, { background: true });
  channel.listen({
    message(message) {
      const started = conversation.hear(message);
      if (started === undefined) {
        leaveIfLost();
        void conversation.answered.then(leaveIfLost);
        return;
      }
      silence.cancel();
      channel.hold();
      resolve(started);
    },
    closed() {
      silence.cancel();
      leaving?.cancel();
      // One that was killed could not do this itself.
      removeSocket(context.socketDirectory, token);
      context.pool.forget(token);
      reapSoon(pid);
      conversation.failure(vanished()).then(reject, reject);
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

function giveUp({ channel, pid }: WaitingExecutor): void {
  const deadline = after(leaveLimitMs, () => killExecutor(pid), { background: true });
  channel.listen({
    message() {},
    closed() {
      deadline.cancel();
      reapSoon(pid);
    },
  });
  channel.sendBytes(killMessage());
}

function vanished(): TiffinError {
  return new TiffinError(
    "internal",
    "runtime.executor-vanished",
    "the executor ended before it started the process",
    { remedy: "look in the kernel log for an out-of-memory kill" },
  );
}
