/**
 * Finding the process of another engine again. Whatever its supervisor does (it may be stopped, traced or in the middle of a
 * start), the look ends in time.
 */
import type { MessageFields } from "../abi/message.ts";
import { phases } from "../abi/schema.ts";
import { HeldProcess } from "../kernel/held-process.ts";
import { monotonicMs } from "../lib/clock.ts";
import { pause, within } from "../lib/timer.ts";
import { signalNumbers } from "../linux/signals.ts";
import { connectDuplex } from "../transport/bun-duplex.ts";
import { ControlChannel } from "./control-channel.ts";
import { connectSupervisor, removeSocket } from "./listener-socket.ts";
import { type Supervisor, supervisorOf } from "./listening-supervisor.ts";
import type { KnownProcess, Reconnection } from "./supervised-process.ts";
import { superviseOver } from "./supervisor-connection.ts";

/** Phases of an executor as its `status` message numbers them. */
/** How often one that is still starting, because its engine died in between, is asked again. */
const startingPauseMs = 10;
/** How long an engine that starts waits for supervisors, all of them at once. */
const answerLimitMs = 1000;

type Status = MessageFields<"status">;

export async function reconnect(
  socketDirectory: string,
  token: string,
  known: KnownProcess,
): Promise<Reconnection> {
  const fd = connectSupervisor(socketDirectory, token);
  if (fd === "gone") return { kind: "gone" };
  // So many wait to be accepted that nobody has been for long.
  if (fd === "busy") return { kind: "silent", supervisorPid: undefined, process: undefined };
  const supervisor = supervisorOf(fd);
  const channel = new ControlChannel(await connectDuplex({ fd: fd.take() }));
  const status = await settledStatus(channel);
  const common = {
    channel,
    socketDirectory,
    token,
    supervisor,
    ...(known.recordPath !== undefined && { recordPath: known.recordPath }),
  };
  if (status === "gone") {
    channel.close();
    supervisor[Symbol.dispose]();
    return { kind: "gone" };
  }
  if (status !== "silent") {
    const { pid, startedAtNs } = status;
    const main = mainOf(supervisor, pid);
    return { kind: "found", process: superviseOver({ ...common, pid, startedAtNs, main }) };
  }
  if (known.pid !== undefined) {
    const main = mainOf(supervisor, known.pid);
    const process = superviseOver({ ...common, pid: known.pid, startedAtNs: 0n, main, unanswered: 1 });
    return { kind: "silent", supervisorPid: supervisor.pid, process };
  }
  if (known.stays !== true) {
    // Nobody knows what it has begun, and nobody waits for it any more.
    supervisor.signal(signalNumbers.SIGKILL);
    removeSocket(socketDirectory, token);
  }
  supervisor[Symbol.dispose]();
  channel.close();
  return { kind: "silent", supervisorPid: supervisor.pid, process: undefined };
}

function mainOf({ pid: supervisorPid }: Supervisor, pid: number): HeldProcess | undefined {
  return supervisorPid === undefined || pid <= 0 ? undefined : HeldProcess.childOf(supervisorPid, pid);
}

/** The status of an executor that has started its process; `gone` when it gave up, `silent` when the time is over. */
async function settledStatus(channel: ControlChannel): Promise<Status | "gone" | "silent"> {
  const deadlineMs = monotonicMs() + answerLimitMs;
  for (;;) {
    const asked = askStatus(channel);
    if (!(await within(asked, deadlineMs - monotonicMs()))) return "silent";
    const status = await asked;
    if (status === undefined) return "gone";
    if (status.phase >= phases.running) return status;
    if (monotonicMs() > deadlineMs) return "silent";
    await pause(startingPauseMs);
  }
}

function askStatus(channel: ControlChannel): Promise<Status | undefined> {
  const { promise, resolve } = Promise.withResolvers<Status | undefined>();
  channel.listen({
    message(message) {
      if (message.name !== "status") return;
      channel.hold();
      resolve(message.fields);
    },
    closed: () => resolve(undefined),
  });
  channel.send("query", {});
  return promise;
}
