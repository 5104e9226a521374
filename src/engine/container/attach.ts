/** Attaching to a container: to its supervisor when it runs, else to the start that is to come. */
import { attachFlags } from "../../abi/schema.ts";
import { pausedBeforeAttach } from "../../docker/messages.ts";
import type { ByteDuplex } from "../../lib/byte-duplex.ts";
import { TiffinError } from "../../lib/errors.ts";
import { LogCursor } from "../log/mod.ts";
import type { ContainerContext } from "./context.ts";
import { meetingEnd, refuseRestarting } from "./meeting-end.ts";
import type { Container } from "./model.ts";
import { PendingStream } from "./pending-stream.ts";
import { ReplayStream } from "./replay-stream.ts";
import { isAlive } from "./state.ts";

export interface AttachOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** First everything that was written so far. */
  readonly logs: boolean;
  /** Then what comes. */
  readonly stream: boolean;
}

export interface Attached {
  readonly tty: boolean;
  readonly stream: ByteDuplex;
}

/** The wire's bits for a selection of streams. */
export function flagsOf(options: {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}): number {
  return (
    (options.stdin ? attachFlags.stdin : 0) |
    (options.stdout ? attachFlags.stdout : 0) |
    (options.stderr ? attachFlags.stderr : 0)
  );
}

/** Each is a descriptor that goes with the start, as the mounts do. */
const pendingLimit = 16;

/** Adds a client to the start that is to come. Errors: `container.attach-limit`. */
export function attachPending(container: Container, flags: number): PendingStream {
  container.pending = container.pending.filter((stream) => !stream.abandoned);
  if (container.pending.length >= pendingLimit) {
    throw new TiffinError(
      "unavailable",
      "container.attach-limit",
      `too many clients are attached to container ${container.id} before its start`,
    );
  }
  const stream = new PendingStream(flags);
  container.pending.push(stream);
  return stream;
}

/** Attaches a client. Errors: `conflict` for a paused or removed container. */
export async function attachContainer(
  context: ContainerContext,
  container: Container,
  options: AttachOptions,
): Promise<Attached> {
  const { state, id } = container;
  const tty = container.document.config.Tty ?? false;
  if (state.status === "paused") {
    throw new TiffinError("conflict", "container.paused", pausedBeforeAttach(id));
  }
  refuseRestarting(container);
  if (state.status === "starting") await container.queue;
  const flags = flagsOf({
    ...options,
    stdin: options.stdin && (container.document.config.OpenStdin ?? false),
  });
  const live = options.stream
    ? await liveStream(container, options.logs ? flags | attachFlags.logs : flags)
    : undefined;
  context.events.emit("container", "attach", id, { name: container.name });
  if (!options.logs) return { tty, stream: live?.stream ?? endedStream() };
  const selection = {
    stdout: options.stdout,
    stderr: options.stderr,
    tail: undefined,
    sinceNs: undefined,
    untilNs: undefined,
    tty,
  };
  const { logs } = context.paths.container(id);
  const stream = new ReplayStream({
    open: (stop) => new LogCursor(logs, selection, stop),
    live: live?.stream,
    saysPlace: live?.runs ?? false,
    tty,
  });
  return { tty, stream };
}

async function liveStream(
  container: Container,
  flags: number,
): Promise<{ readonly stream: ByteDuplex; readonly runs: boolean }> {
  const { process } = container;
  if (isAlive(container.state) && process !== undefined) {
    return { stream: await meetingEnd(container, () => process.attach(flags)), runs: true };
  }
  // What a start will write is all live.
  return { stream: attachPending(container, flags & ~attachFlags.logs), runs: false };
}

function endedStream(): ByteDuplex {
  const stream = new PendingStream(0);
  stream.abandon();
  return stream;
}
