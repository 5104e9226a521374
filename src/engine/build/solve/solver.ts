/**
 * Performs a graph: every vertex once, those that do not need each other at the same time, and equal steps of different builds once.
 * What a step comes to is remembered by a key of all that can matter for it: the operation, the layers that it is done on, and the
 * contents that it takes.
 */
import { availableParallelism } from "node:os";
import { DockerfileError } from "../../../docker/dockerfile/parse-dockerfile.ts";
import { nowMs } from "../../../lib/clock.ts";
import { messageOf } from "../../../lib/errors.ts";
import { Semaphore } from "../../../lib/semaphore.ts";
import { inOrder, type RunProgram, type Vertex, type VertexOutput } from "../graph/mod.ts";
import { contextChanged, isContextChanged } from "../in-place/mod.ts";
import { keyOf, type StepInput } from "../step-cache.ts";
import type { CacheMounts } from "./cache-mounts.ts";
import { filesLayer, rootOf, type StepInputs, selectionFacts } from "./files-step.ts";
import { reasonsFor } from "./reasons.ts";
import { runStep } from "./run-step.ts";
import { type Sources, sourceTree } from "./source-step.ts";
import type { StepContext } from "./step-context.ts";
import { inputsOfStep, operationText } from "./step-inputs.ts";
import { emptyTree, isLive, type Tree } from "./tree.ts";

/** How often a step begins again because its context changed while it was read. */
const limitAttempts = 3;
/** Steps of all builds that run at the same time. */
const limitAtOnce = Math.max(2, availableParallelism());

/** What all builds of an engine share. */
export class SharedSteps {
  readonly atOnce = new Semaphore(limitAtOnce);
  readonly underWay = new Map<string, Promise<readonly string[]>>();
}

export interface SolverOptions {
  readonly step: StepContext;
  readonly shared: SharedSteps;
  readonly caches: CacheMounts;
  readonly sources: Sources;
  /** What remembers steps beside the engine itself, asked in this order. */
  readonly imports: readonly CacheSource[];
}

/** A cache that comes from elsewhere. */
export interface CacheSource {
  /** The one layer that the step of this key adds to what it is done on, and when it was made. */
  step(key: string): { readonly layer: string; readonly createdMs: number } | undefined;
  /** A file of the build's own with the archive that a new cache mount of that name begins with. */
  mount(name: string): Promise<string | undefined>;
  /** Tells who builds that something of it was not what it should be. */
  tell(thrown: unknown): void;
  /** Brings a layer in and holds it. False: it cannot, which it has told. */
  fetch(layer: string): Promise<boolean>;
}

/** A step as it was done or found. */
export interface SolvedStep {
  readonly vertex: Vertex;
  readonly key: string | undefined;
  readonly tree: Tree;
  readonly cached: boolean;
  /** When it was done. */
  readonly createdMs: number;
}

export class Solver {
  readonly #options: SolverOptions;
  readonly #solved = new Map<string, Promise<SolvedStep>>();
  readonly #used = new Set<string>();
  /** What has failed ends the rest. */
  readonly #ending = new AbortController();
  #failure: unknown;

