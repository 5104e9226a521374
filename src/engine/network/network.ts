/**
 * The default network of an engine instance: a bridge with its subnet, endpoints on it, published ports. Invariants:
 * every lease row belongs to a container that was given an endpoint and did not give it back; an address is in the
 * pool, leased, or resting until its old link is gone; what is made ahead of need lives by fds only. Everything here is
 * synchronous inside, so operations never interleave.
 */
import { NetlinkError } from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { messageOf, TiffinError } from "../../lib/errors.ts";
import { every, type Timer } from "../../lib/timer.ts";
import {
  formatIpv4,
  formatMac,
  formatPrefix,
  type Prefix,
  parseIpv4,
  parseMac,
} from "../../linux/netlink/ipv4.ts";
import { AddressPool } from "./address-pool.ts";
import { macOf, type ObservedNetwork } from "./decide.ts";
import {
  type EndpointPlan,
  type PreparedEndpoint,
  prepareEndpoint,
  prepareIsolated,
  wireEndpoint,
} from "./endpoint.ts";
import { HostSide } from "./host-side.ts";
import type { LeaseStore } from "./lease-store.ts";
import type {
  DefaultNetwork,
  Endpoint,
  EndpointRequest,
  LiveEndpoint,
  RecoverOptions,
  UnwiredEndpoint,
} from "./model.ts";
import type { HostNames } from "./names.ts";
import type { NetworkSockets } from "./observe.ts";
import { checkPorts } from "./port-request.ts";
import { PublishedPorts } from "./published-ports.ts";
import { ReadyPool } from "./ready-pool.ts";
import { ReleasedLinks } from "./released-links.ts";

/** The engine fills the pool when it is idle (`warm`); the delay is for when it never is. */
const poolLimits = { minimum: 2, maximum: 16, refillDelayMs: 25, quietMs: 30_000 } as const;
const isolatedLimits = { ...poolLimits, minimum: 1, maximum: 4 } as const;
/** How often the host's part is looked after while containers run; a look costs a fifth of a millisecond. */
const healEveryMs = 5000;

interface ActiveEndpoint {
  readonly hostLink: string;
  readonly address: number;
}

/** What both kinds of endpoint come from. */
interface Acquired<T> {
  readonly piece: T;
  readonly facts: Omit<Endpoint, "netns">;
}

export interface BridgeNetworkParts {
  readonly names: HostNames;
  readonly store: LeaseStore;
  readonly sockets: NetworkSockets;
  readonly subnet: Prefix;
  readonly observed: ObservedNetwork;
  readonly warnings: readonly string[];
  readonly report: (thrown: unknown) => void;
}

export class BridgeNetwork implements DefaultNetwork {
  readonly name = "bridge";
  readonly subnet: string;
  readonly gateway: string;
  readonly bridge: string;
  readonly warnings: readonly string[];

  readonly #names: HostNames;
  readonly #store: LeaseStore;
  readonly #sockets: NetworkSockets;
  readonly #addresses: AddressPool;
  readonly #published: PublishedPorts;
  readonly #released: ReleasedLinks;
  readonly #endpoints: ReadyPool<PreparedEndpoint>;
  readonly #isolated: ReadyPool<OwnedFd>;
  readonly #active = new Map<string, ActiveEndpoint>();
  readonly #host: HostSide;
  readonly #healTimer: Timer;

