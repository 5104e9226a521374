/** Containers: the operations that clients ask for, each on the container that they mean. */

import { emptyName, sameName } from "../../docker/messages.ts";
import { type ContainerChange, changeKinds, type PathStatus } from "../../docker/types/archive.ts";
import type {
  ContainerCreateBody,
  ContainerCreateResponse,
  ContainerPruneReport,
  ContainerSummary,
  ContainerTop,
  ContainerUpdateBody,
  ContainerUpdateResponse,
  WaitCondition,
  WaitResponse,
} from "../../docker/types/container.ts";
import type {
  ExplainDifferenceBody,
  ExplainLanguage,
  ExplainResponse,
  ExplainWishes,
  TraceResponse,
} from "../../docker/types/explain.ts";
import type { RunBody } from "../../docker/types/run.ts";
import type { ContainerStats } from "../../docker/types/stats.ts";
import { TiffinError } from "../../lib/errors.ts";
import { type LogEntry, readLog } from "../log/mod.ts";
import {
  changesOf,
  exportContainer,
  getArchive,
  type PutOptions,
  putArchive,
  statPath,
} from "./archive/mod.ts";
import { type CommitOptions, commitContainer } from "./commit/mod.ts";
import { removeLink } from "./connect/mod.ts";
import { type ContainerContext, enqueue, tellEvent } from "./context.ts";
import { type CreateOptions, createContainer, decideContainer } from "./create/mod.ts";
import {
  killContainer,
  pruneContainers,
  type RemoveOptions,
  removeContainer,
  removeUnreadable,
  type StopOptions,
  stopContainer,
  waitFor,
} from "./end/mod.ts";
import {
  explainContainer,
  explainDifferenceOf,
  explainRemovalOf,
  traceContainer,
  traceOfNextStart,
} from "./explain/mod.ts";
import { forgetRestarts, type RunSession, restartContainer, runContainer } from "./life/mod.ts";
import { makeVolumes } from "./mounts/mod.ts";
import {
  type Attached,
  type AttachOptions,
  attachContainer,
  logDetailsOf,
  pauseContainer,
  resizeContainer,
  type TerminalSize,
  unpauseContainer,
  writerOf,
} from "./process/mod.ts";
import { type Container, isAlive } from "./record/mod.ts";
import { alreadyRunning, startContainer } from "./start/mod.ts";
import { StatsCollector, type StatsOptions } from "./stats/mod.ts";
import { updateContainer } from "./update/mod.ts";
import { inspectContainer, type ListOptions, listContainers, type TiffinInspect, topOf } from "./view/mod.ts";

export type { ContainerContext } from "./context.ts";
export { failpointHook, failpoints } from "./failpoints.ts";
export { recoverContainers } from "./life/mod.ts";
export type { Container } from "./record/mod.ts";

export interface CreateRequest {
  readonly name?: string | undefined;
  readonly platform?: string | undefined;
  readonly body: ContainerCreateBody;
}

export interface LogOptions {
  readonly follow: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Nanoseconds since 1970. */
  readonly sinceNs?: bigint | undefined;
  readonly untilNs?: bigint | undefined;
  readonly tail?: number | undefined;
}

export interface LogReading {
  readonly tty: boolean;
  /** What the log's options put before each line when details are asked for. */
  readonly details: string;
  readonly batches: AsyncIterable<readonly LogEntry[]>;
}

export class ContainerService {
  readonly #context: ContainerContext;
  readonly #statistics: StatsCollector;

  constructor(context: ContainerContext) {
    this.#context = context;
    this.#statistics = new StatsCollector(context);
  }

  async create({ name, platform, body }: CreateRequest): Promise<ContainerCreateResponse> {
    return await this.#create({ name, platform, wanted: { body } });
  }

  /**
   * Makes a container for which there is no document of Docker's, from a `ContainerSpecification`, which may come from
   * outside: it is decoded and checked here. Errors: as for `create`, and `container.specification`.
   */
  async createFrom(
    specification: unknown,
    { image, name }: { readonly image: string; readonly name?: string },
  ): Promise<ContainerCreateResponse> {
    return await this.#create({ name, wanted: { specification, image } });
  }

