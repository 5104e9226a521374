/**
 * Holding a process from this terminal: raw mode and its restoration on every way out, signals passed on, window sizes
 * reported, bytes moved by `AttachedLoop`.
 */
import type { SyncSocket } from "../../client/sync-socket.ts";
import type { Upgraded } from "../../client/transport.ts";
import { DetachWatcher, parseDetachKeys } from "../../docker/detach-keys.ts";
import type { RunStarted } from "../../docker/types/run.ts";
import type { CliIo, WindowSize } from "../io.ts";
import { type AttachedEnd, AttachedLoop } from "./attached-loop.ts";
import type { Dialect } from "./process-stream.ts";

/**
 * What a process in the foreground may be sent. Not among them: TTIN and TTOU, which must stop this program when it
 * reads in the background, WINCH, which says nothing without a terminal, and those that only this program can mean.
 */
const forwardedSignals = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGTERM",
  "SIGCONT",
  "SIGTSTP",
];
/** What ends this program when nothing is passed on, with the numbers for the exit code. */
const endingSignals: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 };

export interface HoldOptions {
  readonly io: CliIo;
  readonly upgraded: Upgraded<SyncSocket>;
  readonly dialect: Dialect;
  /** The process has a terminal. */
  readonly tty: boolean;
  readonly input: boolean;
  readonly signalProxy: boolean;
  /** Keys to watch for on this side; undefined when the engine watches. */
  readonly detachKeys: string | undefined;
  /** For dialects that cannot carry them. */
  sendSignal?(signal: string): void;
  sendResize?(size: WindowSize): void;
  onStarted?(started: RunStarted): void;
}

/** The size of the terminal that output goes to. */
export function terminalSize(io: CliIo): WindowSize | undefined {
  return io.windowSize(1) ?? io.windowSize(0);
}

/** `128 + n` for a signal that ended this program. */
export function exitCodeOfSignal(signal: string): number {
  return 128 + (endingSignals[signal] ?? 0);
}

/** Returns when the process has ended, was detached from, or the connection is over. The socket is closed then. */
export async function holdProcess(options: HoldOptions): Promise<AttachedEnd> {
  const { io, upgraded, dialect, tty, input } = options;
  const keys = options.detachKeys;
  const loop = new AttachedLoop({
    io,
    socket: upgraded.stream,
    early: upgraded.early,
    dialect,
    input,
    detach: keys !== undefined && tty && input ? new DetachWatcher(parseDetachKeys(keys)) : undefined,
    ...(options.onStarted === undefined ? {} : { onStarted: options.onStarted }),
  });
  const raw = tty && input && io.isTerminal(0);
  const onSignal = (name: string): void => {
    if (name === "SIGWINCH") {
      const size = terminalSize(io);
      if (size === undefined) return;
      const frame = dialect.encodeResize({ h: size.rows, w: size.columns });
      if (frame === undefined) options.sendResize?.(size);
      else loop.send(frame);
    } else if (!options.signalProxy) loop.interrupt(name);
    else {
      const frame = dialect.encodeSignal(name);
      if (frame === undefined) options.sendSignal?.(name);
      else loop.send(frame);
    }
  };
  // Without a raw terminal there is nothing to restore: a signal that is not passed on may take its default action.
  const ending = raw ? Object.keys(endingSignals) : [];
  const names = [...(options.signalProxy ? forwardedSignals : ending), ...(tty ? ["SIGWINCH"] : [])];
  const restoreSignals = io.onSignals(names, onSignal);
  const restoreTerminal = raw ? io.makeRaw() : undefined;
  try {
    return await loop.run();
  } finally {
    restoreTerminal?.();
    restoreSignals();
    upgraded.stream.close();
  }
}
