/** A container of the engine, by name or id. It asks nothing until it is told to. */
import type { ContainerChange, PathStatus } from "../docker/types/archive.ts";
import type { ContainerInspect, ContainerTop, ContainerUpdateBody } from "../docker/types/container.ts";
import type { ContainerConfig } from "../docker/types/container-config.ts";
import type { EventMessage } from "../docker/types/event.ts";
import type { TraceResponse } from "../docker/types/explain.ts";
import type { ContainerStats } from "../docker/types/stats.ts";
import { TiffinError } from "../lib/errors.ts";
import { Attachment } from "./attachment.ts";
import type { CommandOptions } from "./container-options.ts";
import { environment, portKey, words } from "./container-options.ts";
import { type Readiness, waitUntilReady } from "./container-ready.ts";
import type { Cancellable, EngineContext } from "./context.ts";
import { archiveOf, type Files, onlyFile } from "./files.ts";
import { type LogOptions, logQuery, outputOf } from "./logs.ts";
import type { OutputPiece } from "./output-queue.ts";
import { linesOf, type Output, type OutputLine } from "./output-text.ts";
import { openSession, Process, type TerminalSize } from "./process.ts";

/** Where a port of a container is reached. */
export interface Published {
  readonly host: string;
  readonly port: number;
}

export interface StopOptions extends Cancellable {
  /** How long it may take before it is killed, seconds; -1 is for ever. */
  readonly seconds?: number;
  /** Instead of the container's stop signal. */
  readonly stopSignal?: string;
}

export interface RemoveOptions extends Cancellable {
  /** Kills it when it runs. */
  readonly force?: boolean;
  /** Its anonymous volumes go too. */
  readonly volumes?: boolean;
}

export interface WaitOptions extends Cancellable {
  readonly condition?: "not-running" | "next-exit" | "removed";
}

export interface AttachOptions extends Cancellable {
  /** What was written before comes first. */
  readonly logs?: boolean;
  /** `write` reaches its standard input. */
  readonly stdin?: boolean;
}

export interface CommitOptions extends Cancellable {
  /** `name[:tag]` of the new image. */
  readonly image?: string;
  readonly comment?: string;
  readonly author?: string;
  /** Lines of a Dockerfile: `CMD ["sh"]`. */
  readonly changes?: readonly string[];
  readonly config?: ContainerConfig;
}

export interface ExplainOptions extends Cancellable {
  readonly format?: "text" | "json" | "sh" | "markdown" | "plain";
  readonly language?: "en" | "zh";
  readonly details?: boolean;
  readonly showSecrets?: boolean;
}

export function explainQuery({ format, language, details, showSecrets }: ExplainOptions) {
  return {
    ...(format !== undefined && { format }),
    ...(language !== undefined && { lang: language }),
    ...(details !== undefined && { details }),
    ...(showSecrets !== undefined && { secrets: showSecrets }),
  };
}

const anyAddress = new Set(["", "0.0.0.0", "::"]);

export class Container {
  /** The name or id that it was asked for by; the id, where this program has made it. */
  readonly id: string;
  /** @internal */
  protected readonly context: EngineContext;

  /** @internal */
  constructor(context: EngineContext, id: string) {
    this.context = context;
    this.id = id;
  }

