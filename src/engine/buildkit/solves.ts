/** Builds under way by the id that their client gave them: how each gets on, and what ends it. */
import type { SolveRequest, StatusResponse } from "../../buildkit/mod.ts";
import { TiffinError } from "../../lib/errors.ts";
import { after } from "../../lib/timer.ts";
import type { BuildResult } from "../build/mod.ts";
import { ProgressLog } from "./progress-log.ts";

/** A client asks for a build and for its progress at the same time: either may come first. */
const limitWaitMs = 10_000;
/** Who asks for the progress late still hears of a build that has ended. */
const keptMs = 5_000;
const limitSolves = 200;

/** What a client's own frontend came to. */
export interface Returned {
  readonly results: readonly BuildResult[];
}

export class Solve {
  readonly ref: string;
  /** As BuildKit's clients put it; others have their own words. */
  readonly request: SolveRequest | undefined;
  readonly progress = new ProgressLog();
  /** Hears how it gets on. */
  watch: ((status: StatusResponse) => void) | undefined;
  readonly #abort = new AbortController();
  readonly #returned = Promise.withResolvers<Returned>();

  constructor(ref: string, request: SolveRequest | undefined) {
    this.ref = ref;
    this.request = request;
    // Nobody may wait for it.
    this.#returned.promise.catch(() => {});
  }

  report(status: StatusResponse): void {
    this.watch?.(status);
    this.progress.push(status);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Settles when the client's own frontend has said what it came to. */
  get returned(): Promise<Returned> {
    return this.#returned.promise;
  }

  settle(outcome: Returned | Error): void {
    if (outcome instanceof Error) this.#returned.reject(outcome);
    else this.#returned.resolve(outcome);
  }

  /** Ends it, as when its client goes. */
  cancel(): void {
    const reason = new TiffinError("cancelled", "buildkit.cancelled", "context canceled");
    this.#abort.abort(reason);
    this.#returned.reject(reason);
  }
}

export class SolveRegistry {
  readonly #solves = new Map<string, Solve>();
  readonly #waiting = new Map<string, Set<(solve: Solve) => void>>();

  /** Errors: `buildkit.ref-taken`, `buildkit.too-many`. */
  begin(ref: string, request?: SolveRequest): Solve {
    if (ref === "") throw new TiffinError("invalid", "buildkit.ref", "a build needs an id of its own");
    if (this.#solves.has(ref)) {
      throw new TiffinError(
        "conflict",
        "buildkit.ref-taken",
        `there is a build ${JSON.stringify(ref)} already`,
      );
    }
    if (this.#solves.size >= limitSolves) {
      throw new TiffinError("unavailable", "buildkit.too-many", `there are ${limitSolves} builds already`);
    }
    const solve = new Solve(ref, request);
    this.#solves.set(ref, solve);
    for (const hear of this.#waiting.get(ref) ?? []) hear(solve);
    this.#waiting.delete(ref);
    return solve;
  }

  end(solve: Solve): void {
    solve.progress.end();
    after(
      keptMs,
      () => {
        if (this.#solves.get(solve.ref) === solve) this.#solves.delete(solve.ref);
      },
      { background: true },
    );
  }

  /** Nothing is built, and nobody asks for what was built a moment ago. */
  get isIdle(): boolean {
    return this.#solves.size === 0;
  }

  find(ref: string): Solve | undefined {
    return this.#solves.get(ref);
  }

  /** That build, waited for if it is on its way. Errors: `buildkit.no-build`, the signal's reason. */
  async get(ref: string, signal: AbortSignal): Promise<Solve> {
    const there = this.#solves.get(ref);
    if (there !== undefined) return there;
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Solve>();
    const waiting = this.#waiting.get(ref) ?? new Set();
    this.#waiting.set(ref, waiting.add(resolve));
    const stop = (): void => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    using _timer = after(limitWaitMs, () =>
      reject(new TiffinError("notFound", "buildkit.no-build", `no such job ${ref}`)),
    );
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", stop);
      waiting.delete(resolve);
      if (waiting.size === 0 && this.#waiting.get(ref) === waiting) this.#waiting.delete(ref);
    }
  }

  cancelAll(): void {
    for (const solve of this.#solves.values()) solve.cancel();
  }
}
