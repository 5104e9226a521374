/**
 * An engine, as an object.
 *
 *   const engine = await connect();
 *   await using web = await engine.containers.run("nginx", { ports: { 80: 0 } });
 *   const { stdout } = await web.exec(["nginx", "-v"]);
 */
import { ApiClient, type CallOf } from "../client/api-client.ts";
import { AsyncTransport } from "../client/async-transport.ts";
import { dial } from "../client/dial.ts";
import type { Endpoint } from "../client/endpoint.ts";
import type { DiskUsage } from "../docker/types/disk-usage.ts";
import type { EventMessage } from "../docker/types/event.ts";
import type { AuthConfig, AuthResponse } from "../docker/types/registry.ts";
import type { InfoResponse, VersionResponse } from "../docker/types/system.ts";
import type { WhyResponse } from "../docker/types/why.ts";
import { type AnswerOf, type CallableRoute, callRoute } from "./call.ts";
import type { ExplainOptions } from "./container.ts";
import { explainQuery } from "./container.ts";
import { type CommandOptions, type ContainerOptions, containerBody, words } from "./container-options.ts";
import { Containers } from "./containers.ts";
import type { Cancellable, EngineContext, Filters } from "./context.ts";
import { Images } from "./images.ts";
import { withImage } from "./missing-image.ts";
import { Networks } from "./networks.ts";
import type { Output } from "./output-text.ts";
import { openSession, Process } from "./process.ts";
import { Volumes } from "./volumes.ts";

export interface EventOptions extends Cancellable {
  /** What happened before comes first. */
  readonly since?: Date;
  /** Ends there; without it the loop goes on. */
  readonly until?: Date;
  readonly filters?: Filters;
}

/** A command in a container of its own, which goes with it. */
export type OneCommandOptions = Omit<ContainerOptions, "command" | "openInput" | "autoRemove"> &
  CommandOptions;

const nanoPerMs = 1_000_000n;

export class Engine {
  readonly containers: Containers;
  readonly images: Images;
  readonly networks: Networks;
  readonly volumes: Volumes;
  /** Its address, as it was chosen. */
  readonly host: string;
  readonly #context: EngineContext;

  /** @internal */
  constructor(endpoint: Endpoint) {
    const transport = new AsyncTransport({ endpoint, open: dial });
    this.#context = { endpoint, api: new ApiClient(transport) };
    this.host = endpoint.text;
    this.containers = new Containers(this.#context);
    this.images = new Images(this.#context);
    this.networks = new Networks(this.#context);
    this.volumes = new Volumes(this.#context);
  }

  /** Runs a command in a container of its own, to the end, and removes the container. */
  async exec(
    image: string,
    command: string | readonly string[],
    options: OneCommandOptions = {},
  ): Promise<Output> {
    const process = await this.spawn(image, command, options);
    return await process.output();
  }

  /** Starts a command in a container of its own, and holds its streams. The container goes when it has ended. */
  async spawn(
    image: string,
    command: string | readonly string[],
    options: OneCommandOptions = {},
  ): Promise<Process> {
    const { name, platform, input, stdin, size, signal } = options;
    const reads = stdin === true || input !== undefined;
    const create = {
      ...containerBody(image, options),
      Cmd: words(command),
      AttachStdout: true,
      AttachStderr: true,
      AttachStdin: reads,
      OpenStdin: reads,
      StdinOnce: reads,
    };
    const sized = size === undefined ? {} : { ConsoleSize: [size.rows, size.columns] as const };
    const body = {
      create: { ...create, HostConfig: { ...create.HostConfig, ...sized } },
      remove: true,
      ...(name !== undefined && { name }),
      ...(platform !== undefined && { platform }),
    };
    const process = await withImage(this.#context, image, options, async () => {
      return new Process(await openSession(() => this.#context.api.beginSession("run", { body }), signal));
    });
    if (input !== undefined) process.feed(input).catch(() => process.end());
    return process;
  }

  async ping({ signal }: Cancellable = {}): Promise<void> {
    await this.#context.api.text("ping", { signal });
  }

  async version({ signal }: Cancellable = {}): Promise<VersionResponse> {
    return await this.#context.api.document("version", { signal });
  }

  async info({ signal }: Cancellable = {}): Promise<InfoResponse> {
    return await this.#context.api.document("info", { signal });
  }

  async diskUsage({ signal }: Cancellable = {}): Promise<DiskUsage> {
    return await this.#context.api.document("diskUsage", { signal });
  }

  /** What happens, as it happens. */
  events({
    since,
    until,
    filters,
    signal,
  }: EventOptions = {}): AsyncGenerator<EventMessage, void, undefined> {
    const query = {
      ...(since !== undefined && { since: BigInt(since.getTime()) * nanoPerMs }),
      ...(until !== undefined && { until: BigInt(until.getTime()) * nanoPerMs }),
      ...(filters !== undefined && { filters }),
    };
    return this.#context.api.lines("events", { query, signal });
  }

  /** Asks a registry whether it takes these credentials. */
  async authenticate(auth: AuthConfig, { signal }: Cancellable = {}): Promise<AuthResponse> {
    return await this.#context.api.document("auth", { body: auth, signal });
  }

  /** Whether one end reaches the other (`web`, `host`, `outside`, `web:80`), and what decides it. */
  async why(
    from: string,
    to: string,
    options: Cancellable & { readonly probe?: boolean; readonly language?: "en" | "zh" } = {},
  ): Promise<WhyResponse> {
    const { probe, language, signal } = options;
    const query = {
      from,
      to,
      ...(probe !== undefined && { probe }),
      ...(language !== undefined && { lang: language }),
    };
    return await this.#context.api.document("why", { query, signal });
  }

  /** What a start would do, operation by operation; nothing is made. */
  async explain(image: string, options: ContainerOptions & ExplainOptions = {}): Promise<string> {
    const call = {
      query: explainQuery(options),
      body: containerBody(image, options),
      signal: options.signal,
    };
    return (await this.#context.api.document("explainRun", call)).Text;
  }

  /** Any route of the API, by its name in the reference. */
  async call<N extends CallableRoute>(name: N, call: CallOf<N>): Promise<AnswerOf<N>> {
    return await callRoute(this.#context.api, name, call);
  }
}
