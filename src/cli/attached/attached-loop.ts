/**
 * Moves the bytes of an attached process between a connection and this program's descriptors until the process ends or
 * is left alone. One poll(2) per turn over everything that can happen: output of the engine, room in our own
 * outputs, input, room in the connection, signals.
 *
 * Invariants: the order of each output stream is kept; nothing more is read from the connection while output waits, and nothing
 * more from input while the connection is full, so that memory stays bounded and neither side can lock the other; signals are
 * handled even while an output is stuck.
 */
import { connectionLost, errnoOf } from "../../client/api-error.ts";
import type { SyncSocket } from "../../client/sync-socket.ts";
import type { DetachWatcher } from "../../docker/detach-keys.ts";
import type { RunExited, RunFailed } from "../../docker/types/run.ts";
import { type CliIo, type PollTable, pollIn, pollOut } from "../io.ts";
import type { Dialect, ServerEvent, StartedFrame } from "./process-stream.ts";

/** Fits the engine's largest burst; one read is one system call. Until one has filled the first, that is enough for most. */
const outputBufferBytes = { first: 4 * 1024, most: 256 * 1024 } as const;
/** Below the room that poll(2) promises on a unix socket, so that a write after POLLOUT does not block. */
const inputBufferBytes = 32 * 1024;
/** Without a descriptor that tells of signals, waits end this often to look for them. */
const blindWaitMs = 50;

const slots = { socket: 0, input: 1, output: 2, signals: 3 } as const;

export type AttachedEnd =
  | { readonly kind: "exited"; readonly exited: RunExited }
  | { readonly kind: "failed"; readonly failed: RunFailed }
  | { readonly kind: "detached" }
  /** The connection is over and nothing was said about the process. */
  | { readonly kind: "closed" }
  /** Nobody reads our output any more. */
  | { readonly kind: "outputGone"; readonly fd: 1 | 2 }
  /** A signal that is not passed on ended this program's interest. */
  | { readonly kind: "interrupted"; readonly signal: string };

export interface AttachedOptions {
  readonly io: CliIo;
  readonly dialect: Dialect;
  /** Forward standard input. */
  readonly input: boolean;
  /** Watches typed bytes for the keys that detach; undefined: every byte is the process's. */
  readonly detach: DetachWatcher | undefined;
  readonly onStarted: ((started: StartedFrame) => void) | undefined;
}

export class AttachedLoop {
  readonly #options: AttachedOptions;
  readonly #table: PollTable;
  #outputBuffer = new Uint8Array(outputBufferBytes.first);
  #inputBuffer: Uint8Array | undefined;
  /** Output that waits for room, views into `#outputBuffer`. */
  #output: { readonly fd: 1 | 2; bytes: Uint8Array }[] = [];
  /** What waits for room in the connection. */
  #toEngine: Uint8Array[] = [];
  #inputOpen: boolean;
  #started = false;
  /** Signals and sizes that came before there was a process. */
  #held: Uint8Array[] = [];
  #end: AttachedEnd | undefined;

  constructor(options: AttachedOptions) {
    this.#options = options;
    this.#table = options.io.newPollTable(4);
    this.#inputOpen = options.input;
    // Docker's attach speaks of a process that is there already.
    this.#started = !options.dialect.needsVerdict;
  }