  get #params() {
    return { params: { name: this.id } } as const;
  }

  async inspect(options: Cancellable & { readonly size?: boolean } = {}): Promise<ContainerInspect> {
    const { size, signal } = options;
    return await this.context.api.document("containerInspect", {
      ...this.#params,
      query: { ...(size !== undefined && { size }) },
      signal,
    });
  }

  /** False when it ran already. */
  async start({ signal }: Cancellable = {}): Promise<boolean> {
    return await this.context.api.perform("containerStart", { ...this.#params, signal });
  }

  /** False when it did not run. */
  async stop({ seconds, stopSignal, signal }: StopOptions = {}): Promise<boolean> {
    const query = {
      ...(seconds !== undefined && { t: seconds }),
      ...(stopSignal !== undefined && { signal: stopSignal }),
    };
    return await this.context.api.perform("containerStop", { ...this.#params, query, signal });
  }

  async restart({ seconds, stopSignal, signal }: StopOptions = {}): Promise<void> {
    const query = {
      ...(seconds !== undefined && { t: seconds }),
      ...(stopSignal !== undefined && { signal: stopSignal }),
    };
    await this.context.api.perform("containerRestart", { ...this.#params, query, signal });
  }

  async kill(killSignal = "SIGKILL", { signal }: Cancellable = {}): Promise<void> {
    await this.context.api.perform("containerKill", {
      ...this.#params,
      query: { signal: killSignal },
      signal,
    });
  }

  async pause({ signal }: Cancellable = {}): Promise<void> {
    await this.context.api.perform("containerPause", { ...this.#params, signal });
  }

  async unpause({ signal }: Cancellable = {}): Promise<void> {
    await this.context.api.perform("containerUnpause", { ...this.#params, signal });
  }

  async rename(name: string, { signal }: Cancellable = {}): Promise<void> {
    await this.context.api.perform("containerRename", { ...this.#params, query: { name }, signal });
  }

  /** Other limits, restart policy, labels, mounts, ports, networks; all of it or nothing. Gives the warnings. */
  async update(changes: ContainerUpdateBody, { signal }: Cancellable = {}): Promise<readonly string[]> {
    const answer = await this.context.api.document("containerUpdate", {
      ...this.#params,
      body: changes,
      signal,
    });
    return answer.Warnings ?? [];
  }

  async remove({ force, volumes, signal }: RemoveOptions = {}): Promise<void> {
    const query = { ...(force !== undefined && { force }), ...(volumes !== undefined && { v: volumes }) };
    await this.context.api.perform("containerRemove", { ...this.#params, query, signal });
  }

  /** Waits for its end and gives the exit code. */
  async wait({ condition, signal }: WaitOptions = {}): Promise<number> {
    const query = { ...(condition !== undefined && { condition }) };
    const answer = await this.context.api.document("containerWait", { ...this.#params, query, signal });
    if (answer.Error?.Message) {
      throw new TiffinError("internal", "client.wait-failed", answer.Error.Message, {
        exitCode: answer.StatusCode,
      });
    }
    return answer.StatusCode;
  }

  /** Waits until it is healthy, has written something, or accepts connections. Fails when it ends before. */
  async ready(readiness: Readiness, options: Cancellable = {}): Promise<void> {
    await waitUntilReady(this, this.context, readiness, options);
  }

  /** Runs a command in it, to the end. */
  async exec(command: string | readonly string[], options: CommandOptions = {}): Promise<Output> {
    const process = await this.spawn(command, options);
    return await process.output();
  }

  /** Starts a command in it, and holds its streams. */
  async spawn(command: string | readonly string[], options: CommandOptions = {}): Promise<Process> {
    const { env, workingDirectory, user, terminal, size, privileged, input, stdin, signal } = options;
    const create = {
      Cmd: words(command),
      AttachStdout: true,
      AttachStderr: true,
      AttachStdin: stdin === true || input !== undefined,
      ...(env !== undefined && { Env: environment(env) }),
      ...(workingDirectory !== undefined && { WorkingDir: workingDirectory }),
      ...(user !== undefined && { User: user }),
      ...(terminal !== undefined && { Tty: terminal }),
      ...(size !== undefined && { ConsoleSize: [size.rows, size.columns] as const }),
      ...(privileged !== undefined && { Privileged: privileged }),
    };
    const begin = () => this.context.api.beginSession("execRun", { ...this.#params, body: { create } });
    const process = new Process(await openSession(begin, signal));
    if (input !== undefined) process.feed(input).catch(() => process.end());
    return process;
  }

  /** What it has written, line by line. */
  logs(options: LogOptions = {}): AsyncGenerator<OutputLine, void, undefined> {
    return linesOf(this.output(options));
  }

  /** What it has written, in pieces as they come. */
  async *output(options: LogOptions = {}): AsyncGenerator<OutputPiece, void, undefined> {
    const { signal } = options;
    yield* outputOf(
      await this.context.api.stream("containerLogs", { ...this.#params, query: logQuery(options), signal }),
    );
  }

  /** Its standard streams, for as long as it runs. */
  async attach({ logs, stdin, signal }: AttachOptions = {}): Promise<Attachment> {
    const query = { stream: true, stdout: true, stderr: true, stdin: stdin ?? false, logs: logs ?? false };
    const answer = await this.context.api.hijack("containerAttach", { ...this.#params, query, signal });
    return new Attachment(answer, signal);
  }

  async resize({ columns, rows }: TerminalSize): Promise<void> {
    await this.context.api.perform("containerResize", { ...this.#params, query: { h: rows, w: columns } });
  }

  /** What happens to it, from now on. */
  events({ signal }: Cancellable = {}): AsyncGenerator<EventMessage, void, undefined> {
    return this.context.api.lines("events", { query: { filters: { container: [this.id] } }, signal });
  }

  /** What it uses, once a second. */
  stats({ signal }: Cancellable = {}): AsyncGenerator<ContainerStats, void, undefined> {
    return this.context.api.lines("containerStats", { ...this.#params, query: { stream: true }, signal });
  }

  async top({ signal }: Cancellable = {}): Promise<ContainerTop> {
    return await this.context.api.document("containerTop", { ...this.#params, signal });
  }

  /** Where the host publishes a port of it. Throws `notFound` when it does not. */
  async published(port: string | number, { signal }: Cancellable = {}): Promise<Published> {
    const { NetworkSettings: settings } = await this.inspect({ signal });
    const [first] = settings.Ports[portKey(port)] ?? [];
    if (first?.HostPort === undefined) {
      throw new TiffinError(
        "notFound",
        "client.not-published",
        `port ${portKey(port)} of ${this.id} is not published`,
        {
          remedy: "ask for it with the option ports when it is made",
        },
      );
    }
    const { endpoint } = this.context;
    const local = anyAddress.has(first.HostIp ?? "");
    const engineHost = endpoint.kind === "tcp" ? endpoint.host : "127.0.0.1";
    return { host: local ? engineHost : (first.HostIp ?? ""), port: Number(first.HostPort) };
  }

  /** Writes files into it: `{ "/etc/menu": "soup\n" }`. It need not run; directories are made. */
  async writeFiles(files: Files, { signal }: Cancellable = {}): Promise<void> {
    await this.extract("/", archiveOf(files), { signal });
  }

  async readFile(path: string, { signal }: Cancellable = {}): Promise<Uint8Array> {
    return await onlyFile(this.archive(path, { signal }), path);
  }

  /** What is at `path`. */
  async stat(path: string, { signal }: Cancellable = {}): Promise<PathStatus> {
    const fields = await this.context.api.fields("containerArchiveHead", {
      ...this.#params,
      query: { path },
      signal,
    });
    const status = fields["x-docker-container-path-stat"];
    if (status !== undefined) return status;
    throw new TiffinError("internal", "client.malformed-response", "the engine did not say what is there");
  }

  /** `path` and all below it, as a tar archive. */
  async *archive(path: string, { signal }: Cancellable = {}): AsyncGenerator<Uint8Array, void, undefined> {
    yield* (
      await this.context.api.stream("containerArchiveGet", { ...this.#params, query: { path }, signal })
    ).chunks;
  }

  /** Unpacks a tar archive in the directory `path`. */
  async extract(
    path: string,
    archive: AsyncIterable<Uint8Array>,
    { signal }: Cancellable = {},
  ): Promise<void> {
    await this.context.api.perform("containerArchivePut", {
      ...this.#params,
      query: { path },
      body: archive,
      signal,
    });
  }

  /** Its whole file system, as a tar archive. */
  async *export({ signal }: Cancellable = {}): AsyncGenerator<Uint8Array, void, undefined> {
    yield* (await this.context.api.stream("containerExport", { ...this.#params, signal })).chunks;
  }

  /** What it has changed over its image. */
  async changes({ signal }: Cancellable = {}): Promise<readonly ContainerChange[]> {
    return (await this.context.api.document("containerChanges", { ...this.#params, signal })) ?? [];
  }

  /** Makes an image of it; gives the id. */
  async commit(options: CommitOptions = {}): Promise<string> {
    const { image, comment, author, changes, config, signal } = options;
    const query = {
      container: this.id,
      ...(image !== undefined && { repo: image }),
      ...(comment !== undefined && { comment }),
      ...(author !== undefined && { author }),
      ...(changes !== undefined && { changes }),
    };
    return (await this.context.api.document("commit", { query, body: config ?? null, signal })).Id;
  }

  /** Every kernel operation of its start, in words. */
  async explain(options: ExplainOptions = {}): Promise<string> {
    const { signal } = options;
    return (
      await this.context.api.document("explain", { ...this.#params, query: explainQuery(options), signal })
    ).Text;
  }

  /** Where the time of its last start went. */
  async trace({ signal }: Cancellable = {}): Promise<TraceResponse> {
    return await this.context.api.document("trace", { ...this.#params, signal });
  }
}

/** A container that this program has made: `await using` removes it, with its anonymous volumes. */
export class OwnContainer extends Container implements AsyncDisposable {
  /** What the engine had to say about its making. */
  readonly warnings: readonly string[];

  /** @internal */
  constructor(context: EngineContext, id: string, warnings: readonly string[]) {
    super(context, id);
    this.warnings = warnings;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.remove({ force: true, volumes: true });
    } catch (thrown) {
      const kind = thrown instanceof TiffinError ? thrown.kind : undefined;
      // It goes by itself already, or has gone.
      if (kind === "conflict") await this.wait({ condition: "removed" }).catch(() => undefined);
      else if (kind !== "notFound") throw thrown;
    }
  }
}
