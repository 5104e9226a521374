/** What the engine counts of itself, and tells a collector of traces where one is configured. */
import { monotonicMs, nowMs } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import { randomHex } from "../../lib/ids.ts";
import { own } from "../../lib/own.ts";
import type { EventBus } from "../event/mod.ts";
import type { Family } from "./exposition.ts";
import { Histogram } from "./histogram.ts";
import type { Span } from "./span.ts";
import type { SpanExporter } from "./span-exporter.ts";

/** What is told of a container: names, and never its environment. */
export interface StartedContainer {
  readonly id: string;
  readonly name: string;
  readonly document: { readonly image: { readonly reference: string } };
}

const secondsPerMs = 1e-3;
const startLimits = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const phaseLimits = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];
const buildLimits = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1200];

/** Those that follow each other; the others are parts of the launch, one after the other too. */
const wholePhases = ["lookUpMs", "networkMs", "compileMs", "hostMs", "launchMs"] as const;
const launchPhases = ["takeMs", "sendMs", "cloneMs", "execMs"] as const;

/** Of Docker's verbs, those that are counted each for itself. */
const actions = [
  "create",
  "start",
  "restart",
  "die",
  "oom",
  "kill",
  "stop",
  "pause",
  "unpause",
  "destroy",
] as const;

export class Telemetry implements AsyncDisposable {
  readonly #exporter: SpanExporter | undefined;
  readonly #subscription: Disposable;
  readonly #starts = new Histogram(startLimits);
  readonly #phases = new Map(
    [...wholePhases, ...launchPhases].map((name) => [name, new Histogram(phaseLimits)] as const),
  );
  readonly #builds = new Histogram(buildLimits);
  readonly #actions = new Map<string, number>(actions.map((name) => [name, 0]));
  #events = 0;
  #failedStarts = 0;
  #failedBuilds = 0;
  #execs = 0;

  constructor(events: EventBus, exporter: SpanExporter | undefined) {
    this.#exporter = exporter;
    this.#subscription = events.subscribe(({ type, action }) => {
      this.#events += 1;
      if (type !== "container") return;
      const count = this.#actions.get(action);
      if (count !== undefined) this.#actions.set(action, count + 1);
      else if (action.startsWith("exec_start")) this.#execs += 1;
    });
  }

  /** A start has succeeded just now. */
  started(container: StartedContainer, phases: Readonly<Record<string, number>>): void {
    const lengths = (names: readonly string[]) =>
      names.map((name) => [name, own(phases, name) ?? 0] as const);
    const total = lengths(wholePhases).reduce((sum, [, ms]) => sum + ms, 0);
    this.#starts.observe(total * secondsPerMs);
    for (const [name, histogram] of this.#phases) histogram.observe((own(phases, name) ?? 0) * secondsPerMs);
    if (this.#exporter === undefined) return;
    const root = rootSpan("container.start", nowMs() - total, nowMs(), attributesOf(container));
    const spans = chain(root, lengths(wholePhases), root.startMs);
    const launch = spans.at(-1);
    const parts = launch === undefined ? [] : chain(launch, lengths(launchPhases), launch.startMs);
    this.#exporter.add([root, ...spans, ...parts]);
  }

  startFailed(container: StartedContainer, thrown: unknown): void {
    this.#failedStarts += 1;
    const now = nowMs();
    const root = rootSpan("container.start", now, now, attributesOf(container));
    this.#exporter?.add([{ ...root, error: messageOf(thrown) }]);
  }

  /** Performs a build, which tells how each of its steps gets on. */
  async build<T>(perform: (tell: (step: BuildStep) => void) => Promise<T>): Promise<T> {
    const beganMs = nowMs();
    const began = monotonicMs();
    const steps: BuildStep[] = [];
    let error: string | undefined;
    try {
      return await perform((step) => {
        if (this.#exporter !== undefined) noteStep(steps, step);
      });
    } catch (thrown) {
      error = messageOf(thrown);
      this.#failedBuilds += 1;
      throw thrown;
    } finally {
      const tookMs = monotonicMs() - began;
      this.#builds.observe(tookMs * secondsPerMs);
      const root = rootSpan("image.build", beganMs, beganMs + tookMs, {});
      this.#exporter?.add([
        { ...root, ...(error !== undefined && { error }) },
        ...steps.flatMap((step) => stepSpan(root, step) ?? []),
      ]);
    }
  }

  /** All that is counted here. */
  families(): Family[] {
    return [
      {
        kind: "counter",
        name: "engine_daemon_events",
        help: "Events that the engine has told",
        samples: [[{}, this.#events]],
      },
      {
        kind: "counter",
        name: "tiffin_container_events",
        help: "What happened to containers",
        samples: [...this.#actions].map(([action, count]) => [{ action }, count] as const),
      },
      {
        kind: "counter",
        name: "tiffin_execs",
        help: "Further processes that were started in containers",
        samples: [[{}, this.#execs]],
      },
      {
        kind: "counter",
        name: "tiffin_container_start_failures",
        help: "Starts of containers that have failed",
        samples: [[{}, this.#failedStarts]],
      },
      {
        kind: "histogram",
        name: "tiffin_container_start_seconds",
        help: "How long starts of containers took in the engine",
        samples: [[{}, this.#starts.sample()]],
      },
      {
        kind: "histogram",
        name: "tiffin_container_start_phase_seconds",
        help: "How long each phase of a start took; take, send, clone and exec are parts of launch",
        samples: [...this.#phases].map(
          ([name, histogram]) => [{ phase: phaseName(name) }, histogram.sample()] as const,
        ),
      },
      {
        kind: "histogram",
        name: "tiffin_build_seconds",
        help: "How long builds took, those that failed too",
        samples: [[{}, this.#builds.sample()]],
      },
      {
        kind: "counter",
        name: "tiffin_build_failures",
        help: "Builds that have failed",
        samples: [[{}, this.#failedBuilds]],
      },
      {
        kind: "counter",
        name: "tiffin_trace_spans_dropped",
        help: "Spans that could not be sent",
        samples: [[{}, this.#exporter?.dropped ?? 0]],
      },
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscription[Symbol.dispose]();
    await this.#exporter?.close();
  }
}

/** How a step of a build gets on. */
export interface BuildStep {
  readonly digest: string;
  readonly name: string;
  readonly startedMs?: number;
  readonly completedMs?: number;
  readonly cached: boolean;
  readonly error?: string;
}

/** Steps of one build that are told; beyond that, the later ones are not. */
const limitSteps = 500;

function noteStep(steps: BuildStep[], step: BuildStep): void {
  const index = steps.findIndex(({ digest }) => digest === step.digest);
  if (index !== -1) steps[index] = step;
  else if (steps.length < limitSteps) steps.push(step);
}

function stepSpan(
  parent: Span,
  { name, startedMs, completedMs, cached, error }: BuildStep,
): Span | undefined {
  if (startedMs === undefined || completedMs === undefined) return undefined;
  return {
    ...spanOf(parent, stepName(name), startedMs, completedMs),
    attributes: { "build.step.cached": String(cached) },
    ...(error !== undefined && { error }),
  };
}

/** A step's instruction without its words: they may be secret. */
function stepName(name: string): string {
  return `build.step ${/^(?:\[[^\]]*\] )?[A-Z]+(?= |$)/.exec(name)?.[0] ?? ""}`.trimEnd();
}

function attributesOf({ id, name, document }: StartedContainer): Record<string, string> {
  return { "container.id": id, "container.name": name, "container.image.name": document.image.reference };
}

function phaseName(name: string): string {
  return name.replace(/Ms$/, "");
}

function rootSpan(
  name: string,
  startMs: number,
  endMs: number,
  attributes: Readonly<Record<string, string>>,
): Span {
  return { traceId: randomHex(32), spanId: randomHex(16), name, startMs, endMs, attributes };
}

function spanOf({ traceId, spanId }: Span, name: string, startMs: number, endMs: number): Span {
  return { traceId, spanId: randomHex(16), parentSpanId: spanId, name, startMs, endMs, attributes: {} };
}

/** Spans one after the other below `parent`. */
function chain(parent: Span, lengths: readonly (readonly [string, number])[], fromMs: number): Span[] {
  let at = fromMs;
  return lengths.map(([name, ms]) => {
    const span = spanOf(parent, `${parent.name}.${phaseName(name)}`, at, at + ms);
    at += ms;
    return span;
  });
}
