/**
 * Requests that need a running container and meet its end half-way. Each step then fails in a way of its own (no such
 * process, no such file, no memory for another process in a namespace that ends); the client is told the one reason.
 */
import { notRunning } from "../../docker/messages.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { Container } from "./model.ts";

export function notRunningError(id: string, cause?: unknown): TiffinError {
  const options = cause === undefined ? {} : { cause };
  return new TiffinError("conflict", "container.not-running", notRunning(id), options);
}

/** Does `work` on the container's process. Errors: `conflict` for whatever fails once that has ended. */
export async function meetingEnd<T>(container: Container, work: () => Promise<T>): Promise<T> {
  const { process } = container;
  try {
    return await work();
  } catch (thrown) {
    if (process === undefined || process.main?.ended === false) throw thrown;
    throw notRunningError(container.id, thrown);
  }
}
