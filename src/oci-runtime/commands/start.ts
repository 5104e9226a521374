/** `start`: a connection to the held process is the word to go; the end of it says that the program runs. */

import { MessageSplitter } from "../../abi/message-splitter.ts";
import { removeFile } from "../../kernel/files.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { connectUnix, type UnixStream } from "../../kernel/unix-stream.ts";
import { TiffinError } from "../../lib/errors.ts";
import { isHookFailure } from "../../runtime/hooks/mod.ts";
import { type CommandContext, idOf } from "../command.ts";
import { lockContainer, type StoredContainer } from "../container/container-record.ts";
import { destroyContainer } from "../container/destroy-container.ts";
import { endProcesses } from "../container/end-processes.ts";
import { requireOwnHooks } from "../container/own-hooks.ts";
import { runPoststart } from "../container/poststart.ts";
import { statusOf } from "../container/status.ts";

const messageBytes = 4096;
const foreverMs = 2 ** 31 - 1;

export async function start(context: CommandContext): Promise<number> {
  // Not under the lock: such a hook may call commands on this container.
  await runPoststart(context.root, await startLocked(context), context);
  return 0;
}

async function startLocked(context: CommandContext): Promise<StoredContainer> {
  const { root, host } = context;
  using container = await lockContainer(root, idOf(context), host);
  const { record } = container;
  const status = statusOf(root, container);
  if (status !== "created" || record.startSocket === undefined) {
    const what =
      status === "stopped"
        ? "cannot start a container that has stopped"
        : `cannot start a container that is ${status}`;
    throw new TiffinError("conflict", "runtime.not-created", what);
  }
  if (record.process === undefined) {
    const message = "the configuration has no process: there is no program to start";
    throw new TiffinError("invalid", "runtime.no-process", message);
  }
  // Those of the creation have run; the last ones do when this fails.
  const { poststart = [], poststop = [] } = record.hooks ?? {};
  requireOwnHooks(host, { poststart, poststop });
  using starter = connectHeld(`${root}/${record.startSocket}`, container);
  // From here on it counts as running; whatever happens, nobody starts it twice.
  removeFile(`${root}/${record.startSocket}`);
  await awaitProgram(starter, context, container);
  return container;
}

function connectHeld(path: string, { id }: StoredContainer): UnixStream {
  try {
    return connectUnix(path);
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    throw new TiffinError(
      "conflict",
      "runtime.not-created",
      `container ${id} does not wait for a start: ${thrown.code}`,
    );
  }
}

/** Until the exec has closed the connection, or a failure came over it. */
async function awaitProgram(
  starter: UnixStream,
  context: CommandContext,
  container: StoredContainer,
): Promise<void> {
  const splitter = new MessageSplitter();
  const buffer = new Uint8Array(messageBytes);
  for (;;) {
    await context.host.readable(starter.fd, foreverMs);
    const length = read(starter, buffer);
    if (length === 0) return;
    let failure: TiffinError | undefined;
    const { explainHeldFailure } = await import("../container/held-failure.ts");
    splitter.push(buffer.subarray(0, length));
    for (let message = splitter.next(); message !== undefined; message = splitter.next()) {
      if (message.name === "failed") failure = explainHeldFailure(message);
    }
    if (failure === undefined) continue;
    if (isHookFailure(failure)) await destroyContainer(context.root, container, context);
    else await endProcesses(container, context.host);
    throw failure;
  }
}

function read(starter: UnixStream, buffer: Uint8Array): number {
  try {
    return starter.read(buffer);
  } catch (thrown) {
    // The process ended without a word; its state tells.
    if (thrown instanceof SyscallError && thrown.code === "ECONNRESET") return 0;
    throw thrown;
  }
}
