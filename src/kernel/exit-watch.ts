/**
 * Hearing of a process's end in the event loop, for any process that can be named by a pidfd. Bun has no call to
 * wait for a descriptor that is no socket, but it polls whatever it is given: a duplicate of the pidfd, adopted as
 * a connection, is closed by Bun when the process ends, because the pidfd turns readable and reading it fails.
 */
import type { OwnedFd } from "./owned-fd.ts";
import { waitPidfd } from "./pidfd.ts";

/** Only for a Bun that would close the connection early. */
const fallbackStepMs = 25;

/** Resolves when the process has ended (it may still be a zombie). The pidfd stays the caller's, open meanwhile. */
export async function processEnd(pidfd: OwnedFd): Promise<void> {
  if (waitPidfd(pidfd)) return;
  await connectionClosed(pidfd.duplicate());
  while (!waitPidfd(pidfd)) await Bun.sleep(fallbackStepMs);
}

function connectionClosed(duplicate: OwnedFd): Promise<void> {
  return new Promise((resolve) => {
    const socket = { open() {}, data() {}, close: () => resolve(), error: () => resolve() };
    // Bun takes { fd } at run time and owns it from then on; its type declarations list only `unix`.
    const options = { fd: duplicate.take(), socket } as unknown as Parameters<typeof Bun.connect>[0];
    Bun.connect(options).catch(() => resolve());
  });
}
