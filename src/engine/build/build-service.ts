/** Images and files from Dockerfiles and graphs, as clients ask for them. */
import type { Lookup } from "../../docker/dockerfile/expand.ts";
import { faultAt } from "../../docker/dockerfile/parse-dockerfile.ts";
import type { BuildPruneReport } from "../../docker/types/build.ts";
import { nowMs } from "../../lib/clock.ts";
import { TiffinError } from "../../lib/errors.ts";
import { own } from "../../lib/own.ts";
import { formatPlatform, type OciImageConfig, type Platform, parsePlatform } from "../../oci/mod.ts";
import type { BuildContext } from "./build-context.ts";
import { buildFault } from "./build-error.ts";
import { BuildPlace, removeLeftBuilds } from "./build-place.ts";
import { type BuildRequest, plainBuildRequest } from "./build-request.ts";
import { CachePruner, type Pruned, type PruneOptions, type UsedRecord } from "./cache-prune.ts";
import { type CheckedFile, checkedFile, warningEvent } from "./checked-file.ts";
import { type ClassicBuildRequest, classicBuild, type ReportClassic } from "./classic-build.ts";
import {
  type BaseImage,
  baseKey,
  type CompiledStage,
  type CompileOptions,
  compileDockerfile,
  type WantedBase,
} from "./compile/mod.ts";
import { failOnWarnings } from "./fail-on-warnings.ts";
import { type ImageSource, type VertexOutput, vertexOf } from "./graph/mod.ts";
import { imageDocument } from "./image-document.ts";
import { type OpenedDirectories, openNamed } from "./in-place/mod.ts";
import { type BuildInputs, mainContextName } from "./inputs.ts";
import { type BuiltTree, checkOutputs, deliver } from "./output/mod.ts";
import type { BuildResult } from "./outputs.ts";
import type { ReportEvent } from "./progress.ts";
import { type ReadDockerfile, readDockerfile, readIgnores } from "./read-dockerfile.ts";
import { exportCaches, fillFrom, openImports, withInline } from "./remote-cache/mod.ts";
import { withFetched } from "./remote-context.ts";
import {
  CacheMounts,
  type CacheSource,
  emptyTree,
  imageNamed,
  type OpenTree,
  openTree,
  SharedSteps,
  Snapshots,
  type SolvedStep,
  Solver,
  Sources,
  type StepContext,
  type Tree,
} from "./solve/mod.ts";

const encoder = new TextEncoder();

/** One result of a graph: what it is, for which platform, and its document once its layers are known. */
export interface GraphRoot {
  /** Undefined: an empty tree. */
  readonly output: VertexOutput | undefined;
  readonly platform: Platform;
  readonly document: (chain: readonly string[]) => OciImageConfig;
}

interface StageSurroundings {
  readonly read: ReadDockerfile;
  readonly sources: Sources;
  readonly imports: readonly CacheSource[];
  /** Lines of the patterns that leave files of contexts out, by their names. */
  readonly ignored: ReadonlyMap<string, readonly string[]>;
  /** There are results for other platforms too. */
  readonly several: boolean;
}

interface SolvedStage {
  readonly stage: CompiledStage;
  readonly tree: Tree;
  /** When the layers came to be. */
  readonly times: ReadonlyMap<string, number>;
  readonly solved: readonly SolvedStep[];
}

interface InPlaceContexts {
  readonly directories: OpenedDirectories;
  /** With the Dockerfile, where no directory has it. */
  readonly body: AsyncIterable<Uint8Array>;
}

interface LookCall<T> extends Pick<BuildCall, "report" | "signal"> {
  readonly look: (tree: OpenTree) => T;
}

interface WantedImage extends Pick<ImageSource, "reference" | "resolve"> {
  /** Empty: this machine's. */
  readonly platform: string;
}

interface BuildCall {
  readonly report: ReportEvent;
  readonly signal: AbortSignal;
  /** All times, where the client says one. */
  readonly epochMs: number | undefined;
}

