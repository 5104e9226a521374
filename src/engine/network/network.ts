/**
 * The default network of an engine instance: a bridge with its subnet, endpoints on it, published ports, and what the
 * host needs for them. Invariants: every lease row belongs to a container that was given an endpoint and did not give
 * it back; an address is in the pool, leased, or resting until its old link is gone; what is made ahead of need lives
 * by fds only. Everything here is synchronous inside, so operations never interleave.
 */
import { NetlinkSocket, tableExists } from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { monotonicMs } from "../../lib/clock.ts";
import { TiffinError } from "../../lib/errors.ts";
import {
  formatIpv4,
  formatMac,
  formatPrefix,
  type Prefix,
  parseIpv4,
  parseMac,
  parsePrefix,
} from "../../linux/netlink/ipv4.ts";
import { AddressPool } from "./address-pool.ts";
import { applyNetOps } from "./apply.ts";
import {
  decideForeign,
  decideRemoval,
  decideSetup,
  forwardingSysctl,
  macOf,
  type ObservedNetwork,
} from "./decide.ts";
import {
  type EndpointGround,
  type EndpointPlan,
  type PreparedEndpoint,
  prepareEndpoint,
  prepareIsolated,
  wireEndpoint,
} from "./endpoint.ts";
import { LeaseStore } from "./lease-store.ts";
import type {
  DefaultNetwork,
  Endpoint,
  EndpointRequest,
  LiveEndpoint,
  NetworkOptions,
  UnwiredEndpoint,
} from "./model.ts";
import { type HostNames, hostNames } from "./names.ts";
import { endpointLinks, type NetworkSockets, observeNetwork, observeTaken, otherBridges } from "./observe.ts";
import type { NetOp } from "./op.ts";
import { checkPorts } from "./port-request.ts";
import { PublishedPorts } from "./published-ports.ts";
import { ReadyPool } from "./ready-pool.ts";
import { ReleasedLinks } from "./released-links.ts";
import { decideSubnet, parseSubnet } from "./subnet.ts";

const poolLimits = { minimum: 2, maximum: 16, refillDelayMs: 50, quietMs: 30_000 } as const;
/** How often, at most, a refill looks whether somebody flushed or outranked our rules. */
const healEveryMs = 1000;

/** Opens the default network: what is missing on the host is made, what is there is taken over. */
export async function openNetwork(options: NetworkOptions): Promise<DefaultNetwork> {
  const names = hostNames(options.tag);
  const sockets = openSockets();
  try {
    const store = new LeaseStore(options.db, names.network);
    const observed = observeNetwork(sockets, names.bridge);
    const subnet = chooseSubnet(options, store, sockets.route, observed);
    store.remember(formatPrefix(subnet));
    return new BridgeNetwork(names, store, sockets, subnet, observed);
  } catch (thrown) {
    sockets[Symbol.dispose]();
    throw thrown;
  }
}

function openSockets(): NetworkSockets {
  const route = NetlinkSocket.open("route");
  const netfilter = NetlinkSocket.open("netfilter");
  return {
    route,
    netfilter,
    [Symbol.dispose]() {
      route[Symbol.dispose]();
      netfilter[Symbol.dispose]();
    },
  };
}

/** The subnet that the bridge has stays while nothing else was asked for: containers may be using it. */
function chooseSubnet(
  options: NetworkOptions,
  store: LeaseStore,
  route: NetlinkSocket,
  { bridge }: ObservedNetwork,
): Prefix {
  const configured = options.subnet === undefined ? undefined : parseSubnet(options.subnet);
  const remembered = parsePrefix(store.remembered()?.subnet ?? "");
  const wanted = configured ?? remembered;
  const inUse = bridge?.addresses.some(
    ({ address, prefixLength }) => address - 1 === wanted?.network && prefixLength === wanted.length,
  );
  if (wanted !== undefined && inUse) return wanted;
  return decideSubnet({ configured, remembered, taken: observeTaken(route, bridge?.index) });
}

interface ActiveEndpoint {
  readonly hostLink: string;
  readonly address: number;
}

/** What both kinds of endpoint come from. */
interface Acquired<T> {
  readonly piece: T;
  readonly facts: Omit<Endpoint, "netns">;
}

