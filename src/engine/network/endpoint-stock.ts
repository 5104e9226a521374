/**
 * Endpoints from the wish to the link: addresses are taken, links are planned and made, some ahead of need, and what
 * is given back rests until its link is gone. Invariant: an address is in its network's pool, in use, or resting.
 */
import { findLink } from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { TiffinError } from "../../lib/errors.ts";
import { newId, randomHex } from "../../lib/ids.ts";
import { formatIpv4, formatMac, parseIpv4, parseMac } from "../../linux/netlink/ipv4.ts";
import { formatIpv6, parseIpv6 } from "../../linux/netlink/ipv6.ts";
import type { Link } from "../../linux/netlink/link.ts";
import type { ActiveEndpoint } from "./active-endpoints.ts";
import { type BridgeNetwork, invalidAddress } from "./bridge-network.ts";
import { builtInIds } from "./built-in-networks.ts";
import { type BridgeWish, macOf } from "./decide.ts";
import {
  type EndpointGround,
  type EndpointPlan,
  firstLink,
  joinNamespace,
  type PlacedEndpoint,
  type PreparedEndpoint,
  prepareEndpoint,
  prepareNamespace,
} from "./endpoint.ts";
import { failing } from "./failing.ts";
import type { HostSide } from "./host-side.ts";
import type { Attachment, EndpointRecord, EndpointRequest } from "./model.ts";
import type { NameServerPorts } from "./name-server-ports.ts";
import type { HostNames } from "./names.ts";
import { gatewayIndex, type NetworkRegistry } from "./network-registry.ts";
import type { NetworkStore } from "./network-store.ts";
import type { NetworkSockets } from "./observe.ts";
import type { ChildKind } from "./op.ts";
import { poolLimits, ReadyEndpoints } from "./ready-endpoints.ts";
import { ReadyPool } from "./ready-pool.ts";
import { ReleasedLinks } from "./released-links.ts";

const isolatedLimits = { ...poolLimits, minimum: 1, maximum: 4 } as const;

/** An endpoint on its way: where it goes, and what was asked. */
export interface PlannedEndpoint {
  readonly bridge: BridgeNetwork;
  readonly plan: EndpointPlan;
  readonly gatewayPriority: number;
}

export interface EndpointStockParts {
  readonly names: HostNames;
  readonly store: NetworkStore;
  readonly sockets: NetworkSockets;
  readonly registry: NetworkRegistry;
  readonly host: HostSide;
  readonly nameServers: NameServerPorts;
  readonly report: (thrown: unknown) => void;
}

export class EndpointStock {
  readonly #parts: EndpointStockParts;
  readonly #prepared: ReadyEndpoints;
  readonly #isolated: ReadyPool<OwnedFd>;
  readonly #released: ReleasedLinks;