  async #create(options: CreateOptions): Promise<ContainerCreateResponse> {
    const { container, warnings, kept } = await createContainer(this.#context, options);
    let made: readonly string[] = [];
    try {
      const [volumes] = await Promise.allSettled([makeVolumes(this.#context, container), kept]);
      if (volumes.status === "rejected") throw volumes.reason;
      made = volumes.value;
      await kept;
    } catch (thrown) {
      for (const name of made) await this.#context.volumes.removeWithDriver(name, true);
      await removeContainer(this.#context, container, { force: true, volumes: true });
      throw thrown;
    }
    return { Id: container.id, Warnings: [...warnings] };
  }

  run(request: RunBody): Promise<RunSession> {
    return runContainer(this.#context, request);
  }

  list(options: ListOptions): Promise<readonly ContainerSummary[]> {
    return listContainers(this.#context, options);
  }

  async inspect(name: string, options: { readonly size: boolean }): Promise<TiffinInspect> {
    return await inspectContainer(this.#context, this.#find(name), options);
  }

  async explain(name: string, wishes: ExplainWishes): Promise<ExplainResponse> {
    const against = wishes.against === undefined ? undefined : this.#find(wishes.against);
    return await explainContainer(this.#context, this.#find(name), wishes, against);
  }

  async explainRun(body: ContainerCreateBody, wishes: ExplainWishes): Promise<ExplainResponse> {
    const container = decideContainer(this.#context, { wanted: { body } });
    const against = wishes.against === undefined ? undefined : this.#find(wishes.against);
    return await explainContainer(this.#context, container, wishes, against);
  }

  async explainDifference(
    { First, Second }: ExplainDifferenceBody,
    wishes: ExplainWishes,
  ): Promise<ExplainResponse> {
    const [first, second] = [First, Second].map(({ Container: name = "", Create, Name: title }) => {
      if (Create === undefined) return { container: this.#find(name), title };
      return { container: decideContainer(this.#context, { wanted: { body: Create } }), title };
    });
    if (first === undefined || second === undefined) throw new RangeError("two starts are compared");
    return await explainDifferenceOf(this.#context, first, second, wishes);
  }

  async explainRemoval(
    name: string,
    options: { readonly force: boolean; readonly volumes: boolean },
    wishes: ExplainWishes,
  ): Promise<ExplainResponse> {
    return await explainRemovalOf(this.#context, this.#find(name), options, wishes);
  }

  async trace(name: string, language: ExplainLanguage): Promise<TraceResponse> {
    return await traceContainer(this.#context, this.#find(name), language);
  }

  /** `secretEnvironment`: variables that are on no disk and in no document. */
  async start(name: string, secretEnvironment: readonly string[] = []): Promise<void> {
    const container = this.#find(name);
    if (secretEnvironment.length > 0) container.secretEnvironment = secretEnvironment;
    await enqueue(container, async () => {
      // Between two runs it counts as running.
      if (container.state.status === "restarting") throw alreadyRunning(container.id);
      // Who starts it by hand begins the count of its policy again.
      if (!isAlive(container.state)) forgetRestarts(container);
      await startContainer(this.#context, container);
    });
  }

  async startTimed(name: string, language: ExplainLanguage): Promise<TraceResponse> {
    const container = this.#find(name);
    const trace = await traceOfNextStart(this.#context, container, language);
    await this.start(name);
    // It may be over, and gone, by now: what was measured is told all the same.
    return trace() ?? { Id: container.id, Phases: {}, Operations: [] };
  }

  async stop(name: string, options: StopOptions): Promise<void> {
    await stopContainer(this.#context, this.#find(name), options);
  }

  async restart(name: string, options: StopOptions): Promise<void> {
    await restartContainer(this.#context, this.#find(name), options);
  }

  async pause(name: string): Promise<void> {
    const container = this.#find(name);
    await enqueue(container, () => pauseContainer(this.#context, container));
  }

  async unpause(name: string): Promise<void> {
    const container = this.#find(name);
    await enqueue(container, () => unpauseContainer(this.#context, container));
  }

  async top(name: string, psArguments: string): Promise<ContainerTop> {
    const { titles, rows } = await topOf(this.#context, this.#find(name), psArguments);
    return { Titles: titles, Processes: rows };
  }

  async prune(
    filters: Readonly<Record<string, readonly string[]>>,
    abort: AbortSignal,
  ): Promise<ContainerPruneReport> {
    return await pruneContainers(this.#context, filters, abort);
  }

  async update(name: string, body: ContainerUpdateBody): Promise<ContainerUpdateResponse> {
    const container = this.#find(name);
    const warnings = await enqueue(container, () => updateContainer(this.#context, container, body));
    return { Warnings: warnings.length === 0 ? null : [...warnings] };
  }

  async stats(
    name: string,
    options: StatsOptions,
    abort: AbortSignal,
  ): Promise<AsyncIterable<ContainerStats>> {
    return this.#statistics.follow(this.#find(name), options, abort);
  }

  async kill(name: string, signal: string | undefined): Promise<void> {
    await killContainer(this.#context, this.#find(name), signal || "SIGKILL", name);
  }

  async wait(
    name: string,
    condition: WaitCondition,
    abort: AbortSignal,
  ): Promise<{ readonly exit: Promise<WaitResponse> }> {
    const exit = waitFor(this.#find(name), condition, abort);
    // The caller may look at it late; a wait that is given up before that must not end the engine.
    exit.catch(() => {});
    return { exit };
  }

  async attach(name: string, options: AttachOptions): Promise<Attached> {
    return await attachContainer(this.#context, this.#find(name), options);
  }

  async logs(name: string, options: LogOptions, abort: AbortSignal): Promise<LogReading> {
    const container = this.#find(name);
    const { document, id } = container;
    const { log } = document.specification;
    if (log.kind === "none" || log.delivery?.readable === false) {
      throw new TiffinError(
        "notImplemented",
        "container.no-log",
        "configured logging driver does not support reading",
      );
    }
    const tty = document.specification.process.terminal !== null;
    const selection = {
      tty,
      stdout: options.stdout,
      stderr: options.stderr,
      tail: options.tail,
      sinceNs: options.sinceNs,
      untilNs: options.untilNs,
    };
    const batches = readLog(
      this.#context.paths.container(id).logs,
      selection,
      options.follow ? writerOf(container) : undefined,
      abort,
    );
    return { tty, details: logDetailsOf(container), batches };
  }

  async resize(name: string, size: TerminalSize): Promise<void> {
    await resizeContainer(this.#find(name), size);
  }

  async rename(name: string, newName: string): Promise<void> {
    const container = this.#find(name);
    if (newName === "") throw new TiffinError("invalid", "container.name-empty", emptyName());
    if (newName === container.name || newName === `/${container.name}`) {
      throw new TiffinError("invalid", "container.name-same", sameName());
    }
    const oldName = container.name;
    this.#context.registry.rename(container, newName);
    tellEvent(this.#context, container, "rename", { oldName: `/${oldName}` });
  }

  async statPath(name: string, path: string): Promise<PathStatus> {
    return await statPath(this.#context, this.#find(name), path);
  }

  async getArchive(
    name: string,
    path: string,
  ): Promise<{ readonly status: PathStatus; readonly bytes: AsyncIterable<Uint8Array> }> {
    return await getArchive(this.#context, this.#find(name), path);
  }

  async putArchive(name: string, options: PutOptions, body: AsyncIterable<Uint8Array>): Promise<void> {
    await putArchive(this.#context, this.#find(name), options, body);
  }

  async export(name: string): Promise<AsyncIterable<Uint8Array>> {
    return exportContainer(this.#context, this.#find(name));
  }

  async changes(name: string): Promise<ContainerChange[]> {
    const changes = await changesOf(this.#context, this.#find(name));
    return changes.map(({ kind, path }) => ({ Path: path, Kind: changeKinds[kind] }));
  }

  /** The id of the image that is made of it. */
  async commit(name: string, options: CommitOptions): Promise<string> {
    return await commitContainer(this.#context, this.#find(name), options);
  }

  async remove(name: string, options: RemoveOptions & { readonly link?: boolean }): Promise<void> {
    if (options.link === true) {
      removeLink(this.#context, name);
      return;
    }
    const unreadable = this.#context.registry.unreadable(name);
    if (unreadable === undefined) await removeContainer(this.#context, this.#find(name), options);
    else await removeUnreadable(this.#context, unreadable, options);
  }

  #find(name: string): Container {
    return this.#context.registry.resolve(name);
  }
}