  constructor(options: SolverOptions) {
    const { step } = options;
    this.#options = {
      ...options,
      step: { ...step, signal: AbortSignal.any([step.signal, this.#ending.signal]) },
    };
  }

  /** The trees of the outputs. The first failure ends the rest. */
  async solve(outputs: readonly VertexOutput[]): Promise<Tree[]> {
    const { report } = this.#options.step;
    for (const vertex of inOrder(outputs.map((output) => output.vertex))) {
      if (!this.#solved.has(vertex.digest)) report({ ...shownAs(vertex), cached: false });
    }
    const steps = outputs.map(({ vertex }) => this.step(vertex));
    const settled = await Promise.allSettled(steps);
    // Nothing of it is under way when its place goes.
    await Promise.allSettled(this.#solved.values());
    this.#options.step.services.cache.used([...this.#used]);
    this.#used.clear();
    return settled.map((one) => {
      if (one.status === "rejected") throw this.#failure ?? one.reason;
      return one.value.tree;
    });
  }

  /** All steps that have been solved. */
  async steps(): Promise<SolvedStep[]> {
    return await Promise.all(this.#solved.values());
  }

  step(vertex: Vertex): Promise<SolvedStep> {
    const known = this.#solved.get(vertex.digest);
    if (known !== undefined) return known;
    const solving = this.#solve(vertex);
    this.#solved.set(vertex.digest, solving);
    return solving;
  }

  async #solve(vertex: Vertex): Promise<SolvedStep> {
    const before = await Promise.all(vertex.inputs.map((input) => this.step(input.vertex)));
    const { signal, report } = this.#options.step;
    signal.throwIfAborted();
    const startedMs = nowMs();
    const shown = shownAs(vertex);
    report({ ...shown, startedMs, cached: false });
    try {
      const solved = await this.#do(
        vertex,
        before.map(({ tree }) => tree),
      );
      report({ ...shown, startedMs, completedMs: nowMs(), cached: solved.cached });
      return solved;
    } catch (thrown) {
      const error = signal.aborted ? "context canceled" : messageOf(thrown);
      report({ ...shown, startedMs, completedMs: nowMs(), cached: false, error });
      const { lines } = vertex;
      const fault =
        lines === undefined || thrown instanceof DockerfileError
          ? thrown
          : new DockerfileError(messageOf(thrown), { firstLine: lines.first, lastLine: lines.last }, thrown);
      this.#failure ??= signal.aborted ? signal.reason : fault;
      this.#ending.abort(fault);
      throw fault;
    }
  }

  async #do(vertex: Vertex, inputs: StepInputs): Promise<SolvedStep> {
    const { operation } = vertex;
    const { step, sources } = this.#options;
    if (operation.kind === "merge") {
      const layered = await Promise.all(inputs.map((tree) => sources.asLayers(step, tree)));
      return {
        vertex,
        key: undefined,
        tree: { kind: "layers", chain: layered.flat() },
        cached: true,
        createdMs: 0,
      };
    }
    if (operation.kind === "diff")
      return { vertex, key: undefined, tree: differenceOf(operation, inputs), cached: true, createdMs: 0 };
    if (operation.kind !== "run" && operation.kind !== "files") {
      const { tree, cached } = await sourceTree(step, sources, vertex);
      return { vertex, key: undefined, tree, cached, createdMs: 0 };
    }
    const prepared = await this.#prepared(vertex, inputs);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#remembered(vertex, prepared);
      } catch (thrown) {
        if (!isContextChanged(thrown) || attempt === limitAttempts) throw thrown;
        step.signal.throwIfAborted();
      }
    }
  }

