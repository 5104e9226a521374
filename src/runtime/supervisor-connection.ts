/** `SupervisedProcess` over a control connection: the running half of a process's life, launched or found again. */

import { encodeMessage, type Message } from "../abi/message.ts";
import type { HeldProcess } from "../kernel/held-process.ts";
import type { OwnedFd } from "../kernel/owned-fd.ts";
import type { ByteDuplex } from "../lib/byte-duplex.ts";
import { monotonicMs, nowMs } from "../lib/clock.ts";
import { TiffinError } from "../lib/errors.ts";
import { within } from "../lib/timer.ts";
import { signalNumbers } from "../linux/signals.ts";
import { connectDuplex } from "../transport/bun-duplex.ts";
import type { ControlChannel } from "./control-channel.ts";
import { exitRecordOf, lostExit } from "./exit-record.ts";
import { connectSupervisor, hasSocket, removeSocket } from "./listener-socket.ts";
import { type Supervisor, wakeSupervisors } from "./listening-supervisor.ts";
import { OverdueEnd } from "./overdue-end.ts";
import { readRecord } from "./record.ts";
import type { AttachFlags, ExitRecord, LaunchPhases, SupervisedProcess } from "./supervised-process.ts";

const nanosecondsPerMs = 1_000_000n;

export interface ConnectionOptions {
  readonly channel: ControlChannel;
  readonly socketDirectory: string;
  readonly token: string;
  readonly pid: number;
  readonly startedAtNs: bigint;
  /** Held by the connection from here on; undefined when it has ended. */
  readonly main: HeldProcess | undefined;
  readonly supervisor: Supervisor;
  /** Questions that the supervisor has not answered yet. */
  readonly unanswered?: number;
  readonly phases?: LaunchPhases;
  readonly opTimesMs?: Float32Array;
  readonly attachments?: readonly ByteDuplex[];
  /** Consulted when the supervisor goes away without a word. */
  readonly recordPath?: string;
  /**
   * Hears of the end of the connection. `goesOn`: not because the supervisor has gone, but after `disconnect`, or after the
   * process's end, when clients may still be behind with its output.
   */
  readonly onClosed?: (goesOn: boolean) => void;
}

/** How long a supervisor may take for what a client waits for. */
const answerLimitMs = 2000;
const questionsLimit = 64;

/** Takes over the channel's messages; an `exited` that came before is not lost. */
export function superviseOver(options: ConnectionOptions): SupervisedProcess {
  return new SupervisorConnection(options);
}