export class BuildService {
  readonly #context: BuildContext;
  readonly #snapshots: Snapshots;
  readonly #shared = new SharedSteps();
  readonly #caches: CacheMounts;
  readonly #pruner: CachePruner;
  #underWay = 0;

  constructor(context: BuildContext) {
    this.#context = context;
    this.#snapshots = new Snapshots(context.images, context.layers);
    this.#caches = new CacheMounts(context.cacheMounts);
    this.#pruner = new CachePruner(context, this.#caches);
  }

  /** At a start: takes away what builds have left that were cut short. */
  async settle(): Promise<void> {
    const { directory, secrets, containers } = this.#context;
    await removeLeftBuilds(directory, secrets, async (name) => {
      try {
        await containers.remove(name, { force: true, volumes: true });
      } catch (thrown) {
        if (!(thrown instanceof TiffinError && thrown.kind === "notFound")) throw thrown;
      }
    });
    await this.#caches.settle();
    await this.#context.contexts.settle();
  }

  /** A Dockerfile. Errors: `build.*`, `archive.*`, and those of its steps. */
  async build(
    request: BuildRequest,
    inputs: BuildInputs,
    report: ReportEvent,
    signal: AbortSignal,
  ): Promise<BuildResult> {
    return await this.#context.telemetry.build(async (tell) => {
      const told: ReportEvent = (event) => {
        if (event.kind === "vertex") tell(event);
        report(event);
      };
      return await this.#perform(request, inputs, told, signal);
    });
  }

  /** What is doubtful in a Dockerfile, of which nothing is built. Errors: `build.check`, and those of its grammar. */
  async check(
    request: BuildRequest,
    inputs: BuildInputs,
    report: ReportEvent,
    signal: AbortSignal,
  ): Promise<CheckedFile> {
    using under = this.#begin(request, inputs, { report, signal, epochMs: undefined });
    const read = await readDockerfile(under.step, new Sources(), request.dockerfile);
    return checkedFile(read, (name) => own(request.arguments, name), this.#context.images);
  }

  async #perform(
    request: BuildRequest,
    inputs: BuildInputs,
    report: ReportEvent,
    signal: AbortSignal,
  ): Promise<BuildResult> {
    const epochMs = epochOf(request);
    checkOutputs(request.outputs, { platforms: request.platforms.length, epochMs });
    using under = this.#begin(request, inputs, { report, signal, epochMs });
    const { step } = under;
    const { host } = this.#context;
    const sources = new Sources();
    const read = await readDockerfile(step, sources, request.dockerfile);
    failOnWarnings(read, (name) => own(request.arguments, name));
    const ignored = await readIgnores(step, sources, read);
    await removeUnwanted(step, sources, read.name);
    const platforms =
      request.platforms.length === 0 ? [host] : request.platforms.map((text) => parsePlatform(text, host));
    const imports = await openImports(step, request.cacheFrom);
    const built: BuiltTree[] = [];
    const all: SolvedStep[] = [];
    for (const platform of platforms) {
      const own = withImports({ ...step, platform }, imports);
      const several = platforms.length > 1;
      const { stage, tree, times, solved } = await this.#stage(request, own, {
        read,
        sources,
        imports,
        ignored,
        several,
      });
      const chain = await sources.asLayers(own, tree);
      const document = imageDocument(stage, chain, { layer: (id) => times.get(id), epochMs, nowMs: nowMs() });
      all.push(...solved);
      const isInline = request.cacheTo.some(({ kind }) => kind === "inline");
      const told = isInline ? withInline(document, chain, solved) : document;
      const baseLayers = chain.length - stage.history.filter(({ emptyLayer }) => !emptyLayer).length;
      built.push({ platform, chain, baseLayers, configuration: encoder.encode(JSON.stringify(told)) });
    }
    if (request.tellsChecks === true) {
      const { warnings } = checkedFile(read, (name) => own(request.arguments, name), this.#context.images);
      for (const warning of warnings) report(warningEvent(warning));
    }
    const result = await deliver(step, request, { built, epochMs });
    const chains = built.map(({ chain }) => chain);
    await exportCaches(step, request.cacheTo, { solved: all, chains }, this.#caches);
    await this.#pruner.keepWithinLimit();
    return result;
  }

  /** A graph that was made elsewhere; each root with the image's document, for which its layers and their times are put in. */
  async solve(
    request: BuildRequest,
    roots: readonly GraphRoot[],
    inputs: BuildInputs,
    report: ReportEvent,
    signal: AbortSignal,
  ): Promise<BuildResult> {
    checkOutputs(request.outputs, { platforms: roots.length, epochMs: undefined });
    using under = this.#begin(request, inputs, { report, signal, epochMs: undefined });
    const sources = new Sources();
    const built: BuiltTree[] = [];
    const all: SolvedStep[] = [];
    const imports = await openImports(under.step, request.cacheFrom);
    for (const { output, platform, document } of roots) {
      const step = withImports({ ...under.step, platform }, imports);
      const solver = new Solver({ step, shared: this.#shared, caches: this.#caches, sources, imports });
      const [tree = { kind: "layers", chain: [] } as const] =
        output === undefined ? [] : await solver.solve([output]);
      const chain = await sources.asLayers(step, tree);
      all.push(...(await solver.steps()));
      const isInline = request.cacheTo.some(({ kind }) => kind === "inline");
      const told = isInline ? withInline(document(chain), chain, all) : document(chain);
      built.push({ platform, chain, baseLayers: 0, configuration: encoder.encode(JSON.stringify(told)) });
    }
    const result = await deliver(under.step, request, { built, epochMs: undefined });
    const chains = built.map(({ chain }) => chain);
    await exportCaches(under.step, request.cacheTo, { solved: all, chains }, this.#caches);
    await this.#pruner.keepWithinLimit();
    return result;
  }

  /** Looks into what a graph comes to, which is built for that if it is not. */
  async lookInto<T>(
    output: VertexOutput | undefined,
    request: BuildRequest,
    inputs: BuildInputs,
    { report, signal, look }: LookCall<T>,
  ): Promise<T> {
    using under = this.#begin(request, inputs, { report, signal, epochMs: undefined });
    const { step } = under;
    const shared = { step, shared: this.#shared, caches: this.#caches, sources: new Sources(), imports: [] };
    const [tree = emptyTree] = output === undefined ? [] : await new Solver(shared).solve([output]);
    using open = openTree(this.#context.layers, tree);
    return look(open);
  }

  /** What an image is by its digest, and its document; pulled if it is not here. */
  async resolveImage(
    { reference, resolve, platform }: WantedImage,
    inputs: BuildInputs,
    report: ReportEvent,
    signal: AbortSignal,
  ): Promise<{ readonly digest: string; readonly configuration: Uint8Array }> {
    using under = this.#begin(plainBuildRequest, inputs, { report, signal, epochMs: undefined });
    const operation = { kind: "image", reference, resolve } as const;
    const name = `resolve image config for ${reference}`;
    const vertex = vertexOf({ name, operation, inputs: [], ...(platform !== "" && { platform }) });
    const { image } = await imageNamed(under.step, operation, vertex);
    const { images } = this.#context;
    const [manifest] = images.manifests(image.id);
    return { digest: manifest?.digest ?? image.id, configuration: images.configuration(image.id) };
  }

  #begin(
    request: BuildRequest,
    inputs: BuildInputs,
    { report, signal, epochMs }: BuildCall,
  ): Disposable & { readonly step: StepContext } {
    using undo = new DisposableStack();
    const place = undo.use(new BuildPlace(this.#context.directory, this.#context.secrets));
    const hold = undo.use(this.#context.images.hold());
    const step: StepContext = {
      services: this.#context,
      snapshots: this.#snapshots,
      place,
      inputs: withFetched(inputs, () => step, keepsGit(request)),
      run: withoutNetwork(request.run),
      platform: this.#context.host,
      hold,
      report,
      signal,
      timeNs: BigInt(epochMs ?? nowMs()) * 1_000_000n,
      ...(request.keepFailed !== undefined && { keepFailed: request.keepFailed }),
    };
    this.#underWay += 1;
    undo.defer(() => {
      this.#underWay -= 1;
      if (this.#underWay > 0) return;
      try {
        this.#pruner.sweep();
      } catch (thrown) {
        this.#context.report(thrown);
      }
    });
    const held = undo.move();
    return { step, [Symbol.dispose]: () => held.dispose() };
  }

  /** By Docker's classic route: a tar with the context, text as it goes. */
  async classic(
    request: ClassicBuildRequest,
    body: AsyncIterable<Uint8Array>,
    report: ReportClassic,
    signal: AbortSignal,
  ): Promise<void> {
    const { limitBytes } = this.#context;
    await classicBuild((...asked) => this.build(...asked), { request, body, report, signal, limitBytes });
  }

  openDirectories(...asked: Parameters<typeof openNamed>): OpenedDirectories {
    return openNamed(...asked);
  }

  /** By the same words, with contexts that are read where they are. */
  async inPlace(
    request: ClassicBuildRequest,
    { directories, body }: InPlaceContexts,
    report: ReportClassic,
    signal: AbortSignal,
  ): Promise<void> {
    const { limitBytes } = this.#context;
    const call = { request, body, report, signal, limitBytes, directories: directories.byName };
    await classicBuild((...asked) => this.build(...asked), call);
  }

  usage(): Promise<UsedRecord[]> {
    return this.#pruner.usage();
  }

  /** Takes away what steps came to that nothing else needs. */
  async prune(options: PruneOptions): Promise<Pruned> {
    const pruned = await this.#pruner.prune(options);
    if (this.#underWay === 0) this.#pruner.sweep();
    return pruned;
  }

  async pruneCache(options: PruneOptions): Promise<BuildPruneReport> {
    const { deleted, reclaimedBytes } = await this.prune(options);
    const keys = deleted.map(({ key }) => key);
    return { CachesDeleted: keys.length === 0 ? null : keys, SpaceReclaimed: reclaimedBytes };
  }

  async #stage(
    request: BuildRequest,
    step: StepContext,
    { read, sources, imports, ...surroundings }: StageSurroundings,
  ): Promise<SolvedStage> {
    const { file } = read;
    let parsing = true;
    try {
      const stage = await this.#compile(request, step, read, surroundings);
      parsing = false;
      const solver = new Solver({ step, shared: this.#shared, caches: this.#caches, sources, imports });
      const [tree = { kind: "layers", chain: [] } as const] =
        stage.root === undefined ? [] : await solver.solve([stage.root]);
      const times = new Map<string, number>();
      const solved = await solver.steps();
      for (const { tree: made, createdMs } of solved) {
        const layer = made.kind === "layers" ? made.chain.at(-1) : undefined;
        if (layer !== undefined && createdMs > 0) times.set(layer, createdMs);
      }
      return { stage, tree, times, solved };
    } catch (thrown) {
      throw buildFault(thrown, file.lines, parsing);
    }
  }

  /** Images that stages begin with are found as they become known. */
  async #compile(
    request: BuildRequest,
    step: StepContext,
    { file }: ReadDockerfile,
    { several, ignored }: Pick<StageSurroundings, "several" | "ignored">,
  ): Promise<CompiledStage> {
    const bases = new Map<string, BaseImage>();
    const given: Lookup = (name) => own(request.arguments, name);
    const network = request.run.NetworkMode ?? "";
    const options: CompileOptions = {
      file,
      target: request.target,
      arguments: given,
      argumentNames: Object.keys(request.arguments),
      host: this.#context.host,
      platform: step.platform,
      platformPrefix: several ? formatPlatform(step.platform) : "",
      labels: request.labels,
      noCache: request.noCache,
      noCacheStages: request.noCacheStages,
      pull: request.pull,
      network: network === "none" || network === "host" ? network : "default",
      entitlements: new Set(request.entitlements),
      contexts: step.inputs.contexts,
      ignored,
      bases,
    };
    for (;;) {
      const compiled = compileDockerfile(options);
      if (compiled.kind === "done") {
        const { unconsumed, outline } = compiled;
        step.report({ kind: "outline", steps: outline });
        if (unconsumed.length > 0) {
          const text = `[Warning] One or more build-args [${unconsumed.join(" ")}] were not consumed\n`;
          step.report({ kind: "text", text });
        }
        return compiled.result;
      }
      const found = await Promise.all(compiled.bases.map((base) => this.#base(request, step, base, file)));
      for (const [index, base] of compiled.bases.entries()) {
        const image = found[index];
        if (image !== undefined) bases.set(baseKey(base), image);
      }
    }
  }

  async #base(
    request: BuildRequest,
    step: StepContext,
    { reference, platform }: WantedBase,
    file: ReadDockerfile["file"],
  ): Promise<BaseImage> {
    const operation = {
      kind: "image",
      reference,
      resolve: request.pull ? "pull" : "default",
    } as const;
    const vertex = vertexOf({
      name: `[internal] load metadata for ${reference}`,
      operation,
      inputs: [],
      ...(platform !== "" && { platform }),
    });
    const { digest, name } = vertex;
    const startedMs = nowMs();
    const shown = { kind: "vertex", digest, name, inputs: [], startedMs } as const;
    step.report({ ...shown, cached: false });
    try {
      const { image } = await imageNamed(step, operation, vertex);
      for (const layer of image.chain) step.hold.keep(layer);
      step.report({ ...shown, completedMs: nowMs(), cached: false });
      return image;
    } catch (thrown) {
      step.report({ ...shown, completedMs: nowMs(), cached: false, error: String(thrown) });
      const from = file.instructions.find(({ name, rest }) => name === "from" && rest.includes(reference));
      throw from === undefined ? thrown : faultAt(thrown, from);
    }
  }
}

/** Of a context that is a repository. */
function keepsGit(request: BuildRequest): boolean {
  return ["1", "true"].includes(own(request.arguments, "BUILDKIT_CONTEXT_KEEP_GIT_DIR") ?? "");
}

/** New cache mounts begin with what these have. */
function withImports(step: StepContext, imports: readonly CacheSource[]): StepContext {
  return { ...step, fillCacheMount: (name, directory) => fillFrom(step, imports, name, directory) };
}

/** Of steps; that of the whole build is each step's, where it says no other. */
function withoutNetwork(run: BuildRequest["run"]): BuildRequest["run"] {
  const { NetworkMode, ...others } = run;
  if (NetworkMode === undefined || ["", "default", "none", "host"].includes(NetworkMode)) return others;
  return run;
}

function epochOf(request: BuildRequest): number | undefined {
  const text = own(request.arguments, "SOURCE_DATE_EPOCH");
  if (text === undefined || text === "") return undefined;
  if (!/^\d{1,11}$/.test(text)) {
    throw new TiffinError(
      "invalid",
      "build.epoch",
      `invalid SOURCE_DATE_EPOCH ${JSON.stringify(text)}: wanted seconds since 1970`,
    );
  }
  return Number(text) * 1000;
}

/** What a client sent only because it is needed, and its patterns leave out. */
async function removeUnwanted(step: StepContext, sources: Sources, dockerfile: string): Promise<void> {
  const context = step.inputs.contexts.get(mainContextName);
  if (context?.kind !== "local" || context.local.comesWhole !== true) return;
  const directory = await sources.local(step, { kind: "local", name: mainContextName });
  BuildPlace.removeIgnored(directory, [dockerfile, ".dockerignore"]);
}