  constructor(parts: EndpointStockParts) {
    this.#parts = parts;
    this.#released = new ReleasedLinks(parts.sockets.route, parts.report);
    this.#prepared = new ReadyEndpoints({
      always: builtInIds.bridge,
      make: (network) => this.#makeAhead(this.bridgeFor({ network })),
      discard: (network, piece) => {
        piece.netns[Symbol.dispose]();
        this.rest(this.bridgeFor({ network }), piece);
      },
    });
    this.#isolated = new ReadyPool({
      ...isolatedLimits,
      make: () => prepareNamespace(),
      discard: (netns) => netns[Symbol.dispose](),
    });
  }

  /** An endpoint made ahead of need, where one will do. */
  takeReady(
    requests: readonly EndpointRequest[],
  ): (PlannedEndpoint & { readonly plan: PreparedEndpoint }) | undefined {
    const [only] = requests;
    if (requests.length !== 1 || only === undefined || only.mac !== undefined) return undefined;
    const bridge = this.bridgeFor(only);
    // What is on a parent is seen by others at once, and has nothing that takes time.
    if (bridge.isOnParent) return undefined;
    const address = wantedAddress(only);
    const address6 = wantedAddress6(only);
    const plan = this.#prepared.take(
      only.network,
      (piece) =>
        (address === undefined || piece.address === address) &&
        (address6 === undefined || piece.address6 === address6),
    );
    return plan === undefined ? undefined : { bridge, plan, gatewayPriority: only.gatewayPriority ?? 0 };
  }

  /** Which bridge each link that was made ahead of need should be a port of. */
  joined(): Map<string, BridgeWish> {
    const joined = new Map<string, BridgeWish>();
    for (const [link, network] of this.#prepared.links()) {
      const bridge = this.#parts.registry.bridgeOf(network);
      if (bridge !== undefined) joined.set(link, bridge.wish);
    }
    return joined;
  }

  /** A namespace with nothing but `lo` up. */
  isolatedNetns(): OwnedFd {
    return this.#isolated.take() ?? failing("make a network namespace", () => prepareNamespace());
  }

  /** A namespace with these endpoints. */
  namespaceWith(planned: readonly PlannedEndpoint[]): OwnedFd {
    const endpoints = this.placed(planned);
    const ready = this.#isolated.take();
    if (ready === undefined) return prepareNamespace(endpoints);
    try {
      for (const endpoint of endpoints) joinNamespace(endpoint, ready);
      return ready;
    } catch (thrown) {
      ready[Symbol.dispose]();
      throw thrown;
    }
  }

  /** All or none. */
  planAll(requests: readonly EndpointRequest[]): PlannedEndpoint[] {
    const planned: PlannedEndpoint[] = [];
    try {
      for (const request of requests) planned.push(this.plan(request));
      return planned;
    } catch (thrown) {
      for (const { bridge, plan } of planned) bridge.give(plan);
      throw thrown;
    }
  }

  /** Address, MAC and name for an endpoint; the address is in use from here on. */
  plan(request: EndpointRequest): PlannedEndpoint {
    const bridge = this.bridgeFor(request);
    const wantedMac = request.mac === undefined ? undefined : parseMac(request.mac);
    if (request.mac !== undefined && wantedMac === undefined) {
      throw invalidAddress(`${JSON.stringify(request.mac)} is no MAC address`);
    }
    const address = this.#takeAddress(bridge, wantedAddress(request));
    let address6: bigint | undefined;
    try {
      address6 = this.#takeAddress6(bridge, wantedAddress6(request));
    } catch (thrown) {
      bridge.give({ address });
      throw thrown;
    }
    const plan = {
      address,
      address6,
      mac: wantedMac ?? this.#macFor(bridge, address),
      hostLink: bridge.isOnParent ? "" : this.#parts.names.newEndpointLink(),
    };
    return { bridge, plan, gatewayPriority: request.gatewayPriority ?? 0 };
  }

  placed(planned: readonly PlannedEndpoint[]): PlacedEndpoint[] {
    const wanted = planned.map(({ bridge, gatewayPriority }) => ({
      network: bridge.network.id,
      gatewayPriority,
    }));
    const gateway = gatewayIndex(wanted, this.#parts.registry);
    const gateway6 = gatewayIndex(wanted, this.#parts.registry, "ipv6");
    return planned.map(({ bridge, plan }, index) => ({
      ground: this.groundOf(bridge),
      plan,
      link: linkAt(index),
      givesDefaultRoute: index === gateway,
      givesDefaultRoute6: index === gateway6,
    }));
  }

  /** One that left a moment ago may still be on the parent, where no MAC is there twice. */
  #macFor({ network: { attachment } }: BridgeNetwork, address: number): Uint8Array {
    if (attachment?.kind === "ipvlan") return this.#parentLink(attachment.link).mac;
    return attachment?.kind === "macvlan" ? macOf(Number.parseInt(randomHex(8), 16)) : macOf(address);
  }

  /** Error: unavailable `network.parent-missing`. */
  #parentLink(name: string): Link {
    const found = findLink(this.#parts.sockets.route, name);
    if (found !== undefined) return found;
    throw new TiffinError(
      "unavailable",
      "network.parent-missing",
      `the parent ${name} of the network is not there any more`,
      { remedy: "make the link again, or the network on another one", exitCode: 125 },
    );
  }

  groundOf({ wish, isOnParent }: BridgeNetwork): EndpointGround {
    const { attachment, link, subnet, gateway, ipv6, internal, mtu, openWithin } = wish;
    const { sockets, host } = this.#parts;
    return {
      route: sockets.route,
      bridge: link,
      bridgeIndex: isOnParent ? this.#parentLink(link).index : host.indexOf(link),
      child: attachment === undefined || attachment.kind === "vxlan" ? undefined : childOf(attachment),
      subnet,
      gateway,
      ipv6,
      internal,
      mtu,
      isolated: !openWithin,
    };
  }

  bridgeFor({ network }: Pick<EndpointRequest, "network">): BridgeNetwork {
    const bridge = this.#parts.registry.bridgeOf(network);
    if (bridge !== undefined) return bridge;
    throw new TiffinError("notFound", "network.not-found", `network ${network} not found`, { exitCode: 125 });
  }

  /** What a container leaves as it was is ready for the next one, or goes as any other does. */
  giveBack(bridge: BridgeNetwork, piece: PreparedEndpoint): void {
    if (this.#prepared.giveBack(bridge.network.id, piece)) return;
    piece.netns[Symbol.dispose]();
    this.rest(bridge, piece);
  }

  /** The address is free again once the link is gone. */
  rest(bridge: BridgeNetwork, endpoint: ActiveEndpoint): void {
    if (endpoint.hostLink === "") {
      bridge.give(endpoint);
      return;
    }
    this.#released.add(endpoint.hostLink, () => bridge.give(endpoint));
  }

  /** What was released a moment ago, and with `network` what is ready there, is given back now. */
  settle(network?: string): void {
    if (network !== undefined) this.#prepared.drop(network);
    this.#released.flush();
  }

  /** Nothing is ready, nothing rests. */
  empty(): void {
    this.#prepared.clear();
    this.#released.flush();
  }

  refill(): void {
    this.#prepared.refill();
  }

  refillNow(): void {
    this.#prepared.refillNow();
    this.#isolated.refillNow();
  }

  /** Drops what was made ahead of need. */
  close(): void {
    this.#prepared.close();
    this.#isolated.close();
  }

  /** Rests no more; what rests is left to the kernel. */
  stop(): void {
    this.#released.close();
  }

  rememberCursors(): void {
    for (const bridge of this.#parts.registry.bridgeNetworks()) this.#rememberCursor(bridge);
  }

  #rememberCursor({ network, addresses }: BridgeNetwork): void {
    this.#parts.store.rememberLastAddress(network.id, formatIpv4(addresses.last));
  }

  #takeAddress(bridge: BridgeNetwork, wanted: number | undefined): number {
    const found = bridge.tryTake(wanted);
    if (found !== undefined) return found;
    // The last resort: what was released a moment ago, and what was made ahead of need.
    this.#prepared.clear(bridge.network.id);
    this.#released.flush();
    const late = bridge.tryTake(wanted);
    if (late !== undefined) return late;
    throw wanted === undefined ? exhausted(bridge, "IPv4") : inUse(formatIpv4(wanted));
  }

  /** Undefined: the network has no IPv6. */
  #takeAddress6(bridge: BridgeNetwork, wanted: bigint | undefined): bigint | undefined {
    if (wanted === undefined && bridge.addresses6 === undefined) return undefined;
    const found = bridge.tryTake6(wanted);
    if (found !== undefined) return found;
    this.#prepared.clear(bridge.network.id);
    this.#released.flush();
    const late = bridge.tryTake6(wanted);
    if (late !== undefined) return late;
    if (wanted === undefined) throw exhausted(bridge, "IPv6");
    throw inUse(formatIpv6(wanted));
  }

  #makeAhead(bridge: BridgeNetwork): PreparedEndpoint {
    this.#rememberCursor(bridge);
    const address = bridge.addresses.take();
    if (address === undefined) throw new Error("no address to make an endpoint ahead of need");
    const address6 = bridge.addresses6?.take();
    const plan = { address, address6, mac: macOf(address), hostLink: this.#parts.names.newEndpointLink() };
    try {
      const made = prepareEndpoint(this.groundOf(bridge), plan);
      try {
        this.#parts.nameServers.lead(made.netns, { endpoints: [{ network: bridge.network.id }] });
        return made;
      } catch (thrown) {
        made.netns[Symbol.dispose]();
        throw thrown;
      }
    } catch (thrown) {
      bridge.give(plan);
      throw thrown;
    }
  }
}

