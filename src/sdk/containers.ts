/** The containers of an engine. */
import type { ContainerPruneReport, ContainerSummary } from "../docker/types/container.ts";
import { Container, OwnContainer } from "./container.ts";
import { type ContainerOptions, containerBody } from "./container-options.ts";
import type { Cancellable, EngineContext, Filters } from "./context.ts";
import { withImage } from "./missing-image.ts";

export interface ListContainersOptions extends Cancellable {
  /** Those that do not run, too. */
  readonly all?: boolean;
  /** The newest alone. */
  readonly limit?: number;
  readonly filters?: Filters;
}

export class Containers {
  readonly #context: EngineContext;

  /** @internal */
  constructor(context: EngineContext) {
    this.#context = context;
  }

  /** By name or id; nothing is asked. */
  get(id: string): Container {
    return new Container(this.#context, id);
  }

  async list({
    all,
    limit,
    filters,
    signal,
  }: ListContainersOptions = {}): Promise<readonly ContainerSummary[]> {
    const query = {
      ...(all !== undefined && { all }),
      ...(limit !== undefined && { limit }),
      ...(filters !== undefined && { filters }),
    };
    return await this.#context.api.document("containerList", { query, signal });
  }

  /** Makes a container, and pulls its image if need be. */
  async create(image: string, options: ContainerOptions = {}): Promise<OwnContainer> {
    const { name, platform, signal } = options;
    const query = { ...(name !== undefined && { name }), ...(platform !== undefined && { platform }) };
    const body = containerBody(image, options);
    const made = await withImage(this.#context, image, options, () =>
      this.#context.api.document("containerCreate", { query, body, signal }),
    );
    return new OwnContainer(this.#context, made.Id, made.Warnings);
  }

  /** Makes a container and starts it. One that does not start is removed again. */
  async run(image: string, options: ContainerOptions = {}): Promise<OwnContainer> {
    const container = await this.create(image, options);
    try {
      await container.start(options);
    } catch (thrown) {
      await container[Symbol.asyncDispose]().catch(() => undefined);
      throw thrown;
    }
    return container;
  }

  /** Removes those that have ended. */
  async prune({
    filters,
    signal,
  }: Cancellable & { readonly filters?: Filters } = {}): Promise<ContainerPruneReport> {
    const query = { ...(filters !== undefined && { filters }) };
    return await this.#context.api.document("containerPrune", { query, signal });
  }
}