class BridgeNetwork implements DefaultNetwork {
  readonly name = "bridge";
  readonly subnet: string;
  readonly gateway: string;
  readonly bridge: string;
  readonly warnings: readonly string[] = [];

  readonly #names: HostNames;
  readonly #store: LeaseStore;
  readonly #sockets: NetworkSockets;
  readonly #prefix: Prefix;
  readonly #addresses: AddressPool;
  readonly #published: PublishedPorts;
  readonly #released: ReleasedLinks;
  readonly #endpoints: ReadyPool<PreparedEndpoint>;
  readonly #isolated: ReadyPool<OwnedFd>;
  readonly #active = new Map<string, ActiveEndpoint>();
  #ground: EndpointGround;
  #healedAtMs = 0;

  constructor(
    names: HostNames,
    store: LeaseStore,
    sockets: NetworkSockets,
    prefix: Prefix,
    observed: ObservedNetwork,
  ) {
    this.#names = names;
    this.#store = store;
    this.#sockets = sockets;
    this.#prefix = prefix;
    const lastAddress = store.remembered()?.lastAddress;
    this.#addresses = new AddressPool(prefix, lastAddress === undefined ? undefined : parseIpv4(lastAddress));
    this.subnet = formatPrefix(prefix);
    this.gateway = formatIpv4(this.#addresses.gateway);
    this.bridge = names.bridge;
    this.#published = new PublishedPorts(sockets.netfilter, names.table);
    this.#released = new ReleasedLinks(sockets.route, (address) => this.#addresses.give(address));
    this.#endpoints = new ReadyPool({
      ...poolLimits,
      make: () => this.#makeAhead(),
      discard: (piece) => this.#discard(piece),
    });
    this.#isolated = new ReadyPool({
      ...poolLimits,
      minimum: 1,
      maximum: 4,
      make: prepareIsolated,
      discard: (netns) => netns[Symbol.dispose](),
    });
    // Rows of an earlier life keep their addresses until `recover` says who lives.
    for (const { containerId, address, hostLink } of store.all()) {
      const number = parseIpv4(address);
      if (number === undefined || !this.#addresses.takeExactly(number)) store.delete(containerId);
      else this.#active.set(containerId, { hostLink, address: number });
    }
    this.#ground = this.#setUp(observed);
  }

  async acquire(containerId: string, request: EndpointRequest): Promise<Endpoint> {
    const { piece, facts } = this.#acquire(containerId, request, (wanted) => this.#take(wanted));
    return { ...facts, netns: piece.netns };
  }

  async acquireUnwired(containerId: string, request: EndpointRequest): Promise<UnwiredEndpoint> {
    const { piece, facts } = this.#acquire(containerId, request, (wanted) => this.#plan(wanted));
    return {
      ...facts,
      wire: (pid) => wireEndpoint(this.#ground, piece, pid).netns[Symbol.dispose](),
    };
  }

  async release(containerId: string): Promise<void> {
    this.#release(containerId);
  }

  async recover(live: readonly LiveEndpoint[]): Promise<void> {
    const living = new Set(live.map(({ containerId }) => containerId));
    for (const containerId of [...this.#active.keys()]) {
      if (!living.has(containerId)) this.#release(containerId);
    }
    let linksKnown = true;
    for (const { containerId, address, ports } of live) {
      const number = parseIpv4(address);
      if (number === undefined || !this.#addresses.contains(number)) continue;
      if (this.#active.get(containerId)?.address !== number) {
        // Its row is lost: which link is its own cannot be told any more.
        linksKnown = false;
        this.#addresses.takeExactly(number);
        this.#active.set(containerId, { hostLink: "", address: number });
      }
      this.#published.unpublish(containerId);
      this.#published.adopt(containerId, number, ports);
    }
    this.#released.flush();
    if (linksKnown) this.#sweepLinks();
    this.#ground = this.#setUp(observeNetwork(this.#sockets, this.bridge));
    this.#endpoints.refill();
  }

  warm(): void {
    this.#endpoints.refillNow();
    this.#isolated.refillNow();
  }

  createIsolatedNetns(): OwnedFd {
    return this.#isolated.take() ?? prepareIsolated();
  }

  async close(): Promise<void> {
    this.#rememberCursor();
    this.#endpoints.close();
    this.#isolated.close();
    this.#released.close();
    this.#published.close();
    this.#sockets[Symbol.dispose]();
  }

  async remove(): Promise<void> {
    this.#endpoints.close();
    this.#isolated.close();
    this.#released.flush();
    this.#published.close();
    const { route } = this.#sockets;
    const restoreForwarding =
      this.#store.remembered()?.forwardingEnabled === true && !otherBridges(route, this.bridge);
    const links = endpointLinks(route, this.#names.isEndpointLink);
    const observed = observeNetwork(this.#sockets, this.bridge);
    applyNetOps(decideRemoval(this.#names, observed, links, restoreForwarding), this.#sockets);
    this.#store.forget();
    this.#active.clear();
    this.#sockets[Symbol.dispose]();
  }

  /** Ports first: they are what is most likely refused, and cost nothing to give back. */
  #acquire<T extends EndpointPlan>(
    containerId: string,
    request: EndpointRequest,
    get: (request: EndpointRequest) => T,
  ): Acquired<T> {
    this.#release(containerId);
    const { ports, warnings } = checkPorts(request.ports);
    const held = this.#published.hold(ports);
    try {
      const piece = get(request);
      const address = formatIpv4(piece.address);
      const { hostLink } = piece;
      try {
        this.#store.insert({ containerId, address, hostLink });
        this.#active.set(containerId, { hostLink, address: piece.address });
        this.#published.publish(containerId, piece.address, held);
      } catch (thrown) {
        this.#active.delete(containerId);
        this.#store.delete(containerId);
        this.#discard(piece);
        throw thrown;
      }
      return {
        piece,
        facts: {
          address,
          prefixLength: this.#prefix.length,
          gateway: this.gateway,
          mac: formatMac(piece.mac),
          hostLink,
          ports: held.ports,
          warnings,
        },
      };
    } catch (thrown) {
      held[Symbol.dispose]();
      throw thrown;
    }
  }

  /** A ready endpoint where it will do, else one made now. */
  #take(request: EndpointRequest): PreparedEndpoint {
    const address = wantedAddress(request);
    if (request.mac === undefined) {
      const ready = this.#endpoints.take((piece) => address === undefined || piece.address === address);
      if (ready !== undefined) return ready;
    }
    return this.#prepare(this.#plan(request));
  }

  #prepare(plan: EndpointPlan): PreparedEndpoint {
    try {
      return prepareEndpoint(this.#ground, plan);
    } catch (thrown) {
      this.#addresses.give(plan.address);
      throw thrown;
    }
  }

  /** Address, MAC and name for an endpoint; the address is in use from here on. */
  #plan(request: EndpointRequest): EndpointPlan {
    const address = this.#takeAddress(wantedAddress(request));
    const mac = request.mac === undefined ? macOf(address) : parseMac(request.mac);
    if (mac === undefined) {
      this.#addresses.give(address);
      throw invalidAddress(`${JSON.stringify(request.mac)} is no MAC address`);
    }
    return { address, mac, hostLink: this.#names.newEndpointLink() };
  }

  #takeAddress(wanted: number | undefined): number {
    if (wanted === undefined) {
      const address = this.#addresses.take() ?? this.#takeResting();
      if (address !== undefined) return address;
      throw new TiffinError(
        "unavailable",
        "network.addresses-exhausted",
        `all ${this.#addresses.capacity} addresses of ${this.subnet} are in use`,
        { remedy: "remove containers, or configure a larger subnet", exitCode: 125 },
      );
    }
    if (!this.#addresses.contains(wanted)) {
      throw invalidAddress(`address ${formatIpv4(wanted)} is not in ${this.subnet}`);
    }
    if (this.#addresses.takeExactly(wanted)) return wanted;
    this.#endpoints.clear();
    this.#released.flush();
    if (this.#addresses.takeExactly(wanted)) return wanted;
    throw new TiffinError(
      "conflict",
      "network.address-in-use",
      `address ${formatIpv4(wanted)} is already in use`,
      {
        exitCode: 125,
      },
    );
  }

  /** The last resort of a small subnet: what was released a moment ago. */
  #takeResting(): number | undefined {
    this.#released.flush();
    return this.#addresses.take();
  }

  #release(containerId: string): void {
    const active = this.#active.get(containerId);
    this.#published.unpublish(containerId);
    if (active === undefined) return;
    this.#active.delete(containerId);
    this.#store.delete(containerId);
    if (active.hostLink === "") this.#addresses.give(active.address);
    else this.#released.add(active.hostLink, active.address);
  }

  #discard(piece: EndpointPlan & { readonly netns?: OwnedFd }): void {
    piece.netns?.[Symbol.dispose]();
    this.#released.add(piece.hostLink, piece.address);
  }

  #makeAhead(): PreparedEndpoint {
    this.#heal();
    this.#rememberCursor();
    const address = this.#addresses.take();
    if (address === undefined) throw new Error("no address to make an endpoint ahead of need");
    return this.#prepare({ address, mac: macOf(address), hostLink: this.#names.newEndpointLink() });
  }

  #rememberCursor(): void {
    this.#store.rememberLastAddress(formatIpv4(this.#addresses.last));
  }

  /** Makes the host as it should be and says where endpoints go. */
  #setUp(observed: ObservedNetwork): EndpointGround {
    const desired = {
      names: this.#names,
      subnet: this.#prefix,
      gateway: this.#addresses.gateway,
      ports: this.#published.mappings(),
    };
    const ops = decideSetup(desired, observed);
    if (ops.some((op) => op.op === "sysctl" && op.name === forwardingSysctl)) {
      // Written down first: a switch that nobody remembers could never be undone.
      this.#store.rememberForwarding(true);
    }
    applyNetOps(ops, this.#sockets);
    const bridge = observed.bridge ?? observeNetwork(this.#sockets, this.bridge).bridge;
    if (bridge === undefined) {
      throw new TiffinError(
        "internal",
        "network.bridge-missing",
        `bridge ${this.bridge} vanished while it was set up`,
      );
    }
    return {
      route: this.#sockets.route,
      bridge: this.bridge,
      bridgeIndex: bridge.index,
      subnet: this.#prefix,
      gateway: this.#addresses.gateway,
    };
  }

  /** Links of ours that no living container has. */
  #sweepLinks(): void {
    const kept = new Set([...this.#active.values()].map(({ hostLink }) => hostLink));
    const orphans = endpointLinks(this.#sockets.route, this.#names.isEndpointLink).filter(
      (link) => !kept.has(link),
    );
    applyNetOps(
      orphans.map((link) => ({
        in: "host",
        op: "linkDelete",
        link,
        cause: "no living container has it",
        inverse: "vethAdd",
      })),
      this.#sockets,
    );
  }

  /** Someone may have flushed our table, deleted the bridge, or put a dropping chain beside us. */
  #heal(): void {
    const now = monotonicMs();
    if (now - this.#healedAtMs < healEveryMs) return;
    this.#healedAtMs = now;
    const observed = observeNetwork(this.#sockets, this.bridge);
    const bridgeReplaced = observed.bridge?.index !== this.#ground.bridgeIndex;
    if (bridgeReplaced || !tableExists(this.#sockets.netfilter, this.#names.table)) {
      this.#ground = this.#setUp(observed);
      if (bridgeReplaced) this.#reattach();
    } else {
      applyNetOps(decideForeign(this.bridge, observed.foreignForward), this.#sockets);
    }
  }

  /** Links that lost their bridge go onto the new one. */
  #reattach(): void {
    const cause = "the bridge was replaced";
    const inverse = "linkDelete";
    const ops = endpointLinks(this.#sockets.route, this.#names.isEndpointLink).flatMap((link): NetOp[] => [
      { in: "host", op: "bridgePort", link, bridge: this.bridge, cause, inverse },
      { in: "host", op: "bridgeHairpin", link, cause, inverse },
    ]);
    applyNetOps(ops, this.#sockets);
  }
}

function wantedAddress({ address }: EndpointRequest): number | undefined {
  if (address === undefined || address === "") return undefined;
  const parsed = parseIpv4(address);
  if (parsed === undefined) throw invalidAddress(`${JSON.stringify(address)} is no IPv4 address`);
  return parsed;
}

function invalidAddress(message: string): TiffinError {
  return new TiffinError("invalid", "network.address-invalid", message, { exitCode: 125 });
}
