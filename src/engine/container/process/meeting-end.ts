/**
 * Requests that need a running container and meet its end half-way. Each step then fails in a way of its own (no such
 * process, no such file, no memory for another process in a namespace that ends); the client is told the one reason.
 */
import { notRunning, restarting } from "../../../docker/messages.ts";
import type { HeldProcess } from "../../../kernel/held-process.ts";
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import { TiffinError } from "../../../lib/errors.ts";
import type { SupervisedProcess } from "../../../runtime/mod.ts";
import type { Container } from "../record/mod.ts";

export const notRunningCode = "container.not-running";

export function notRunningError(id: string, cause?: unknown): TiffinError {
  const options = cause === undefined ? {} : { cause };
  return new TiffinError("conflict", "container.not-running", notRunning(id), options);
}

/** Errors: `conflict` for a container that waits for its next run. */
export function refuseRestarting({ state, id }: Container): void {
  if (state.status === "restarting")
    throw new TiffinError("conflict", "container.restarting", restarting(id));
}

/** The container's process, held since its start, so that it is no other of the same number. Errors: `conflict`. */
export function heldProcess({ process, id }: Pick<Container, "process" | "id">): HeldProcess {
  const main = process?.main;
  if (main === undefined || main.ended) throw notRunningError(id);
  return main;
}

/** Opens `/proc/<pid>/<name>` of the container's process. Errors: `conflict` when it has ended. */
export function openOfProcess(
  container: Pick<Container, "process" | "id">,
  name: string,
  flags: number,
): OwnedFd {
  const opened = heldProcess(container).open(name, flags);
  if (opened === undefined) throw notRunningError(container.id);
  return opened;
}

/** Does `work` on the container's process. Errors: `conflict` for whatever fails once that has ended. */
export async function meetingEnd<T>(container: Container, work: () => Promise<T>): Promise<T> {
  return await meetingEndOf(container.process, (cause) => notRunningError(container.id, cause), work);
}

/** Does `work` on `process`. Errors: `ended` for whatever fails once it has ended. */
export async function meetingEndOf<T>(
  process: SupervisedProcess | undefined,
  ended: (cause: unknown) => TiffinError,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (process === undefined || process.main?.leaving === false) throw thrown;
    throw ended(thrown);
  }
}