  /** With the tree that is written to as layers. */
  async #prepared(vertex: Vertex, inputs: StepInputs): Promise<StepInputs> {
    const { operation } = vertex;
    const { step, sources } = this.#options;
    const written =
      operation.kind === "run"
        ? rootInput(operation)
        : operation.kind === "files" && operation.actions[0]?.on.kind === "input"
          ? operation.actions[0].on.index
          : -1;
    return await Promise.all(
      inputs.map(async (tree, index) =>
        index === written ? { kind: "layers" as const, chain: await sources.asLayers(step, tree) } : tree,
      ),
    );
  }

  async #remembered(vertex: Vertex, inputs: StepInputs): Promise<SolvedStep> {
    const { step } = this.#options;
    const facts = await this.#facts(vertex, inputs);
    const key = keyOf(facts);
    const found = vertex.ignoreCache ? undefined : await this.#find(key, baseOf(vertex, inputs));
    if (found !== undefined) {
      step.report({ kind: "reason", vertex: vertex.digest, cached: true, reasons: [] });
      return {
        vertex,
        key,
        tree: { kind: "layers", chain: found.chain },
        cached: true,
        createdMs: found.createdMs,
      };
    }
    const reasons = reasonsFor(step.services.cache, facts, operationText(vertex), vertex.ignoreCache);
    step.report({ kind: "reason", vertex: vertex.digest, cached: false, reasons });
    const chain = await this.#performed(vertex, inputs, key, facts);
    // As every later build that finds it will say.
    const createdMs = step.services.cache.find(key)?.createdMs ?? nowMs();
    return { vertex, key, tree: { kind: "layers", chain }, cached: false, createdMs };
  }

  async #facts(vertex: Vertex, inputs: StepInputs): Promise<StepInput[]> {
    const { operation } = vertex;
    const { step } = this.#options;
    const selected = operation.kind === "files" ? await selectionFacts(step, operation, inputs) : [];
    return await inputsOfStep(step, vertex, { trees: inputs, selected });
  }

  /** Throws `build.context-changed` when what has been copied may be other than what the key was made of. */
  async #checkUnchanged(vertex: Vertex, inputs: StepInputs, before: readonly StepInput[]): Promise<void> {
    if (!inputs.some(isLive)) return;
    const after = await this.#facts(vertex, inputs);
    const changed = after.find(({ name, value }, at) => {
      const was = before[at];
      return was === undefined || was.name !== name || was.value !== value;
    });
    if (changed !== undefined || after.length !== before.length)
      throw contextChanged(changed?.name ?? before.at(-1)?.name ?? "something");
  }

  async #find(
    key: string,
    base: readonly string[],
  ): Promise<{ readonly chain: readonly string[]; readonly createdMs: number } | undefined> {
    const { step, imports } = this.#options;
    const record = step.services.cache.find(key);
    const image = record === undefined ? undefined : step.services.images.byId(record.place);
    if (record !== undefined && image !== undefined && step.snapshots.isThere(image.chain)) {
      for (const layer of image.chain) step.hold.keep(layer);
      this.#used.add(key);
      return { chain: image.chain, createdMs: record.createdMs };
    }
    // Not remembered here: who asks for no cache elsewhere gets nothing that came from there.
    for (const source of imports) {
      const found = source.step(key);
      if (found === undefined || !(await source.fetch(found.layer))) continue;
      return { chain: [...base, found.layer], createdMs: found.createdMs };
    }
    return undefined;
  }

  /** By this build, or by another one that does the same at this moment. */
  async #performed(
    vertex: Vertex,
    inputs: StepInputs,
    key: string,
    facts: readonly StepInput[],
  ): Promise<readonly string[]> {
    const { shared, step } = this.#options;
    for (let other = shared.underWay.get(key); other !== undefined; other = shared.underWay.get(key)) {
      try {
        const chain = await other;
        for (const layer of chain) step.hold.keep(layer);
        return chain;
      } catch {
        // It may have been given up by its client: then it is done here.
        step.signal.throwIfAborted();
      }
    }
    const performing = this.#perform(vertex, inputs, key, facts);
    shared.underWay.set(key, performing);
    try {
      return await performing;
    } finally {
      shared.underWay.delete(key);
    }
  }

  /** A program gets what others may change as it was when its key was made, and nothing of the place itself. */
  async #frozen(vertex: Vertex, inputs: StepInputs, facts: readonly StepInput[]): Promise<StepInputs> {
    if (!inputs.some(isLive)) return inputs;
    const { step, sources } = this.#options;
    const frozen = await Promise.all(
      inputs.map(async (tree) =>
        isLive(tree) ? { kind: "layers" as const, chain: await sources.asLayers(step, tree) } : tree,
      ),
    );
    await this.#checkUnchanged(vertex, inputs, facts);
    return frozen;
  }

  async #perform(
    vertex: Vertex,
    inputs: StepInputs,
    key: string,
    facts: readonly StepInput[],
  ): Promise<readonly string[]> {
    const { operation } = vertex;
    const { step, shared, caches } = this.#options;
    using _turn = await shared.atOnce.acquire(step.signal);
    step.signal.throwIfAborted();
    let chain: readonly string[];
    if (operation.kind === "run") {
      const frozen = await this.#frozen(vertex, inputs, facts);
      chain = await runStep(step, { ...vertex, operation }, frozen, caches);
    } else if (operation.kind === "files") {
      chain = [...baseOf(vertex, inputs), await filesLayer(step, operation, inputs)];
      await this.#checkUnchanged(vertex, inputs, facts);
    } else throw new Error(`no step: ${operation.kind}`);
    const image = step.snapshots.imageOf(chain, step.platform);
    step.services.cache.put({
      key,
      kind: "regular",
      place: image.id,
      description: operationText(vertex),
      inputs: facts,
      bytes: step.services.layers.layerBytes(chain.at(-1) ?? ""),
    });
    return chain;
  }
}

/** The layers that a step adds its own to. */
function baseOf({ operation }: Vertex, inputs: StepInputs): readonly string[] {
  const root =
    operation.kind === "files"
      ? rootOf(operation, inputs)
      : operation.kind === "run"
        ? (inputs[rootInput(operation)] ?? emptyTree)
        : emptyTree;
  return root.kind === "layers" ? root.chain : [];
}

/** Which input a program's root is; -1 is nothing at all. */
function rootInput({ mounts: [root] }: RunProgram): number {
  return root?.kind === "tree" ? root.input : -1;
}

function shownAs({ digest, name, inputs }: Vertex): {
  readonly kind: "vertex";
  readonly digest: string;
  readonly name: string;
  readonly inputs: readonly string[];
} {
  return { kind: "vertex", digest, name, inputs: inputs.map(({ vertex }) => vertex.digest) };
}

function differenceOf(
  { lower, upper }: { readonly lower: number; readonly upper: number },
  inputs: StepInputs,
): Tree {
  const [below, above] = [lower, upper].map((index) => (index === -1 ? emptyTree : inputs[index]));
  if (below?.kind !== "layers" || above?.kind !== "layers")
    throw new Error("a difference of what is no layers");
  const isBelow = below.chain.every((layer, index) => above.chain[index] === layer);
  if (!isBelow)
    throw new Error("a difference of trees of which one is not made of the other is not done yet");
  return { kind: "layers", chain: above.chain.slice(below.chain.length) };
}
