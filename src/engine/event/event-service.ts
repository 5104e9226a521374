/** Events for clients: what is remembered since a moment, then what comes, until a moment or until the client goes. */
import type { EventMessage } from "../../docker/types/event.ts";
import { nowMs } from "../../lib/clock.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { Timers } from "../timers.ts";
import type { EngineEvent, EventBus } from "./event-bus.ts";
import { type EventFilters, eventTest } from "./event-filter.ts";

/** A client that is so far behind is let go of, so that it knows that it has missed something. */
const backlogLimit = 16_384;
const nsPerMs = 1_000_000n;

export interface EventRequest {
  /** Nanoseconds since 1970. */
  readonly sinceNs?: bigint | undefined;
  readonly untilNs?: bigint | undefined;
  readonly filters: EventFilters;
}

/** Docker's document of it. */
export function eventDocument({ type, action, id, attributes, timeMs, timeNs }: EngineEvent): EventMessage {
  const older =
    type === "container" || type === "image"
      ? { status: action, id, ...(attributes["image"] !== undefined && { from: attributes["image"] }) }
      : {};
  return {
    ...older,
    Type: type,
    Action: action,
    Actor: { ID: id, Attributes: attributes },
    scope: "local",
    time: Math.floor(timeMs / 1000),
    timeNano: timeNs,
  };
}

export class EventService {
  readonly #bus: EventBus;
  readonly #timers: Timers;

  constructor(bus: EventBus, timers: Timers) {
    this.#bus = bus;
    this.#timers = timers;
  }

  /** For whoever holds the engine itself: every later event, until the result is disposed. */
  subscribe(listener: (event: EngineEvent) => void): Disposable {
    return this.#bus.subscribe(listener);
  }

  /** Listening begins with the call. `abort` ends it. Errors: `event.filter`, `event.period`. */
  events({ sinceNs, untilNs, filters }: EventRequest, abort: AbortSignal): AsyncIterable<EventMessage> {
    const test = eventTest(filters);
    if (sinceNs !== undefined && untilNs !== undefined && untilNs < sinceNs) {
      throw new TiffinError("invalid", "event.period", "`since` must be earlier than `until`");
    }
    const untilMs = untilNs === undefined ? undefined : Number(untilNs / nsPerMs);
    const wanted = (event: EngineEvent): boolean =>
      (untilNs === undefined || event.timeNs <= untilNs) && test(event);
    // Without a moment to begin with there is no past, with one that is over no future.
    const isReplay = sinceNs !== undefined || untilNs !== undefined;
    const past = isReplay ? this.#bus.since(sinceNs ?? 0n).filter(wanted) : [];
    const backlog = new Backlog(past);
    if (untilMs !== undefined && untilMs <= nowMs()) backlog.end();
    else this.#listen(backlog, wanted, untilMs, abort);
    return backlog.documents();
  }

  #listen(
    backlog: Backlog,
    wanted: (event: EngineEvent) => boolean,
    untilMs: number | undefined,
    abort: AbortSignal,
  ): void {
    const subscription = this.#bus.subscribe((event) => {
      if (wanted(event)) backlog.add(event);
    });
    const end = (): void => backlog.end();
    const timer = untilMs === undefined ? undefined : this.#timers.after(untilMs - nowMs(), end);
    abort.addEventListener("abort", end);
    backlog.onEnd = () => {
      subscription[Symbol.dispose]();
      timer?.cancel();
      abort.removeEventListener("abort", end);
    };
    if (abort.aborted) end();
  }
}

/** Events that a client has not taken yet. */
class Backlog {
  readonly #events: EngineEvent[];
  #wake: (() => void) | undefined;
  #ended = false;
  onEnd: () => void = () => {};

  constructor(events: readonly EngineEvent[]) {
    this.#events = [...events];
  }

  add(event: EngineEvent): void {
    if (this.#ended) return;
    this.#events.push(event);
    if (this.#events.length > backlogLimit) this.end();
    this.#wake?.();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.onEnd();
    this.#wake?.();
  }

  async *documents(): AsyncGenerator<EventMessage> {
    try {
      for (;;) {
        for (const event of this.#events.splice(0)) yield eventDocument(event);
        if (this.#events.length > 0) continue;
        if (this.#ended) return;
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        await promise;
        this.#wake = undefined;
      }
    } finally {
      this.end();
    }
  }
}
