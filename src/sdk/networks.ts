/** Networks of an engine. */
import type { NetworkPruneReport, NetworkResource } from "../docker/types/network.ts";
import type { EndpointSettings } from "../docker/types/networking.ts";
import { type Container, type ExplainOptions, explainQuery } from "./container.ts";
import type { Cancellable, EngineContext, Filters } from "./context.ts";
import { unlessGone } from "./volumes.ts";

export interface NetworkOptions extends Cancellable {
  /** `bridge` without it. */
  readonly driver?: string;
  readonly driverOptions?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** Nothing outside is reached from it. */
  readonly internal?: boolean;
  readonly ipv6?: boolean;
  readonly subnets?: readonly {
    readonly subnet: string;
    readonly gateway?: string;
    readonly range?: string;
  }[];
}

export interface JoinOptions extends Cancellable {
  readonly aliases?: readonly string[];
  readonly ipv4?: string;
  readonly ipv6?: string;
  /** Fields of Docker's own document beside these. */
  readonly settings?: EndpointSettings;
}

type ContainerLike = Container | string;

function idOf(container: ContainerLike): string {
  return typeof container === "string" ? container : container.id;
}

export class Network {
  /** The name or id that it was asked for by; the id, where this program has made it. */
  readonly id: string;
  readonly #context: EngineContext;

  /** @internal */
  constructor(context: EngineContext, id: string) {
    this.#context = context;
    this.id = id;
  }

  get #params() {
    return { params: { id: this.id } } as const;
  }

  async inspect({ signal }: Cancellable = {}): Promise<NetworkResource> {
    return await this.#context.api.document("networkInspect", { ...this.#params, signal });
  }

  async connect(container: ContainerLike, options: JoinOptions = {}): Promise<void> {
    const { aliases, ipv4, ipv6, settings, signal } = options;
    const addresses = {
      ...(ipv4 !== undefined && { IPv4Address: ipv4 }),
      ...(ipv6 !== undefined && { IPv6Address: ipv6 }),
    };
    const endpoint = {
      ...(aliases !== undefined && { Aliases: aliases }),
      ...(Object.keys(addresses).length > 0 && { IPAMConfig: addresses }),
      ...settings,
    };
    const body = { Container: idOf(container), EndpointConfig: endpoint };
    await this.#context.api.perform("networkConnect", { ...this.#params, body, signal });
  }

  async disconnect(
    container: ContainerLike,
    { force, signal }: Cancellable & { readonly force?: boolean } = {},
  ): Promise<void> {
    const body = { Container: idOf(container), ...(force !== undefined && { Force: force }) };
    await this.#context.api.perform("networkDisconnect", { ...this.#params, body, signal });
  }

  async remove({ signal }: Cancellable = {}): Promise<void> {
    await this.#context.api.perform("networkRemove", { ...this.#params, signal });
  }

  /** What the engine has made for it in the kernel, in words. */
  async explain(options: ExplainOptions = {}): Promise<string> {
    const { signal } = options;
    const call = { ...this.#params, query: explainQuery(options), signal };
    return (await this.#context.api.document("explainNetwork", call)).Text;
  }
}

/** A network that this program has made: `await using` removes it. */
export class OwnNetwork extends Network implements AsyncDisposable {
  async [Symbol.asyncDispose](): Promise<void> {
    await unlessGone(this.remove());
  }
}

export class Networks {
  readonly #context: EngineContext;

  /** @internal */
  constructor(context: EngineContext) {
    this.#context = context;
  }

  /** By name or id; nothing is asked. */
  get(id: string): Network {
    return new Network(this.#context, id);
  }

  async create(name: string, options: NetworkOptions = {}): Promise<OwnNetwork> {
    const { driver, driverOptions, labels, internal, ipv6, subnets, signal } = options;
    const pools = subnets?.map(({ subnet, gateway, range }) => ({
      Subnet: subnet,
      ...(gateway !== undefined && { Gateway: gateway }),
      ...(range !== undefined && { IPRange: range }),
    }));
    const body = {
      Name: name,
      ...(driver !== undefined && { Driver: driver }),
      ...(driverOptions !== undefined && { Options: driverOptions }),
      ...(labels !== undefined && { Labels: labels }),
      ...(internal !== undefined && { Internal: internal }),
      ...(ipv6 !== undefined && { EnableIPv6: ipv6 }),
      ...(pools !== undefined && { IPAM: { Config: pools } }),
    };
    return new OwnNetwork(
      this.#context,
      (await this.#context.api.document("networkCreate", { body, signal })).Id,
    );
  }

  async list({
    filters,
    signal,
  }: Cancellable & { readonly filters?: Filters } = {}): Promise<readonly NetworkResource[]> {
    const query = { ...(filters !== undefined && { filters }) };
    return await this.#context.api.document("networkList", { query, signal });
  }

  /** Removes those without containers. */
  async prune({
    filters,
    signal,
  }: Cancellable & { readonly filters?: Filters } = {}): Promise<NetworkPruneReport> {
    const query = { ...(filters !== undefined && { filters }) };
    return await this.#context.api.document("networkPrune", { query, signal });
  }
}
