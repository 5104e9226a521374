/**
 * Follows the logs of containers and sends each line to the receiver that was asked for. The files are the buffer: nobody who
 * writes waits for a receiver, and an engine that comes later goes on where the last one was. What the files no longer hold
 * when a receiver is back is told in a line, as every reader of the log is told.
 */

import { nowMs } from "../../../lib/clock.ts";
import { messageOf, TiffinError } from "../../../lib/errors.ts";
import { pause } from "../../../lib/timer.ts";
import {
  DeliveredPlace,
  type Delivery,
  encodeDelivery,
  type FollowedLog,
  LinePieces,
  type LogEntry,
  openSink,
  readLog,
  type Sink,
  type Speaker,
} from "../../log/mod.ts";

const firstPauseMs = 100;
const longestPauseMs = 5000;
/** After its end a container waits no longer for a receiver that is not there. */
const lastLimitMs = 5000;

export interface DeliverySubject {
  readonly id: string;
  readonly delivery: Delivery;
  readonly speaker: Speaker;
  readonly tty: boolean;
  readonly logs: string;
  /** The file that says how far it has come. */
  readonly place: string;
  readonly followed: FollowedLog;
}

export class Deliveries implements Disposable {
  readonly #report: (thrown: unknown) => void;
  readonly #abort = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  /** Connections that a start has made sure of. */
  readonly #ready = new Map<string, Sink>();

  constructor(report: (thrown: unknown) => void) {
    this.#report = report;
  }

  /** Errors: `container.log-receiver` when nobody takes the log; a start must not go on without. */
  async prepare(id: string, delivery: Delivery): Promise<void> {
    if (delivery.driver === "fluentd" && !delivery.waits) return;
    try {
      this.#ready.get(id)?.close();
      this.#ready.set(id, await openSink(delivery.to));
    } catch (thrown) {
      throw new TiffinError(
        "internal",
        "container.log-receiver",
        `failed to initialize logging driver: ${delivery.driver}: ${messageOf(thrown)}`,
        { cause: thrown, exitCode: 125, remedy: "see that the receiver runs, or use --log-driver local" },
      );
    }
  }

  /** A start came to nothing. */
  letGo(id: string): void {
    this.#ready.get(id)?.close();
    this.#ready.delete(id);
  }

  /** Resolves when all has been delivered, or given up. One at a time for each container. */
  deliver(subject: DeliverySubject): Promise<void> {
    const before = this.#running.get(subject.id);
    if (before !== undefined) return before;
    const work = this.#follow(subject)
      .catch(this.#report)
      .finally(() => this.#running.delete(subject.id));
    this.#running.set(subject.id, work);
    return work;
  }

  [Symbol.dispose](): void {
    this.#abort.abort();
    for (const sink of this.#ready.values()) sink.close();
    this.#ready.clear();
  }

  async #follow(subject: DeliverySubject): Promise<void> {
    const { signal } = this.#abort;
    const place = new DeliveredPlace(subject.place);
    const isDelivered = place.skipper();
    const selection = {
      stdout: true,
      stderr: true,
      tail: undefined,
      sinceNs: place.sinceNs,
      untilNs: undefined,
      tty: subject.tty,
    };
    const courier = new Courier(subject, this.#ready.get(subject.id), signal);
    this.#ready.delete(subject.id);
    try {
      for await (const batch of readLog(subject.logs, selection, subject.followed, signal)) {
        const fresh = batch.filter(({ timeNs, note }) => note || !isDelivered(timeNs));
        if (!(await courier.carry(fresh))) return;
        for (const { timeNs, note } of fresh) if (!note) place.note(timeNs);
        if (fresh.length > 0) place.save();
      }
    } finally {
      courier.close();
      if (courier.trouble !== "") {
        this.#report(new Error(`log of container ${subject.id}: ${courier.trouble}`));
      }
    }
  }
}

/** One receiver, connected to again whenever the connection is lost. */
class Courier {
  readonly #subject: DeliverySubject;
  readonly #signal: AbortSignal;
  readonly #pieces = new LinePieces();
  #sink: Sink | undefined;
  trouble = "";

  constructor(subject: DeliverySubject, sink: Sink | undefined, signal: AbortSignal) {
    this.#subject = subject;
    this.#sink = sink;
    this.#signal = signal;
  }

  /** False when it was given up. */
  async carry(entries: readonly LogEntry[]): Promise<boolean> {
    const { delivery, speaker, followed } = this.#subject;
    const messages = entries.flatMap((entry) =>
      encodeDelivery(delivery, speaker, this.#pieces.lineOf(entry)),
    );
    if (messages.length === 0) return true;
    let endedMs = 0;
    for (let waitMs = firstPauseMs; !this.#signal.aborted; waitMs = Math.min(waitMs * 2, longestPauseMs)) {
      try {
        this.#sink ??= await openSink(delivery.to);
        await this.#sink.send(messages);
        this.trouble = "";
        return true;
      } catch (thrown) {
        this.trouble = `${delivery.driver} does not take it: ${messageOf(thrown)}`;
        this.close();
      }
      if (!followed.alive()) {
        endedMs ||= nowMs();
        if (nowMs() - endedMs > lastLimitMs) return false;
        waitMs = Math.min(waitMs, lastLimitMs / 10);
      }
      await pause(waitMs);
    }
    return false;
  }

  close(): void {
    this.#sink?.close();
    this.#sink = undefined;
  }
}
