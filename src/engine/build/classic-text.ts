/** How a build gets on as the text of Docker's classic builder: step after step, whatever is done at the same time. */
import type { ProgressMessage } from "../../docker/types/progress.ts";
import type { BuildEvent, OutlineStep, VertexEvent } from "./progress.ts";

export type ReportClassic = (message: ProgressMessage) => void;

interface VertexState {
  readonly logs: Uint8Array[];
  reasons: readonly string[];
  started: boolean;
  ended: VertexEvent | undefined;
}

export class ClassicText {
  readonly #report: ReportClassic;
  readonly #why: boolean;
  readonly #vertices = new Map<string, VertexState>();
  readonly #decoders = new Map<string, InstanceType<typeof TextDecoder>>();
  #steps: readonly OutlineStep[] = [];
  #at = 0;
  #announced = false;

  /** `why`: also why a step is done again. */
  constructor(report: ReportClassic, why: boolean) {
    this.#report = report;
    this.#why = why;
  }

  readonly hear = (event: BuildEvent): void => {
    if (event.kind === "outline") this.#steps = event.steps;
    else if (event.kind === "text") this.#report({ stream: event.text });
    else if (event.kind === "log") this.#log(event.vertex, event.data);
    else if (event.kind === "reason") this.#of(event.vertex).reasons = event.reasons;
    else if (event.kind === "warning") this.#report({ stream: `[Warning] ${event.text}\n` });
    else if (event.kind === "status") this.#status(event);
    else if (event.kind === "vertex") {
      const state = this.#of(event.digest);
      state.started ||= event.startedMs !== undefined;
      if (event.completedMs !== undefined) state.ended = event;
    }
    this.#goOn();
  };

  #of(digest: string): VertexState {
    const known = this.#vertices.get(digest);
    if (known !== undefined) return known;
    const made: VertexState = { logs: [], reasons: [], started: false, ended: undefined };
    this.#vertices.set(digest, made);
    return made;
  }

  /** What is not on yet waits until all before it is told. */
  #log(vertex: string, data: Uint8Array): void {
    const current = this.#steps[this.#at]?.vertex;
    if (current === vertex && this.#announced) this.#text(vertex, data);
    else this.#of(vertex).logs.push(data);
  }

  #text(vertex: string, data: Uint8Array): void {
    const decoder = this.#decoders.get(vertex) ?? new TextDecoder();
    this.#decoders.set(vertex, decoder);
    const stream = decoder.decode(data, { stream: true });
    if (stream !== "") this.#report({ stream });
  }

  #status({ id, name, current, total, vertex }: Extract<BuildEvent, { kind: "status" }>): void {
    // Of a pull, as a pull shows it.
    if (this.#vertices.get(vertex)?.ended !== undefined || name === id) return;
    this.#report({ id, status: name, ...(total > 0 && { progressDetail: { current, total } }) });
  }

  #goOn(): void {
    for (let step = this.#steps[this.#at]; step !== undefined; step = this.#steps[this.#at]) {
      if (!this.#announced) {
        this.#report({ stream: `Step ${this.#at + 1}/${this.#steps.length} : ${step.text}\n` });
        this.#announced = true;
      }
      const { vertex } = step;
      if (vertex !== undefined && !this.#told(vertex)) return;
      this.#announced = false;
      this.#at += 1;
    }
  }

  /** Whether all of a step is told. */
  #told(vertex: string): boolean {
    const state = this.#of(vertex);
    if (this.#why)
      for (const reason of state.reasons) this.#report({ stream: ` ---> Not cached: ${reason}\n` });
    state.reasons = [];
    for (const data of state.logs.splice(0)) this.#text(vertex, data);
    if (state.ended === undefined) return false;
    if (state.ended.error !== undefined) return false;
    if (state.ended.cached && !state.ended.name.includes("] FROM "))
      this.#report({ stream: " ---> Using cache\n" });
    return true;
  }
}
