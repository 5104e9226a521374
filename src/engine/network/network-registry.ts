/** The networks of an engine by id and name, and the bridges of those that have one. In memory; rows are written elsewhere. */
import { messageOf, TiffinError } from "../../lib/errors.ts";
import { BridgeNetwork } from "./bridge-network.ts";
import { builtInIds } from "./built-in-networks.ts";
import type { BridgeWish } from "./decide.ts";
import type { EndpointRecord, EndpointRequest, Network } from "./model.ts";
import { isParent, type Underlay } from "./underlay.ts";

export class NetworkRegistry {
  readonly #networks = new Map<string, Network>();
  readonly #bridges = new Map<string, BridgeNetwork>();
  readonly #idByName = new Map<string, string>();
  /** Of all bridges; made anew when they change. */
  #wishes: readonly BridgeWish[] | undefined;

  constructor(
    networks: readonly Network[],
    lastAddressOf: (id: string) => string | undefined,
    report: (thrown: unknown) => void,
  ) {
    for (const network of networks) {
      try {
        const bridge =
          network.subnet !== "" ? new BridgeNetwork(network, lastAddressOf(network.id)) : undefined;
        this.add(network, bridge);
      } catch (thrown) {
        report(new Error(`network ${network.name} is left out: ${messageOf(thrown)}`));
      }
    }
  }

  /** The oldest first. */
  all(): readonly Network[] {
    return [...this.#networks.values()];
  }

  byId(id: string): Network | undefined {
    return this.#networks.get(id);
  }

  bridgeOf(id: string): BridgeNetwork | undefined {
    return this.#bridges.get(id);
  }

  bridgeNetworks(): IterableIterator<BridgeNetwork> {
    return this.#bridges.values();
  }

  bridges(): readonly BridgeWish[] {
    this.#wishes ??= [...this.#bridges.values()]
      .filter(({ isOnParent }) => !isOnParent)
      .map(({ wish }) => wish);
    return this.#wishes;
  }

  /** Of networks whose containers have links on them. */
  underlays(): readonly Underlay[] {
    return [...this.#bridges.values()].flatMap(({ network: { attachment, name, mtu }, isOnParent }) =>
      isOnParent && attachment !== undefined ? [{ attachment, network: name, mtu }] : [],
    );
  }

  defaultBridge(): BridgeNetwork {
    const bridge = this.#bridges.get(builtInIds.bridge);
    if (bridge === undefined) throw new Error("there is no network bridge");
    return bridge;
  }

  /** By its full id or its name. */
  find(reference: string): Network | undefined {
    return this.#networks.get(reference) ?? this.#networks.get(this.#idByName.get(reference) ?? "");
  }

  resolve(reference: string): Network {
    const exact = this.find(reference);
    if (exact !== undefined) return exact;
    const found = /^[0-9a-f]{1,64}$/.test(reference)
      ? this.all().filter(({ id }) => id.startsWith(reference))
      : [];
    const [first] = found;
    if (found.length > 1) {
      throw new TiffinError(
        "invalid",
        "network.ambiguous",
        `network ${reference} is ambiguous (${found.length} matches found based on ID prefix)`,
      );
    }
    if (first !== undefined) return first;
    throw new TiffinError("notFound", "network.not-found", `network ${reference} not found`, {
      remedy: "tiffin network ls shows those that are there",
      exitCode: 125,
    });
  }

  refuseTaken(name: string): void {
    if (!this.#idByName.has(name)) return;
    throw new TiffinError("conflict", "network.name-taken", `network with name ${name} already exists`);
  }

  add(network: Network, bridge: BridgeNetwork | undefined): void {
    this.#networks.set(network.id, network);
    this.#idByName.set(network.name, network.id);
    if (bridge !== undefined) this.#bridges.set(network.id, bridge);
    this.#wishes = undefined;
  }

  delete(id: string): void {
    const network = this.#networks.get(id);
    if (network !== undefined) this.#idByName.delete(network.name);
    this.#networks.delete(id);
    this.#bridges.delete(id);
    this.#wishes = undefined;
  }
}

/** The default route of a family, or what published ports lead to: the host does not reach what is on a parent. */
export type GatewayPurpose = "ipv4" | "ipv6" | "ports";

/** Which endpoint gives the default route: the highest priority, then the first name. Undefined: none can. */
export function gatewayIndex(
  endpoints: readonly Pick<EndpointRequest, "network" | "gatewayPriority">[],
  networks: Pick<NetworkRegistry, "byId">,
  purpose: GatewayPurpose = "ipv4",
): number | undefined {
  let best: { readonly index: number; readonly priority: number; readonly name: string } | undefined;
  for (const [index, { network: id, gatewayPriority: priority = 0 }] of endpoints.entries()) {
    const network = networks.byId(id);
    if (network === undefined || network.internal) continue;
    if (purpose === "ipv6" && network.ipv6 === undefined) continue;
    if (purpose === "ports" && isParent(network.attachment)) continue;
    const { name } = network;
    const better =
      best === undefined || priority > best.priority || (priority === best.priority && name < best.name);
    if (better) best = { index, priority, name };
  }
  return best?.index;
}

/** The endpoint that gives the default route. */
export function gatewayEndpoint(
  endpoints: readonly EndpointRecord[],
  networks: Pick<NetworkRegistry, "byId">,
  purpose: GatewayPurpose = "ipv4",
): EndpointRecord | undefined {
  return endpoints[gatewayIndex(endpoints, networks, purpose) ?? -1];
}
