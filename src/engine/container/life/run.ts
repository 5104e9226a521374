/** Create, attach and start in one step, and the session of the client that asked for it. */
import { type ExplainLanguage, explainLanguages, type TraceResponse } from "../../../docker/types/explain.ts";
import type { RunBody, RunExited } from "../../../docker/types/run.ts";
import type { ByteDuplex } from "../../../lib/byte-duplex.ts";
import { enqueue } from "../context.ts";
import { createContainer } from "../create/mod.ts";
import { killContainer, removeContainer } from "../end/mod.ts";
import { traceOfNextStart } from "../explain/mod.ts";
import { attachPending, flagsOf, resizeContainer, type TerminalSize } from "../process/mod.ts";
import { type Container, type Ending, endingOf } from "../record/mod.ts";
import { startContainer } from "../start/mod.ts";
import { PendingStream } from "../streams/mod.ts";
import type { LifeContext } from "./context.ts";

export interface RunSession {
  readonly id: string;
  readonly tty: boolean;
  readonly stream: ByteDuplex;
  readonly warnings: readonly string[];
  readonly trace?: TraceResponse | undefined;
  /** Settles after all output was delivered and, with `remove`, after the container is gone. Never rejects. */
  readonly exited: Promise<RunExited>;
  resize(size: TerminalSize): Promise<void>;
  signal(signal: string): Promise<void>;
}

/** Runs a container. A failure leaves nothing of it behind. */
export async function runContainer(context: LifeContext, request: RunBody): Promise<RunSession> {
  const { container, warnings, kept } = await createContainer(context, {
    name: request.name,
    platform: request.platform,
    wanted: { body: request.create, remove: request.remove ?? false },
  });
  const { create } = request;
  const flags = flagsOf({
    stdin: (create.AttachStdin ?? false) && (create.OpenStdin ?? false),
    stdout: create.AttachStdout ?? false,
    stderr: create.AttachStderr ?? false,
  });
  const stream = flags === 0 ? new PendingStream(flags) : attachPending(container, flags);
  const exited = endOf(container);
  let trace: (() => TraceResponse | undefined) | undefined;
  try {
    if (request.timings === true) trace = await traceOfNextStart(context, container, languageOf(request));
    // Durable before it is answered; the start does not wait for the disk.
    await Promise.all([enqueue(container, () => startContainer(context, container)), kept]);
  } catch (thrown) {
    await takeBack(context, container);
    throw thrown;
  }
  // Nobody is attached: the client's stream has nothing to say.
  if (flags === 0) stream.abandon();
  return {
    id: container.id,
    trace: trace?.(),
    tty: container.document.specification.process.terminal !== null,
    stream,
    warnings: [...new Set([...warnings, ...container.startWarnings])],
    exited,
    resize: (size) => resizeContainer(container, size),
    signal: (signal) => killContainer(context, container, signal),
  };
}

/** That of the words that are asked for; nobody else sees them. */
function languageOf({ language }: RunBody): ExplainLanguage {
  return explainLanguages.find((known) => known === language) ?? "en";
}

/** Nothing of a run that failed stays; it may be the writing down that failed, and the program runs. */
async function takeBack(context: LifeContext, container: Container): Promise<void> {
  await container.queue;
  if (context.registry.byId(container.id) !== container) return;
  await removeContainer(context, container, { force: true, volumes: true });
}

/** The end of the container's first run, or of the container when it removes itself. */
function endOf(container: Container): Promise<RunExited> {
  const { promise, resolve } = Promise.withResolvers<RunExited>();
  const told = (ending: Ending | null): void => {
    container.exits.delete(told);
    container.removals.delete(told);
    resolve(exitedOf(ending ?? endingOf(container.state)));
  };
  container.removals.add(told);
  if (!container.document.specification.removeWhenEnded) container.exits.add(told);
  return promise;
}

function exitedOf(ending: Ending | null): RunExited {
  const error = ending?.error ?? "";
  return { StatusCode: ending?.exitCode ?? 0, ...(error !== "" && { Error: error }) };
}
