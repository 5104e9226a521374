/** Hearing of a process's end in the event loop, for any process that can be named by a pidfd. */
import type { OwnedFd } from "./owned-fd.ts";
import { becomesReadable } from "./readable.ts";

/**
 * Resolves with true when the process has ended (it may still be a zombie), with false when `signal` aborts first.
 * The pidfd stays the caller's, open meanwhile.
 */
export function processEnd(pidfd: OwnedFd, signal?: AbortSignal): Promise<boolean> {
  return becomesReadable(pidfd, signal);
}