  constructor({ names, store, sockets, subnet, observed, warnings, report }: BridgeNetworkParts) {
    this.#names = names;
    this.#store = store;
    this.#sockets = sockets;
    this.#addresses = new AddressPool(subnet, parseIpv4(store.remembered()?.lastAddress ?? ""));
    this.subnet = formatPrefix(subnet);
    this.gateway = formatIpv4(this.#addresses.gateway);
    this.bridge = names.bridge;
    this.warnings = warnings;
    this.#published = new PublishedPorts(sockets.netfilter, names.table);
    this.#released = new ReleasedLinks(sockets.route, (address) => this.#addresses.give(address), report);
    this.#endpoints = new ReadyPool({
      ...poolLimits,
      make: () => this.#makeAhead(),
      discard: (piece) => this.#discard(piece),
    });
    this.#isolated = new ReadyPool({
      ...isolatedLimits,
      make: prepareIsolated,
      discard: (netns) => netns[Symbol.dispose](),
    });
    // Rows of an earlier life keep their addresses until `recover` says who lives.
    for (const { containerId, address, hostLink } of store.all()) {
      const number = parseIpv4(address);
      if (number === undefined || !this.#addresses.takeExactly(number)) store.delete(containerId);
      else this.#active.set(containerId, { hostLink, address: number });
    }
    const ports = () => this.#published.mappings();
    this.#host = new HostSide(
      { names, store, sockets, subnet, gateway: this.#addresses.gateway, ports },
      observed,
    );
    this.#healTimer = every(healEveryMs, () => this.#lookAfterHost(report), { background: true });
  }

  async acquire(containerId: string, request: EndpointRequest): Promise<Endpoint> {
    return failing("give the container an endpoint", () => {
      const { piece, facts } = this.#acquire(containerId, request, (wanted) => this.#take(wanted));
      return { ...facts, netns: piece.netns };
    });
  }

  async acquireUnwired(containerId: string, request: EndpointRequest): Promise<UnwiredEndpoint> {
    return failing("give the container an endpoint", () => {
      const { piece, facts } = this.#acquire(containerId, request, (wanted) => this.#plan(wanted));
      const wire = (pid: number) =>
        failing(`wire process ${pid}`, () =>
          wireEndpoint(this.#host.ground, piece, pid).netns[Symbol.dispose](),
        );
      return { ...facts, wire };
    });
  }

  async release(containerId: string): Promise<void> {
    failing("take the container's endpoint back", () => this.#release(containerId));
  }

  async recover(
    live: readonly LiveEndpoint[],
    { keepUnknown = false }: Partial<RecoverOptions> = {},
  ): Promise<void> {
    failing("recover the network", () => this.#recover(live, keepUnknown));
  }

  warm(): void {
    this.#endpoints.refillNow();
    this.#isolated.refillNow();
  }

  createIsolatedNetns(): OwnedFd {
    return this.#isolated.take() ?? failing("make a network namespace", prepareIsolated);
  }

  async close(): Promise<void> {
    this.#healTimer.cancel();
    this.#rememberCursor();
    this.#endpoints.close();
    this.#isolated.close();
    this.#released.close();
    this.#published.close();
    this.#sockets[Symbol.dispose]();
  }

  async remove(): Promise<void> {
    this.#takeOff(() => this.#store.forget());
  }

  async withdraw(): Promise<void> {
    this.#takeOff(() => this.#rememberCursor());
  }

  #takeOff(finish: () => void): void {
    this.#healTimer.cancel();
    this.#endpoints.close();
    this.#isolated.close();
    this.#published.close();
    failing("remove the network", () => {
      this.#released.flush();
      this.#host.remove();
      finish();
    });
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
      const piece = this.#orHealed(() => get(request));
      const { hostLink } = piece;
      const address = formatIpv4(piece.address);
      try {
        this.#store.insert({ containerId, address, hostLink });
        this.#active.set(containerId, { hostLink, address: piece.address });
        this.#orHealed(() => this.#published.publish(containerId, piece.address, held));
      } catch (thrown) {
        this.#published.unpublish(containerId);
        this.#active.delete(containerId);
        this.#store.delete(containerId);
        this.#discard(piece);
        throw thrown;
      }
      const facts = {
        address,
        prefixLength: this.#addresses.prefix.length,
        gateway: this.gateway,
        mac: formatMac(piece.mac),
        hostLink,
        ports: held.ports,
        warnings,
      };
      return { piece, facts };
    } catch (thrown) {
      held[Symbol.dispose]();
      throw thrown;
    }
  }

  /** When the work fails because somebody took the bridge or the table away, it is done again after the repair. */
  #orHealed<T>(work: () => T): T {
    try {
      return work();
    } catch (thrown) {
      const unexpected =
        thrown instanceof NetlinkError || (thrown instanceof TiffinError && thrown.kind === "internal");
      if (!unexpected || !this.#host.heal()) throw thrown;
      return work();
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
      return prepareEndpoint(this.#host.ground, plan);
    } catch (thrown) {
      this.#addresses.give(plan.address);
      throw thrown;
    }
  }

  /** Address, MAC and name for an endpoint; the address is in use from here on. */
  #plan(request: EndpointRequest): EndpointPlan {
    const wantedMac = request.mac === undefined ? undefined : parseMac(request.mac);
    if (request.mac !== undefined && wantedMac === undefined) {
      throw invalidAddress(`${JSON.stringify(request.mac)} is no MAC address`);
    }
    const address = this.#takeAddress(wantedAddress(request));
    return { address, mac: wantedMac ?? macOf(address), hostLink: this.#names.newEndpointLink() };
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

  /** The last resort of a small subnet: what was released a moment ago, and what was made ahead of need. */
  #takeResting(): number | undefined {
    this.#endpoints.clear();
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
    this.#rememberCursor();
    const address = this.#addresses.take();
    if (address === undefined) throw new Error("no address to make an endpoint ahead of need");
    return this.#prepare({ address, mac: macOf(address), hostLink: this.#names.newEndpointLink() });
  }

  #rememberCursor(): void {
    this.#store.rememberLastAddress(formatIpv4(this.#addresses.last));
  }

  #recover(live: readonly LiveEndpoint[], keepUnknown: boolean): void {
    const living = new Set(live.map(({ containerId }) => containerId));
    for (const containerId of [...this.#active.keys()]) {
      if (!living.has(containerId)) this.#release(containerId);
    }
    let linksKnown = !keepUnknown;
    for (const { containerId, address, ports } of live) {
      const number = parseIpv4(address);
      if (number === undefined) continue;
      if (!this.#addresses.contains(number)) {
        // Of another subnet, which is remembered no more: its link is among those that look like nobody's.
        linksKnown = false;
        continue;
      }
      if (this.#active.get(containerId)?.address !== number) {
        // Its row is lost: which link is its own cannot be told any more.
        linksKnown = false;
        this.#addresses.takeExactly(number);
        this.#active.set(containerId, { hostLink: "", address: number });
      }
      this.#published.unpublish(containerId);
      this.#published.adopt(containerId, number, ports);
    }
    this.#endpoints.clear();
    this.#released.flush();
    if (linksKnown) this.#host.sweep(new Set([...this.#active.values()].map(({ hostLink }) => hostLink)));
    this.#host.setUp();
    this.#endpoints.refill();
  }

  #lookAfterHost(report: (thrown: unknown) => void): void {
    if (this.#active.size === 0) return;
    try {
      this.#host.heal();
    } catch (thrown) {
      report(thrown);
    }
  }
}

/** Every failure that leaves this folder is a `TiffinError`; what the kernel says stays its cause. */
function failing<T>(action: string, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof TiffinError) throw thrown;
    throw new TiffinError("internal", "network.failed", `cannot ${action}: ${messageOf(thrown)}`, {
      cause: thrown,
    });
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
