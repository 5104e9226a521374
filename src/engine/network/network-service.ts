/** Networks as clients ask for them. */
import { completeDocument, networkDocument } from "../../docker/documents.ts";
import type { ExplainResponse, ExplainWishes } from "../../docker/types/explain.ts";
import type {
  NetworkConnectBody,
  NetworkCreateBody,
  NetworkCreateResponse,
  NetworkDisconnectBody,
  NetworkPruneReport,
  NetworkResource,
} from "../../docker/types/network.ts";
import type { EndpointSettings } from "../../docker/types/networking.ts";
import { nowMs } from "../../lib/clock.ts";
import { TiffinError } from "../../lib/errors.ts";
import { shortId } from "../../lib/ids.ts";
import { languages, renderAs } from "../../plan/mod.ts";
import type { EventBus } from "../event/mod.ts";
import { hasNameServer, isBuiltIn } from "./built-in-networks.ts";
import type { NameServers } from "./dns/mod.ts";
import { explainNetwork, networkScript } from "./explain.ts";
import type { Network, Networks } from "./model.ts";
import { type FilterMap, networkPruneTest, networkTest } from "./network-filters.ts";
import { networkRequest } from "./network-request.ts";
import type { NetworkDecisions } from "./op.ts";
import { type Member, networkResource } from "./present.ts";

export interface NetworkServiceContext {
  readonly networks: Networks & NetworkDecisions;
  readonly events: EventBus;
  readonly nameServers: Pick<NameServers, "open" | "close">;
  /** The containers that are in a network, or will be when they run. */
  readonly membersOf: (network: Network) => readonly Member[];
  readonly connect: (
    container: string,
    network: Network,
    settings: EndpointSettings | null | undefined,
  ) => Promise<void>;
  readonly disconnect: (container: string, network: Network, force: boolean) => Promise<void>;
}

export class NetworkService {
  readonly #context: NetworkServiceContext;

  constructor(context: NetworkServiceContext) {
    this.#context = context;
  }

  /** Errors: `invalid` for a filter that is not known. */
  async list(filters: FilterMap): Promise<NetworkResource[]> {
    const { networks } = this.#context;
    const matches = networkTest(filters, (id) => networks.countOf(id));
    return networks
      .all()
      .filter(matches)
      .map((network) => completeDocument(networkDocument, networkResource(network, undefined)));
  }

  async inspect(name: string, { scope }: { readonly scope: string }): Promise<NetworkResource> {
    const { networks, membersOf } = this.#context;
    const network = networks.resolve(name);
    if (scope !== "" && scope !== "local") throw notFound(name);
    return completeDocument(networkDocument, networkResource(network, membersOf(network)));
  }

  /** The operations that make it, as they are decided now. */
  async explain(name: string, { format, language, details }: ExplainWishes): Promise<ExplainResponse> {
    const { networks } = this.#context;
    const network = networks.resolve(name);
    const explained = explainNetwork(networks.opsOf(network.id), network, language);
    const options = { vocabulary: languages[language], details };
    return {
      Id: network.id,
      Text: renderAs(format, { explained, script: () => networkScript(network, language) }, options),
    };
  }

  async create(body: NetworkCreateBody): Promise<NetworkCreateResponse> {
    const { networks, events, nameServers } = this.#context;
    const network = networks.create(networkRequest(body));
    if (hasNameServer(network)) await nameServers.open(network);
    events.emit("network", "create", network.id, { name: network.name, type: network.driver });
    return { Id: network.id, Warning: "" };
  }

  async remove(name: string): Promise<void> {
    const network = this.#context.networks.resolve(name);
    this.#refuseInUse(network);
    this.#delete(network);
  }

  async connect(name: string, { Container, EndpointConfig }: NetworkConnectBody): Promise<void> {
    const { networks, connect } = this.#context;
    await connect(Container, networks.resolve(name), EndpointConfig);
  }

  async disconnect(name: string, { Container, Force }: NetworkDisconnectBody): Promise<void> {
    const { networks, disconnect } = this.#context;
    await disconnect(Container, networks.resolve(name), Force ?? false);
  }

  async prune(filters: FilterMap): Promise<NetworkPruneReport> {
    const { networks, membersOf } = this.#context;
    const matches = networkPruneTest(filters, nowMs());
    const deleted: string[] = [];
    for (const network of networks.all()) {
      if (isBuiltIn(network.id) || !matches(network)) continue;
      if (networks.countOf(network.id) > 0 || membersOf(network).length > 0) continue;
      this.#delete(network);
      deleted.push(network.name);
    }
    return { NetworksDeleted: deleted.length === 0 ? null : deleted };
  }

  #delete(network: Network): void {
    const { networks, events, nameServers } = this.#context;
    nameServers.close(network.id);
    try {
      networks.delete(network.id);
    } catch (thrown) {
      if (networks.byId(network.id) !== undefined && hasNameServer(network)) void nameServers.open(network);
      throw thrown;
    }
    events.emit("network", "destroy", network.id, { name: network.name, type: network.driver });
  }

  /** With the names of those who are in it. */
  #refuseInUse(network: Network): void {
    const members = this.#context.membersOf(network).filter(({ endpoint }) => endpoint !== undefined);
    if (members.length === 0 || isBuiltIn(network.id)) return;
    const names = members.map(
      ({ name, containerId }) => `name:${JSON.stringify(name)} id:${JSON.stringify(shortId(containerId))}`,
    );
    throw new TiffinError(
      "forbidden",
      "network.in-use",
      `error while removing network: network ${network.name} has active endpoints (${names.join(", ")})`,
      { remedy: "disconnect or remove these containers first" },
    );
  }
}

function notFound(name: string): TiffinError {
  return new TiffinError("notFound", "network.not-found", `network ${name} not found`);
}
