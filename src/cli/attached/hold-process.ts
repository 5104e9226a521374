/**
 * Holding a process from this terminal: signals passed on, window sizes reported, raw mode and its restoration on every way
 * out, bytes moved by `AttachedLoop`. Made before the engine answers, so that a signal of that moment is kept and sent later
 * instead of ending this program.
 */
import type { SyncSocket } from "../../client/sync-socket.ts";
import type { Upgraded } from "../../client/transport.ts";
import { DetachWatcher, parseDetachKeys } from "../../docker/detach-keys.ts";

import { type CliIo, pollIn, type WindowSize } from "../io.ts";
import { terminalSize } from "../terminal-size.ts";
import { type AttachedEnd, AttachedLoop } from "./attached-loop.ts";
import type { Dialect, StartedFrame } from "./process-stream.ts";

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
/** What ends this program when nothing is passed on. */
const endingSignals = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"];

/** How often the user must ask for the end before the wait for an answer is given up. */
const endsToGiveUp = 3;
/** Without a descriptor that tells of signals, waits end this often to look for them. */
const blindWaitMs = 50;

export interface HoldOptions {
  readonly io: CliIo;
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
  onStarted?(started: StartedFrame): void;
}

export class ProcessHold implements Disposable {
  readonly #options: HoldOptions;
  readonly #loop: AttachedLoop;
  readonly #raw: boolean;
  readonly #restoreSignals: () => void;
  readonly #endsAsked: string[] = [];

  /** From here on signals are held back until there is a process to receive them. */
  constructor(options: HoldOptions) {
    const { io, dialect, tty, input, detachKeys: keys } = options;
    this.#options = options;
    this.#raw = tty && input && io.isTerminal(0);
    const detach = keys !== undefined && tty && input ? new DetachWatcher(parseDetachKeys(keys)) : undefined;
    this.#loop = new AttachedLoop({ io, dialect, input, detach, onStarted: options.onStarted });
    // Without a raw terminal there is nothing to restore: a signal that is not passed on may take its default action.
    const ending = this.#raw ? endingSignals : [];
    const names = [...(options.signalProxy ? forwardedSignals : ending), ...(tty ? ["SIGWINCH"] : [])];
    this.#restoreSignals = io.onSignals(names, (name) => this.#onSignal(name));
  }

  /**
   * Waits for the engine's answer on `socket`, with signals being kept for the process meanwhile. Returns the signal with which
   * the user gave up: someone who asks three times does not want to wait for an engine that hangs.
   */
  async untilAnswer(socket: SyncSocket): Promise<string | undefined> {
    const { io } = this.#options;
    const table = io.newPollTable(2);
    const signals = io.signalFd();
    for (;;) {
      table.set(0, socket.fd, pollIn);
      table.set(1, signals, pollIn);
      const outcome = await table.wait(signals === undefined ? blindWaitMs : undefined);
      if (outcome === "ready" && table.events(0) !== 0) return undefined;
      await io.yieldToSignals();
      if (this.#endsAsked.length >= endsToGiveUp) return this.#endsAsked.at(-1);
    }
  }

  /** Returns when the process has ended, was detached from, or the connection is over. The socket is closed then. */
  async run(upgraded: Upgraded<SyncSocket>): Promise<AttachedEnd> {
    const restoreTerminal = this.#raw ? this.#options.io.makeRaw() : undefined;
    try {
      return await this.#loop.run(upgraded.stream, upgraded.early);
    } finally {
      restoreTerminal?.();
      upgraded.stream.close();
    }
  }

  [Symbol.dispose](): void {
    this.#restoreSignals();
  }

  #onSignal(name: string): void {
    if (endingSignals.includes(name)) this.#endsAsked.push(name);
    const { io, dialect, signalProxy, sendSignal, sendResize } = this.#options;
    if (name === "SIGWINCH") {
      const size = terminalSize(io);
      if (size === undefined) return;
      const frame = dialect.encodeResize({ h: size.rows, w: size.columns });
      if (frame === undefined) sendResize?.(size);
      else this.#loop.send(frame);
    } else if (!signalProxy) this.#loop.interrupt(name);
    else {
      const frame = dialect.encodeSignal(name);
      if (frame === undefined) sendSignal?.(name);
      else this.#loop.send(frame);
    }
  }
}
