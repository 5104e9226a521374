/** What was built lately, for clients that list it. It lives as long as the engine. */
import {
  codes,
  type Exporter,
  failureOf,
  type HistoryRecord,
  historyEventTypes,
  historyRecord,
  type StatusResponse,
  timestampOfMs,
} from "../../buildkit/mod.ts";
import { nowMs } from "../../lib/clock.ts";

const limitRecords = 100;

export interface HistoryChange {
  readonly type: number;
  readonly record: HistoryRecord;
}

export interface HistoryWish {
  readonly ref: string;
  readonly activeOnly: boolean;
  /** What is there, and not what comes. */
  readonly earlyExit: boolean;
}

/** One build while it runs: it counts its steps. */
export class HistoryEntry {
  readonly #steps = new Map<string, { readonly cached: boolean; readonly completed: boolean }>();
  #warnings = 0;
  record: HistoryRecord;

  constructor(record: HistoryRecord) {
    this.record = record;
  }

  see({ vertexes, warnings }: StatusResponse): void {
    this.#warnings += warnings.length;
    for (const { digest, cached, completed } of vertexes) {
      this.#steps.set(digest, { cached, completed: completed !== undefined });
    }
  }

  get counts(): Partial<HistoryRecord> {
    const steps = [...this.#steps.values()];
    return {
      totalSteps: steps.length,
      cachedSteps: steps.filter(({ cached }) => cached).length,
      completedSteps: steps.filter(({ completed }) => completed).length,
      warnings: this.#warnings,
    };
  }
}

export class BuildHistory {
  readonly #entries = new Map<string, HistoryEntry>();
  readonly #listeners = new Set<(change: HistoryChange) => void>();

  begin(
    ref: string,
    frontend: string,
    frontendAttributes: ReadonlyMap<string, string>,
    exporters: readonly Exporter[],
  ): HistoryEntry {
    const createdAt = timestampOfMs(nowMs());
    const entry = new HistoryEntry(
      historyRecord.of({ ref, frontend, frontendAttributes, exporters, createdAt, generation: 1 }),
    );
    this.#entries.set(ref, entry);
    for (const old of this.#entries.keys()) {
      if (this.#entries.size <= limitRecords) break;
      const { record } = this.#entries.get(old) ?? entry;
      if (record.completedAt !== undefined && !record.pinned) this.delete(old);
    }
    this.#tell({ type: historyEventTypes.started, record: entry.record });
    return entry;
  }

  /** @param thrown What it failed with; undefined is well. */
  end(entry: HistoryEntry, exporterResponse: ReadonlyMap<string, string>, thrown: unknown): void {
    const failure = thrown === undefined ? undefined : failureOf(thrown);
    entry.record = {
      ...entry.record,
      ...entry.counts,
      completedAt: timestampOfMs(nowMs()),
      exporterResponse,
      ...(failure !== undefined && {
        error: {
          code: failure.code === codes.ok ? codes.unknown : failure.code,
          message: failure.message,
          details: [],
        },
      }),
      generation: entry.record.generation + 1,
    };
    this.#tell({ type: historyEventTypes.complete, record: entry.record });
  }

  /** False: there is no such build. */
  delete(ref: string): boolean {
    const entry = this.#entries.get(ref);
    if (entry === undefined) return false;
    this.#entries.delete(ref);
    this.#tell({ type: historyEventTypes.deleted, record: entry.record });
    return true;
  }

  pin(ref: string, pinned: boolean): boolean {
    const entry = this.#entries.get(ref);
    if (entry === undefined) return false;
    entry.record = { ...entry.record, pinned, generation: entry.record.generation + 1 };
    this.#tell({ type: historyEventTypes.complete, record: entry.record });
    return true;
  }

  /** What is there, then what comes. */
  async *listen(wish: HistoryWish, signal: AbortSignal): AsyncGenerator<HistoryChange> {
    const wanted = ({ record }: HistoryChange): boolean => wish.ref === "" || record.ref === wish.ref;
    const pending: HistoryChange[] = [...this.#entries.values()].flatMap((entry) => {
      const { record } = entry;
      const active = record.completedAt === undefined;
      if (wish.activeOnly && !active) return [];
      const type = active ? historyEventTypes.started : historyEventTypes.complete;
      return [{ type, record: { ...record, ...(active && entry.counts) } }];
    });
    let wake: (() => void) | undefined;
    const hear = (change: HistoryChange): void => {
      pending.push(change);
      wake?.();
    };
    const stop = (): void => wake?.();
    if (!wish.earlyExit) this.#listeners.add(hear);
    signal.addEventListener("abort", stop);
    try {
      while (!signal.aborted) {
        const next = pending.shift();
        if (next !== undefined) {
          if (wanted(next)) yield next;
        } else if (wish.earlyExit) return;
        else {
          const { promise, resolve } = Promise.withResolvers<void>();
          wake = resolve;
          await promise;
        }
      }
    } finally {
      this.#listeners.delete(hear);
      signal.removeEventListener("abort", stop);
    }
  }

  #tell(change: HistoryChange): void {
    for (const hear of this.#listeners) hear(change);
  }
}
