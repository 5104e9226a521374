/**
 * Hearing in the event loop that a descriptor has become readable, for descriptors that are no sockets: pidfds and
 * eventfds. Bun has no call for that, but it polls whatever it is given: a duplicate, adopted as a connection, is
 * closed by Bun when it turns readable, because receiving from it fails.
 */

import { pause } from "../lib/timer.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { pollIn, waitFor } from "./poll.ts";

/** Only for a Bun that would close the connection early. */
const fallbackStepMs = 25;

/** Resolves with true when `fd` is readable, with false when `signal` aborts first. `fd` stays the caller's, open meanwhile. */
export async function becomesReadable(fd: OwnedFd, signal?: AbortSignal): Promise<boolean> {
  const aborted = (): boolean => signal?.aborted === true;
  if (!aborted() && !waitFor(fd, pollIn, 0)) await connectionClosed(fd.duplicate(), signal);
  for (;;) {
    if (aborted()) return false;
    if (waitFor(fd, pollIn, 0)) return true;
    await pause(fallbackStepMs);
  }
}

interface Connection {
  terminate(): void;
}

async function connectionClosed(duplicate: OwnedFd, signal: AbortSignal | undefined): Promise<void> {
  let connection: Connection | undefined;
  // The signal may outlive thousands of these: nothing of this one may stay with it.
  const stop = (): void => connection?.terminate();
  signal?.addEventListener("abort", stop);
  try {
    await new Promise<void>((resolve) => {
      const socket = {
        open(opened: Connection) {
          connection = opened;
          if (signal?.aborted === true) stop();
        },
        data() {},
        close: () => resolve(),
        error: () => resolve(),
      };
      // Bun takes { fd } at run time and owns it from then on; its type declarations list only `unix`.
      const options = { fd: duplicate.take(), socket } as unknown as Parameters<typeof Bun.connect>[0];
      Bun.connect(options).catch(() => resolve());
    });
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
