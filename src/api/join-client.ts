/**
 * A client's connection joined to a process's standard streams. The client's half-close is the end of stdin; its going
 * is a detach: the process is left alone. When the process's output ends, so does the connection.
 */
import { DetachWatcher } from "../docker/detach-keys.ts";
import type { ByteDuplex } from "../lib/byte-duplex.ts";
import { after, type Timer } from "../lib/timer.ts";
import type { AttachedStream } from "./backend.ts";

/** How long a client may take to close its side after it was sent everything. */
const limitFarewellMs = 5_000;

/** Ends our side and, if the client does not follow, the connection. `listen` handlers must not rely on more data. */
export function sayFarewell(client: ByteDuplex): void {
  let timer: Timer | undefined;
  client.listen({
    data: () => undefined,
    end: () => undefined,
    close: () => timer?.cancel(),
    // Not before: who reads slowly, as a pager does, gets all of it.
    drain() {
      timer ??= after(limitFarewellMs, () => client.destroy(), { background: true });
    },
  });
  client.resume();
  client.end();
}

export interface JoinOptions {
  /** False: what the client sends is ignored. */
  readonly stdin: boolean;
  /** Bytes of the sequence that detaches; only watched for on a terminal. */
  readonly detachKeys: Uint8Array;
}

export function joinClient(client: ByteDuplex, attached: AttachedStream, options: JoinOptions): void {
  const { stream } = attached;
  const watcher = attached.tty && options.stdin ? new DetachWatcher(options.detachKeys) : undefined;
  let over = false;
  const finish = (): void => {
    if (over) return;
    over = true;
    stream.destroy();
    sayFarewell(client);
  };
  client.listen({
    data(chunk) {
      if (over || !options.stdin) return;
      const watched = watcher?.push(chunk);
      const typed = watched?.pass ?? chunk;
      if (typed.length > 0 && !stream.write(typed)) client.pause();
      if (watched?.detached === true) finish();
    },
    end() {
      if (!over && options.stdin) stream.end();
    },
    close() {
      if (over) return;
      over = true;
      stream.destroy();
    },
    drain: () => stream.resume(),
  });
  stream.listen({
    data(chunk) {
      if (!over && !client.write(chunk)) stream.pause();
    },
    end: finish,
    close: finish,
    drain: () => client.resume(),
  });
}
