/**
 * Sends spans to a collector by OTLP over HTTP, as JSON, some at a time. Nothing waits for it: a collector that is slow or away
 * costs spans, which are counted, and one report until it is there again.
 */
import { messageOf } from "../../lib/errors.ts";
import { after, type Timer, within } from "../../lib/timer.ts";
import { otlpTraces, type Span } from "./span.ts";

const gatherMs = 1_000;
const patienceMs = 5_000;
const lastPatienceMs = 1_000;
const limitWaiting = 2_048;
const limitBatch = 512;

export interface SpanExporterOptions {
  /** `http://collector:4318`, or with a path before `/v1/traces`. */
  readonly endpoint: string;
  /** Who says it. */
  readonly resource: Readonly<Record<string, string>>;
  readonly report: (thrown: unknown) => void;
}

export class SpanExporter {
  readonly #options: SpanExporterOptions;
  #waiting: Span[] = [];
  #timer: Timer | undefined;
  #sending: Promise<void> | undefined;
  #failing = false;
  /** Spans that nobody has got. */
  dropped = 0;

  constructor(options: SpanExporterOptions) {
    this.#options = options;
  }

  add(spans: readonly Span[]): void {
    const room = Math.max(0, limitWaiting - this.#waiting.length);
    this.#waiting.push(...spans.slice(0, room));
    this.dropped += Math.max(0, spans.length - room);
    this.#timer ??= after(gatherMs, () => this.#begin(), { background: true });
  }

  #begin(): void {
    this.#timer = undefined;
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
  }

  async #send(): Promise<void> {
    const { endpoint, resource, report } = this.#options;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, limitBatch);
      const aborting = new AbortController();
      using _limit = after(patienceMs, () => aborting.abort(new Error("no answer")), { background: true });
      try {
        const answer = await fetch(`${endpoint.replace(/\/+$/, "")}/v1/traces`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify(otlpTraces(batch, resource)),
          signal: aborting.signal,
        });
        await answer.arrayBuffer();
        if (!answer.ok) throw new Error(`it answers ${answer.status}`);
        this.#failing = false;
      } catch (thrown) {
        this.dropped += batch.length;
        if (!this.#failing) report(new Error(`traces cannot be sent to ${endpoint}: ${messageOf(thrown)}`));
        this.#failing = true;
      }
    }
  }

  /** Sends what is left, for a moment. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#begin();
    await within(this.#sending ?? Promise.resolve(), lastPatienceMs);
  }
}
