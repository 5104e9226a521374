/** Which endpoints containers have now, and their leases on disk: a row is there exactly as long as the endpoint. */
import { formatIpv4, parseIpv4 } from "../../linux/netlink/ipv4.ts";
import { formatIpv6, parseIpv6 } from "../../linux/netlink/ipv6.ts";
import type { BridgeWish } from "./decide.ts";
import type { LiveContainer } from "./model.ts";
import type { NetworkRegistry } from "./network-registry.ts";
import type { NetworkStore } from "./network-store.ts";

export interface ActiveEndpoint {
  /** Empty: not known. */
  readonly hostLink: string;
  readonly address: number;
  readonly address6?: bigint | undefined;
}

export class ActiveEndpoints {
  readonly #store: NetworkStore;
  readonly #registry: NetworkRegistry;
  /** By container, then by network. */
  readonly #endpoints = new Map<string, Map<string, ActiveEndpoint>>();

  /** Rows of an earlier life keep their addresses until it is known who lives. */
  constructor(store: NetworkStore, registry: NetworkRegistry) {
    this.#store = store;
    this.#registry = registry;
    for (const { containerId, network, address, address6 = "", hostLink } of store.leases()) {
      const number = parseIpv4(address);
      const bridge = registry.bridgeOf(network);
      if (bridge === undefined || number === undefined || !bridge.addresses.takeExactly(number)) {
        store.deleteLease({ containerId, network });
        continue;
      }
      const number6 = parseIpv6(address6);
      if (number6 !== undefined) bridge.addresses6?.takeExactly(number6);
      this.note(containerId, network, { hostLink, address: number, address6: number6 });
    }
  }

  get isEmpty(): boolean {
    return this.#endpoints.size === 0;
  }

  /** Written down first. */
  add(containerId: string, network: string, endpoint: ActiveEndpoint): void {
    const { hostLink, address, address6 } = endpoint;
    this.#store.addLease({
      containerId,
      network,
      address: formatIpv4(address),
      ...(address6 !== undefined && { address6: formatIpv6(address6) }),
      hostLink,
    });
    this.note(containerId, network, endpoint);
  }

  /** One whose row is there, or is lost. */
  note(containerId: string, network: string, endpoint: ActiveEndpoint): void {
    const endpoints = this.#endpoints.get(containerId) ?? new Map<string, ActiveEndpoint>();
    endpoints.set(network, endpoint);
    this.#endpoints.set(containerId, endpoints);
  }

  forget(containerId: string, network: string): ActiveEndpoint | undefined {
    const endpoints = this.#endpoints.get(containerId);
    const endpoint = endpoints?.get(network);
    endpoints?.delete(network);
    if (endpoints?.size === 0) this.#endpoints.delete(containerId);
    this.#store.deleteLease({ containerId, network });
    return endpoint;
  }

  of(containerId: string, network: string): ActiveEndpoint | undefined {
    return this.#endpoints.get(containerId)?.get(network);
  }

  /** Ids of the networks that the container is in. */
  networksOf(containerId: string): string[] {
    return [...(this.#endpoints.get(containerId)?.keys() ?? [])];
  }

  /** Each container with the ids of its networks. */
  all(): [containerId: string, networks: string[]][] {
    return [...this.#endpoints].map(([id, endpoints]) => [id, [...endpoints.keys()]]);
  }

  /** What is remembered of containers, and nobody says to be in use. */
  strayOf(live: readonly LiveContainer[]): { readonly containerId: string; readonly network: string }[] {
    const living = new Map(live.map((container) => [container.containerId, container]));
    return [...this.#endpoints].flatMap(([containerId, endpoints]) => {
      const held = new Set(living.get(containerId)?.endpoints.map(({ network }) => network));
      return [...endpoints.keys()]
        .filter((network) => !held.has(network))
        .map((network) => ({ containerId, network }));
    });
  }

  countOf(network: string): number {
    let count = 0;
    for (const endpoints of this.#endpoints.values()) if (endpoints.has(network)) count += 1;
    return count;
  }

  /** Which bridge each known link of a container is a port of. */
  joined(): Map<string, BridgeWish> {
    const joined = new Map<string, BridgeWish>();
    for (const endpoints of this.#endpoints.values()) {
      for (const [network, { hostLink }] of endpoints) {
        const bridge = this.#registry.bridgeOf(network);
        if (bridge !== undefined && hostLink !== "") joined.set(hostLink, bridge.wish);
      }
    }
    return joined;
  }

  clear(): void {
    this.#endpoints.clear();
  }
}
