/** A Dockerfile as a graph of steps and an image's configuration. Pure: images that stages begin with are asked for and given. */
import type { Lookup } from "../../../docker/dockerfile/expand.ts";
import { faultAt, type PlacedInstruction } from "../../../docker/dockerfile/parse-dockerfile.ts";
import { buildGraph, type Stage, stageNamed } from "../../../docker/dockerfile/stages.ts";
import { own } from "../../../lib/own.ts";
import { formatPlatform, type Platform } from "../../../oci/mod.ts";
import { type VertexOutput, vertexOf } from "../graph/mod.ts";
import { mainContextName } from "../inputs.ts";
import type { OutlineStep } from "../progress.ts";
import {
  type BaseImage,
  baseKey,
  type Compiled,
  type CompiledStage,
  type CompileOptions,
  type WantedBase,
} from "./compile-options.ts";
import { proxyNames } from "./compile-run.ts";
import { MissingBase } from "./missing-base.ts";
import { instructionText, StageCompiler } from "./stage-compiler.ts";
import type { WholeFile } from "./surroundings.ts";

/** Throws `DockerfileError`. */
export function compileDockerfile(options: CompileOptions): Compiled {
  return new DockerfileCompiler(options).run();
}

/** Platforms as a Dockerfile knows them without an `ARG` before the first stage. */
export function platformArguments(host: Platform, target: Platform): Lookup {
  const values: Readonly<Record<string, string>> = Object.fromEntries(
    (
      [
        ["TARGET", target],
        ["BUILD", host],
      ] as const
    ).flatMap(([prefix, platform]) => [
      [`${prefix}PLATFORM`, formatPlatform(platform)],
      [`${prefix}OS`, platform.os],
      [`${prefix}ARCH`, platform.architecture],
      [`${prefix}VARIANT`, platform.variant],
    ]),
  );
  return (name) => own(values, name);
}

class DockerfileCompiler implements WholeFile {
  readonly options: CompileOptions;
  readonly globals: ReadonlyMap<string, string | undefined>;
  readonly predefined: Lookup;
  readonly consumed: Set<string>;
  readonly #stages: readonly Stage[];
  readonly #target: Stage;
  readonly #needed: readonly Stage[];
  readonly #results = new Map<number, CompiledStage>();
  readonly #outlines = new Map<number, readonly OutlineStep[]>();
  readonly #globalInstructions: readonly PlacedInstruction[];
  readonly #contexts = new Map<string, VertexOutput>();

  constructor(options: CompileOptions) {
    const { file, target, arguments: given, host, platform } = options;
    this.options = options;
    this.predefined = platformArguments(host, platform);
    const graph = buildGraph(file, { target, arguments: given, predefined: this.predefined });
    this.globals = graph.globals;
    this.#globalInstructions = graph.globalInstructions;
    this.consumed = new Set(graph.globals.keys());
    this.#stages = [...graph.stages, ...graph.unused].sort((a, b) => a.index - b.index);
    this.#needed = graph.stages;
    const last = graph.stages.at(-1);
    if (last === undefined) throw new Error("a Dockerfile without stages");
    this.#target = last;
  }

  get hasSeveralStages(): boolean {
    return this.#stages.length > 1;
  }

