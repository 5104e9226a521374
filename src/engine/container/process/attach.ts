/** Attaching to a container: to its supervisor when it runs, else to the start that is to come. */
import { attachFlags } from "../../../abi/schema.ts";
import { pausedBeforeAttach } from "../../../docker/messages.ts";
import type { ByteDuplex } from "../../../lib/byte-duplex.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { LogCursor } from "../../log/mod.ts";
import { tellEvent } from "../context.ts";
import { type Container, isAlive } from "../record/mod.ts";
import { PendingStream, ReplayStream, WatchedStream } from "../streams/mod.ts";
import type { ProcessContext } from "./context.ts";
import { meetingEnd, notRunningCode, refuseRestarting } from "./meeting-end.ts";

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
  context: ProcessContext,
  container: Container,
  options: AttachOptions,
): Promise<Attached> {
  const { state, id } = container;
  const { process } = container.document.specification;
  const tty = process.terminal !== null;
  if (state.status === "paused") {
    throw new TiffinError("conflict", "container.paused", pausedBeforeAttach(id));
  }
  refuseRestarting(container);
  if (state.status === "starting") await container.queue;
  const flags = flagsOf({
    ...options,
    stdin: options.stdin && process.stdin !== "closed",
  });
  let stream: ByteDuplex;
  if (options.logs) stream = replay(context, container, { ...options, tty }, flags);
  else if (options.stream) stream = await liveStream(container, flags);
  else stream = endedStream();
  tellEvent(context, container, "attach");
  return { tty, stream: options.stream ? watched(container, stream) : stream };
}

/** Who waits for the end hears of it after the last of the output. */
function watched(container: Container, stream: ByteDuplex): ByteDuplex {
  const { promise, resolve } = Promise.withResolvers<void>();
  container.outputs.add(promise);
  return new WatchedStream(stream, () => {
    container.outputs.delete(promise);
    resolve();
  });
}

/** What was written so far and, if `options.stream`, what comes. */
function replay(
  context: ProcessContext,
  container: Container,
  options: AttachOptions & { readonly tty: boolean },
  flags: number,
): ReplayStream {
  const { stdout, stderr, tty } = options;
  const selection = { stdout, stderr, tty, tail: undefined, sinceNs: undefined, untilNs: undefined };
  const { logs } = context.paths.container(container.id);
  const { process, state } = container;
  if (!options.stream || !isAlive(state) || process === undefined) {
    // What a start will write is all live.
    const live = options.stream ? attachPending(container, flags) : undefined;
    return new ReplayStream({ cursor: new LogCursor(logs, selection, "now"), live, tty });
  }
  const live = new PendingStream(flags);
  const attach = async (): Promise<void> => {
    try {
      live.connect(await meetingEnd(container, () => process.attach(flags | attachFlags.logs)));
    } catch (thrown) {
      if (!(thrown instanceof TiffinError) || thrown.code !== notRunningCode) throw thrown;
      live.abandon();
    }
  };
  return new ReplayStream({ cursor: new LogCursor(logs, selection, "never"), live, attach, tty });
}

async function liveStream(container: Container, flags: number): Promise<ByteDuplex> {
  const { process } = container;
  if (!isAlive(container.state) || process === undefined) return attachPending(container, flags);
  return await meetingEnd(container, () => process.attach(flags));
}

function endedStream(): ByteDuplex {
  const stream = new PendingStream(0);
  stream.abandon();
  return stream;
}