function childOf(attachment: Exclude<Attachment, { kind: "vxlan" }>): ChildKind {
  return attachment.kind === "macvlan"
    ? { kind: attachment.kind, mode: attachment.mode }
    : { kind: attachment.kind, mode: attachment.mode };
}

function exhausted({ network, addresses }: BridgeNetwork, family: "IPv4" | "IPv6"): TiffinError {
  const pool = family === "IPv4" ? network : network.ipv6;
  const all = family === "IPv4" ? `all ${addresses.capacity}` : "all addresses";
  return new TiffinError(
    "unavailable",
    "network.addresses-exhausted",
    `no available ${family} addresses on network ${network.name}: ${all} of ` +
      `${pool?.ipRange || pool?.subnet} are in use`,
    { remedy: "remove containers, or use a network with a larger subnet", exitCode: 125 },
  );
}

function inUse(address: string): TiffinError {
  return new TiffinError("conflict", "network.address-in-use", `address ${address} is already in use`, {
    exitCode: 125,
  });
}

export function recordOf({ bridge, plan, gatewayPriority }: PlannedEndpoint, link: string): EndpointRecord {
  const { wish, network } = bridge;
  return {
    id: newId(),
    network: network.id,
    link,
    address: formatIpv4(plan.address),
    prefixLength: wish.subnet.length,
    gateway: wish.internal ? "" : formatIpv4(wish.gateway),
    mac: formatMac(plan.mac),
    gatewayPriority,
    ...(wish.ipv6 !== undefined &&
      plan.address6 !== undefined && {
        ipv6: {
          address: formatIpv6(plan.address6),
          prefixLength: wish.ipv6.subnet.length,
          gateway: wish.internal ? "" : formatIpv6(wish.ipv6.gateway),
        },
      }),
  };
}

export function linkAt(index: number): string {
  return `${firstLink.slice(0, -1)}${index}`;
}

/** The first name that none of the endpoints has. */
export function freeLink(endpoints: readonly EndpointRecord[]): string {
  const taken = new Set(endpoints.map(({ link }) => link));
  for (let index = 0; ; index += 1) if (!taken.has(linkAt(index))) return linkAt(index);
}

function wantedAddress({ address }: EndpointRequest): number | undefined {
  if (address === undefined || address === "") return undefined;
  const parsed = parseIpv4(address);
  if (parsed === undefined) throw invalidAddress(`${JSON.stringify(address)} is no IPv4 address`);
  return parsed;
}

function wantedAddress6({ address6 }: EndpointRequest): bigint | undefined {
  if (address6 === undefined || address6 === "") return undefined;
  const parsed = parseIpv6(address6);
  if (parsed === undefined) throw invalidAddress(`${JSON.stringify(address6)} is no IPv6 address`);
  return parsed;
}