  run(): Compiled {
    const missing = new Map<string, WantedBase>();
    // All that can be asked for at once is.
    for (const stage of this.#needed) {
      try {
        this.stage(stage);
      } catch (thrown) {
        if (!(thrown instanceof MissingBase)) throw thrown;
        missing.set(baseKey(thrown.base), thrown.base);
      }
    }
    if (missing.size > 0) return { kind: "needs", bases: [...missing.values()] };
    const result = this.stage(this.#target);
    const unconsumed = this.options.argumentNames
      .filter((name) => !this.consumed.has(name) && !isHeardAnyway(name))
      .sort();
    const outline = [...this.#outlines].sort(([a], [b]) => a - b).flatMap(([, steps]) => steps);
    const globals = this.#globalInstructions.map((one) => ({
      text: instructionText(one),
      vertex: undefined,
    }));
    return { kind: "done", result, outline: [...globals, ...outline], unconsumed };
  }

  stage(stage: Stage): CompiledStage {
    const known = this.#results.get(stage.index);
    if (known !== undefined) return known;
    const compiler = new StageCompiler(this, stage, this.#begin(stage), stage.index === this.#target.index);
    const result = compiler.withClientLabels(compiler.run());
    this.#results.set(stage.index, result);
    this.#outlines.set(stage.index, compiler.outline);
    return result;
  }

  /** What `--from=NAME` of a stage's step means. */
  filesOf(name: string, stage: Stage): VertexOutput | undefined {
    const context = this.namedContext(name);
    if (context !== undefined) return context;
    const found = stageNamed(this.#stages.slice(0, stage.index), name);
    if (found !== undefined) return this.stage(found).root;
    if (stageNamed(this.#stages, name) !== undefined) {
      throw new Error(
        `${JSON.stringify(name)} is this stage or one behind it: only stages before can be copied from`,
      );
    }
    if (name === "scratch") return undefined;
    const { pull } = this.options;
    const vertex = vertexOf({
      name: `FROM ${name}`,
      operation: { kind: "image", reference: name, resolve: pull ? "pull" : "default" },
      inputs: [],
    });
    return { vertex, output: 0 };
  }

  /** The directory that is built from. */
  mainContext(): VertexOutput {
    const found = this.namedContext(mainContextName);
    if (found === undefined) throw new Error("there is no build context to copy from");
    return found;
  }

  namedContext(name: string): VertexOutput | undefined {
    const known = this.#contexts.get(name);
    if (known !== undefined) return known;
    const context = this.options.contexts.get(name);
    if (context === undefined) return undefined;
    const made = contextOutput(name, context, this.options);
    this.#contexts.set(name, made);
    return made;
  }

  #begin(stage: Stage): CompiledStage {
    const { base, platform: written, from } = stage;
    try {
      if (base.kind === "stage") {
        const before = this.#stages[base.index];
        if (before === undefined) throw new Error("a stage that is not there");
        return this.stage(before);
      }
      const { platform } = this.options;
      if (base.kind === "nothing") return nothing(platform);
      const context = this.namedContext(base.name);
      if (context !== undefined && this.options.contexts.get(base.name)?.kind !== "image") {
        return { ...nothing(platform), root: context };
      }
      const named = this.options.contexts.get(base.name);
      const reference = named?.kind === "image" ? named.reference : base.name;
      const several = this.options.platformPrefix !== "";
      const wanted: WantedBase = {
        reference,
        platform: written ?? (several || platformDiffers(this.options) ? formatPlatform(platform) : ""),
      };
      const image = this.options.bases.get(baseKey(wanted));
      if (image === undefined) throw new MissingBase(wanted);
      return beginWith(image);
    } catch (thrown) {
      if (thrown instanceof MissingBase) throw thrown;
      throw faultAt(thrown, from);
    }
  }
}

function platformDiffers({ host, platform }: CompileOptions): boolean {
  return formatPlatform(host) !== formatPlatform(platform);
}

function nothing(platform: Platform): CompiledStage {
  return {
    root: undefined,
    config: { WorkingDir: "/" },
    declared: new Map(),
    baseHistory: [],
    history: [],
    author: "",
    platform: { ...platform, osVersion: "" },
  };
}

function beginWith(image: BaseImage): CompiledStage {
  const { id, config, history, author, architecture, os, variant, osVersion } = image;
  const vertex = vertexOf({
    name: `FROM ${id}`,
    operation: { kind: "image", reference: id, resolve: "local" },
    inputs: [],
  });
  return {
    root: { vertex, output: 0 },
    config,
    declared: new Map(),
    baseHistory: history,
    history: [],
    author,
    platform: { os, architecture, variant, osVersion },
  };
}

function contextOutput(
  name: string,
  context: NonNullable<ReturnType<CompileOptions["contexts"]["get"]>>,
  { ignored, pull }: CompileOptions,
): VertexOutput {
  if (context.kind === "vertex") return context.output;
  const isMain = name === mainContextName;
  const title = isMain ? "[internal] load build context" : `[context ${name}] load from client`;
  if (context.kind === "local") {
    const exclude = ignored.get(name) ?? [];
    const operation = { kind: "local" as const, name, ...(exclude.length > 0 && { exclude }) };
    return { vertex: vertexOf({ name: title, operation, inputs: [] }), output: 0 };
  }
  if (context.kind === "image") {
    const operation = {
      kind: "image" as const,
      reference: context.reference,
      resolve: pull ? ("pull" as const) : ("default" as const),
    };
    return {
      vertex: vertexOf({ name: `[context ${name}] ${context.reference}`, operation, inputs: [] }),
      output: 0,
    };
  }
  throw new Error(`the context ${JSON.stringify(name)} is not fetched yet`);
}

/** Without an `ARG`: the builder itself and proxies. */
function isHeardAnyway(name: string): boolean {
  return name === "SOURCE_DATE_EPOCH" || name.startsWith("BUILDKIT_") || proxyNames.has(name);
}