class SupervisorConnection implements SupervisedProcess {
  readonly #options: ConnectionOptions;
  readonly #exit = Promise.withResolvers<ExitRecord>();
  readonly #overdue: OverdueEnd;
  /** Those who wait for an answer, in the order of their questions. */
  #askers: (() => void)[];
  #letGo = false;
  #told = false;
  #over = false;
  /** wait(2)'s word of the main process, seen before its silent supervisor was killed. */
  #waitStatus: number | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#askers = Array.from({ length: options.unanswered ?? 0 }, () => () => {});
    const { channel, main, supervisor } = options;
    this.#overdue = new OverdueEnd({
      ended: () => main?.ended ?? true,
      answers: (limitMs) => this.#answers(limitMs),
      signalSupervisor: (number) => supervisor.signal(number),
      wakeOthers: () => wakeSupervisors(options.socketDirectory),
      beforeKill: () => {
        this.#waitStatus = main?.waitStatus;
      },
      giveUp: () => channel.close(),
    });
    channel.listen({
      message: (message) => this.#take(message),
      closed: () => this.#closed(),
    });
    if ((options.unanswered ?? 0) > 0) this.#overdue.watch(false);
  }

  get token(): string {
    return this.#options.token;
  }

  get pid(): number {
    return this.#options.pid;
  }

  get startedAtNs(): bigint {
    return this.#options.startedAtNs;
  }

  get phases(): LaunchPhases | undefined {
    return this.#options.phases;
  }

  get opTimesMs(): Float32Array | undefined {
    return this.#options.opTimesMs;
  }

  get attachments(): readonly ByteDuplex[] {
    return this.#options.attachments ?? [];
  }

  get main(): HeldProcess | undefined {
    return this.#options.main;
  }

  get exited(): Promise<ExitRecord> {
    return this.#exit.promise;
  }

  async attach(flags: AttachFlags): Promise<ByteDuplex> {
    const { socketDirectory, token } = this.#options;
    const fd = await this.#connect();
    if (fd === "gone")
      throw this.#over || hasSocket(socketDirectory, token) ? this.#gone() : this.#socketGone();
    const stream = await connectDuplex({ fd: fd.take() });
    stream.write(encodeMessage("attach", { flags }));
    return stream;
  }

  async resize(rows: number, columns: number): Promise<void> {
    if (this.#over) throw this.#gone();
    this.#options.channel.send("resize", { rows, columns });
    // Messages are taken in order, so an answer to a later one says that this one is done.
    if (!(await this.#answers(answerLimitMs))) throw this.#silence("resize the terminal of");
  }

  signal(number: number): boolean {
    if (this.#over) return false;
    const delivered = this.#options.main?.signal(number) ?? false;
    this.#overdue.watch(number === signalNumbers.SIGKILL);
    return delivered;
  }

  closeStdin(): void {
    this.#options.channel.send("closeStdin", {});
  }

  disconnect(): void {
    this.#letGo = true;
    this.#options.channel.close();
    this.#end();
  }

  #take(message: Message): void {
    if (message.name === "status") this.#askers.shift()?.();
    if (message.name !== "exited") return;
    const { startedAtNs, channel } = this.#options;
    this.#told = true;
    this.#exit.resolve(
      exitRecordOf({ ...message.fields, oomKilled: message.fields.oomKilled !== 0, startedAtNs }),
    );
    this.#end();
    channel.close();
  }

  #closed(): void {
    const { socketDirectory, token, onClosed } = this.#options;
    if (!this.#told && !this.#letGo) {
      // Killed, so its socket is still there.
      removeSocket(socketDirectory, token);
      this.#exit.resolve(this.#exitWithoutWord());
    }
    this.#end();
    onClosed?.(this.#letGo || this.#told);
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#overdue[Symbol.dispose]();
    this.#options.main?.[Symbol.dispose]();
    this.#options.supervisor[Symbol.dispose]();
    for (const asker of this.#askers) asker();
    this.#askers = [];
  }

  /**
   * A connection for a client. While others wait to be accepted before it the supervisor is asked again, as long as it
   * answers: each round takes some of them.
   */
  async #connect(): Promise<OwnedFd | "gone"> {
    const { socketDirectory, token } = this.#options;
    const deadlineMs = monotonicMs() + answerLimitMs;
    for (;;) {
      const leftMs = deadlineMs - monotonicMs();
      if (leftMs <= 0 || !(await this.#answers(leftMs))) throw this.#silence("attach to");
      const fd = connectSupervisor(socketDirectory, token);
      if (fd !== "busy") return fd;
      if (this.#over) return "gone";
    }
  }

  /** Whether the supervisor answers in time, or has nothing to answer any more. */
  async #answers(limitMs: number): Promise<boolean> {
    if (this.#over) return true;
    if (this.#askers.length >= questionsLimit) return false;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#askers.push(resolve);
    this.#options.channel.send("query", {});
    return await within(promise, limitMs);
  }

  #exitWithoutWord(): ExitRecord {
    const { recordPath, startedAtNs } = this.#options;
    const nowNs = BigInt(nowMs()) * nanosecondsPerMs;
    const recorded = exitFromRecord(recordPath);
    if (recorded !== undefined) return recorded;
    if (this.#waitStatus === undefined) return lostExit(startedAtNs, nowNs);
    const seen = { waitStatus: this.#waitStatus, oomKilled: false, startedAtNs, finishedAtNs: nowNs };
    return { ...exitRecordOf(seen), lost: true };
  }

  #gone(): TiffinError {
    return new TiffinError(
      "unavailable",
      "runtime.supervisor-gone",
      `process ${this.#options.token} has ended`,
    );
  }

  /** The supervisor is there and has answered. */
  #socketGone(): TiffinError {
    const { socketDirectory, token, pid } = this.#options;
    return new TiffinError(
      "unavailable",
      "runtime.socket-gone",
      `cannot attach to process ${pid}: the socket of its supervisor, ${socketDirectory}/${token}, has been removed`,
      { remedy: "the container runs on; its next start has a socket again" },
    );
  }

  #silence(attempt: string): TiffinError {
    const { supervisor, pid } = this.#options;
    return supervisorSilent(`${attempt} process ${pid}`, supervisor.pid, answerLimitMs);
  }
}

/** Nobody can say what a supervisor that is stopped would answer. */
export function supervisorSilent(attempt: string, pid: number | undefined, limitMs: number): TiffinError {
  return new TiffinError(
    "unavailable",
    "runtime.supervisor-silent",
    `cannot ${attempt}: its supervisor${pid === undefined ? "" : ` (process ${pid})`} has not answered for ${limitMs / 1000} s`,
    pid === undefined ? {} : { remedy: `if somebody has stopped it, let it go on with: kill -CONT ${pid}` },
  );
}

/** The record says how it ended, unless the supervisor was killed before it could write. */
function exitFromRecord(path: string | undefined): ExitRecord | undefined {
  if (path === undefined) return undefined;
  try {
    const record = readRecord(path);
    return record.state === "exited" ? record.exit : undefined;
  } catch {
    // Missing or damaged is the same as not written.
    return undefined;
  }
}