  /** Sends a control frame as soon as there is a process to receive it. */
  send(bytes: Uint8Array): void {
    if (this.#started) this.#toEngine.push(bytes);
    else this.#held.push(bytes);
  }

  /** Ends the loop from a signal handler; the process is left alone. */
  interrupt(signal: string): void {
    this.#output = [];
    this.#end = { kind: "interrupted", signal };
  }

  /** Runs to the end on `socket`, after the bytes that came with the head of the answer. Throws `TiffinError` when the connection or its contents break. */
  async run(socket: SyncSocket, early: Uint8Array): Promise<AttachedEnd> {
    this.#receive(early);
    for (;;) {
      if (this.#end !== undefined && this.#output.length === 0) return this.#end;
      if (await this.#wait(socket)) {
        await this.#options.io.yieldToSignals();
        continue;
      }
      this.#drainOutput();
      if (this.#end !== undefined) continue;
      this.#drainToEngine(socket);
      if (this.#output.length === 0 && this.#table.events(slots.socket) & ~pollOut) this.#readSocket(socket);
      if (this.#toEngine.length === 0 && this.#inputOpen && this.#table.events(slots.input) !== 0)
        this.#readInput(socket);
    }
  }

  /** True when signals are waiting to be handled. */
  async #wait(socket: SyncSocket): Promise<boolean> {
    const { io } = this.#options;
    const table = this.#table;
    const waiting = this.#output[0];
    const reading = waiting === undefined ? pollIn : 0;
    const writing = this.#toEngine.length > 0 ? pollOut : 0;
    // An entry without events still reports a hang-up, over and over: leave it out instead.
    table.set(slots.socket, (reading | writing) === 0 ? undefined : socket.fd, reading | writing);
    table.set(slots.input, this.#inputOpen && this.#toEngine.length === 0 ? 0 : undefined, pollIn);
    table.set(slots.output, waiting?.fd, pollOut);
    const signals = io.signalFd();
    table.set(slots.signals, signals, pollIn);
    const outcome = await table.wait(signals === undefined ? blindWaitMs : undefined);
    return outcome !== "ready" || table.events(slots.signals) !== 0;
  }

  #drainOutput(): void {
    const head = this.#output[0];
    if (head === undefined || this.#table.events(slots.output) === 0) return;
    try {
      const taken = this.#options.io.writeSome(head.fd, head.bytes);
      if (taken === head.bytes.length) this.#output.shift();
      else head.bytes = head.bytes.subarray(taken);
    } catch (thrown) {
      if (errnoOf(thrown) !== "EPIPE") throw thrown;
      this.#output = [];
      this.#end ??= { kind: "outputGone", fd: head.fd };
    }
  }

  #drainToEngine(socket: SyncSocket): void {
    const head = this.#toEngine[0];
    if (head === undefined || (this.#table.events(slots.socket) & pollOut) === 0) return;
    this.#toEngine.shift();
    try {
      socket.write(head);
    } catch (thrown) {
      const code = errnoOf(thrown);
      if (code !== "EPIPE" && code !== "ECONNRESET") throw connectionLost(thrown);
      // The engine takes no more input; what it has still to say is read on.
      this.#toEngine = [];
      this.#inputOpen = false;
    }
  }

  #readSocket(socket: SyncSocket): void {
    let got: number;
    try {
      got = socket.read(this.#outputBuffer);
    } catch (thrown) {
      if (errnoOf(thrown) !== "ECONNRESET") throw connectionLost(thrown);
      got = 0;
    }
    const buffer = this.#outputBuffer;
    // What waits for room is a view into the first.
    if (got === buffer.length && got < outputBufferBytes.most) {
      this.#outputBuffer = new Uint8Array(outputBufferBytes.most);
    }
    if (got > 0) this.#receive(buffer.subarray(0, got));
    else if (this.#options.dialect.needsVerdict) throw connectionLost();
    else this.#end = { kind: "closed" };
  }

  #receive(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    for (const event of this.#options.dialect.decode(chunk)) this.#handle(event);
  }

  #handle(event: ServerEvent): void {
    if (event.kind === "output") this.#output.push({ fd: event.fd, bytes: event.bytes });
    else if (event.kind === "started") {
      this.#started = true;
      this.#options.io.begun?.();
      this.#toEngine.push(...this.#held);
      this.#held = [];
      this.#options.onStarted?.(event.started);
    } else this.#end = event;
  }

  #readInput(socket: SyncSocket): void {
    const { io, dialect, detach } = this.#options;
    this.#inputBuffer ??= new Uint8Array(dialect.inputHeaderBytes + inputBufferBytes);
    const header = dialect.inputHeaderBytes;
    const got = io.readInput(this.#inputBuffer.subarray(header));
    if (got === undefined) return;
    if (got === 0) {
      this.#inputOpen = false;
      if (dialect.endOfInput === undefined) socket.shutdownWrite();
      else this.#toEngine.push(dialect.endOfInput);
      return;
    }
    if (detach === undefined) {
      this.#toEngine.push(dialect.encodeInput(this.#inputBuffer, got));
      return;
    }
    const { pass, detached } = detach.push(this.#inputBuffer.subarray(header, header + got));
    if (pass.length > 0) {
      const copy = new Uint8Array(header + pass.length);
      copy.set(pass, header);
      this.#toEngine.push(dialect.encodeInput(copy, pass.length));
    }
    if (detached) this.#end = { kind: "detached" };
  }
}
