/**
 * All networks of an engine instance. Invariants: every lease row belongs to a container that was given an endpoint and
 * did not give it back; an address is in its network's pool, leased, or resting until its old link is gone; what is made
 * ahead of need lives by fds only. Everything here is synchronous inside, so operations never interleave.
 */
import {
  findLink,
  inNetns,
  NetlinkError,
  NetlinkSocket,
  nftTransaction,
  openNetnsOfPid,
} from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { nowMs } from "../../lib/clock.ts";
import { messageOf, TiffinError } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import { every, type Timer } from "../../lib/timer.ts";
import { formatIpv4, formatMac, parseIpv4, parseMac } from "../../linux/netlink/ipv4.ts";
import { applyNetOps } from "./apply.ts";
import { BridgeNetwork, invalidAddress } from "./bridge-network.ts";
import { builtInIds, isBuiltIn } from "./built-in-networks.ts";
import { type BridgeWish, macOf } from "./decide.ts";
import { decideNetwork } from "./decide-network.ts";
import {
  type EndpointGround,
  type EndpointPlan,
  firstLink,
  joinNamespace,
  moveDefaultRoute,
  type PlacedEndpoint,
  type PreparedEndpoint,
  prepareEndpoint,
  prepareNamespace,
  wireProcess,
} from "./endpoint.ts";
import { addContents, deleteContents, type PortMapping, portContents } from "./firewall.ts";
import { HostSide } from "./host-side.ts";
import type {
  EndpointRecord,
  EndpointRequest,
  LiveContainer,
  Network,
  NetworkRequest,
  NetworkStep,
  Networks,
  Place,
  PlaceRequest,
  PublishedPort,
  Reconnected,
  RecoverOptions,
  UnwiredPlace,
} from "./model.ts";
import type { HostNames } from "./names.ts";
import { gatewayIndex, NetworkRegistry } from "./network-registry.ts";
import type { NetworkStore } from "./network-store.ts";
import { type NetworkSockets, observeTaken } from "./observe.ts";
import { checkPorts } from "./port-request.ts";
import { type HeldPorts, PublishedPorts } from "./published-ports.ts";
import { poolLimits, ReadyEndpoints } from "./ready-endpoints.ts";
import { ReadyPool } from "./ready-pool.ts";
import { ReleasedLinks } from "./released-links.ts";
import { namePort, redirectResolver } from "./resolver-redirect.ts";

const isolatedLimits = { ...poolLimits, minimum: 1, maximum: 4 } as const;
/** How often the host's part is looked after while containers run; a look costs a fifth of a millisecond. */
const healEveryMs = 5000;

interface ActiveEndpoint {
  /** Empty: not known. */
  readonly hostLink: string;
  readonly address: number;
}

/** An endpoint on its way: where it goes, and what was asked. */
interface PlannedEndpoint {
  readonly bridge: BridgeNetwork;
  readonly plan: EndpointPlan;
  readonly gatewayPriority: number;
}

export interface HostNetworksParts {
  readonly names: HostNames;
  readonly store: NetworkStore;
  readonly sockets: NetworkSockets;
  readonly networks: readonly Network[];
  readonly warnings: readonly string[];
  readonly report: (thrown: unknown) => void;
  readonly fail: (step: NetworkStep) => void;
}

export class HostNetworks implements Networks {
  readonly warnings: readonly string[];

  readonly #names: HostNames;
  readonly #store: NetworkStore;
  readonly #sockets: NetworkSockets;
  readonly #registry: NetworkRegistry;
  readonly #published: PublishedPorts;
  readonly #released: ReleasedLinks;
  readonly #prepared: ReadyEndpoints;
  readonly #isolated: ReadyPool<OwnedFd>;
  /** By container, then by network. */
  readonly #active = new Map<string, Map<string, ActiveEndpoint>>();
  readonly #host: HostSide;
  #isRecovered = false;
  /** By network: the port at its gateway. */
  readonly #nameServers = new Map<string, number>();
  readonly #healTimer: Timer;
  readonly #fail: (step: NetworkStep) => void;

  constructor({ names, store, sockets, networks, warnings, report, fail }: HostNetworksParts) {
    this.#names = names;
    this.#store = store;
    this.#sockets = sockets;
    this.#fail = fail;
    this.warnings = warnings;
    this.#registry = new NetworkRegistry(networks, (id) => store.lastAddressOf(id), report);
    this.#published = new PublishedPorts(sockets.netfilter, names.table);
    this.#released = new ReleasedLinks(sockets.route, report);
    this.#prepared = new ReadyEndpoints({
      always: builtInIds.bridge,
      make: (network) => this.#makeAhead(this.#bridgeFor({ network })),
      discard: (network, piece) => {
        piece.netns[Symbol.dispose]();
        this.#rest(this.#bridgeFor({ network }), piece);
      },
    });
    this.#isolated = new ReadyPool({
      ...isolatedLimits,
      make: () => prepareNamespace(),
      discard: (netns) => netns[Symbol.dispose](),
    });
    // Rows of an earlier life keep their addresses until `recover` says who lives.
    for (const { containerId, network, address, hostLink } of store.leases()) {
      const number = parseIpv4(address);
      const taken =
        number !== undefined && this.#registry.bridgeOf(network)?.addresses.takeExactly(number) === true;
      if (taken) this.#note(containerId, network, { hostLink, address: number });
      else store.deleteLease({ containerId, network });
    }
    this.#host = new HostSide({
      names,
      store,
      sockets,
      report,
      bridges: () => this.#registry.bridges(),
      ports: () => [...this.#published.mappings(), ...this.#nameServerMappings()],
      joined: () => this.#joined(),
    });
    this.#healTimer = every(healEveryMs, () => this.#lookAfterHost(report), { background: true });
  }

  get hostGateway(): string {
    return formatIpv4(this.#defaultBridge().wish.gateway);
  }

  find(reference: string): Network | undefined {
    return this.#registry.find(reference);
  }

  all(): readonly Network[] {
    return this.#registry.all();
  }

  byId(id: string): Network | undefined {
    return this.#registry.byId(id);
  }

  resolve(reference: string): Network {
    return this.#registry.resolve(reference);
  }

  countOf(id: string): number {
    let count = 0;
    for (const endpoints of this.#active.values()) if (endpoints.has(id)) count += 1;
    return count;
  }

  placeNameServer(id: string, port: number | undefined): void {
    failing("lead containers to their name server", () => {
      const before = this.#mappingsOf(id);
      if (port === undefined) this.#nameServers.delete(id);
      else this.#nameServers.set(id, port);
      // Until then the table is that of an earlier life, and is built with the servers of this one.
      if (!this.#isRecovered) return;
      const { table } = this.#names;
      try {
        nftTransaction(this.#sockets.netfilter, [
          ...deleteContents(table, portContents(before)),
          ...addContents(table, portContents(this.#mappingsOf(id))),
        ]);
      } catch (thrown) {
        // Somebody flushed the table; it is built with what is to be in it.
        if (!(thrown instanceof NetlinkError) || thrown.code !== "ENOENT") throw thrown;
      }
    });
  }

  #nameServerMappings(): PortMapping[] {
    return [...this.#nameServers.keys()].flatMap((id) => this.#mappingsOf(id));
  }

  /** What containers send to port 53 of their gateway goes to the server's port there. */
  #mappingsOf(id: string): PortMapping[] {
    const port = this.#nameServers.get(id);
    const bridge = this.#registry.bridgeOf(id);
    if (port === undefined || bridge === undefined) return [];
    const { gateway } = bridge.wish;
    return (["tcp", "udp"] as const).map((protocol) => ({
      port: { containerPort: port, protocol, hostAddress: formatIpv4(gateway), hostPort: namePort },
      address: gateway,
    }));
  }

  /** The name server of those networks; undefined where none has one. */
  #nameServerFor(networks: readonly string[]): number | undefined {
    const id = networks.find((network) => !isBuiltIn(network));
    return id === undefined ? undefined : this.#registry.bridgeOf(id)?.wish.gateway;
  }

  create(request: NetworkRequest): Network {
    return failing(`make network ${request.name}`, () => {
      this.#registry.refuseTaken(request.name);
      const id = newId();
      const settings = decideNetwork(request, {
        own: this.#registry.bridges().map(({ subnet }) => subnet),
        // Of our own bridges the persisted subnets count, of all others what the host says.
        taken: observeTaken(this.#sockets.route, this.#host.indexes()),
        bridge: this.#names.bridgeOf(id),
      });
      this.#refuseTakenLink(settings.bridge);
      const network: Network = { ...settings, id, name: request.name, createdMs: nowMs() };
      const bridge = new BridgeNetwork(network, undefined);
      try {
        this.#store.addNetwork(network);
        this.#fail("network.row");
        this.#host.add(bridge.wish, this.#fail);
      } catch (thrown) {
        this.#host.delete(bridge.wish, true);
        this.#store.deleteNetwork(id);
        throw thrown;
      }
      this.#registry.add(network, bridge);
      return network;
    });
  }

  delete(id: string): void {
    const network = this.#registry.byId(id);
    if (network === undefined) return;
    if (isBuiltIn(id)) {
      throw new TiffinError(
        "forbidden",
        "network.built-in",
        `${network.name} is a pre-defined network and cannot be removed`,
      );
    }
    if (this.countOf(id) > 0) {
      throw new TiffinError(
        "forbidden",
        "network.in-use",
        `error while removing network: network ${network.name} has active endpoints`,
      );
    }
    failing(`remove network ${network.name}`, () => {
      const bridge = this.#registry.bridgeOf(id);
      this.#prepared.drop(id);
      // What its last containers left rests on its bridge.
      this.#released.flush();
      if (bridge !== undefined) this.#host.delete(bridge.wish);
      this.#fail("network.unlinked");
      this.#store.deleteNetwork(id);
      this.#registry.delete(id);
      this.#fail("network.forgotten");
    });
  }

  async acquire(containerId: string, request: PlaceRequest): Promise<Place> {
    return failing("give the container its place in networks", () => {
      let netns: OwnedFd | undefined;
      try {
        const facts = this.#acquire(containerId, request, (requests) => {
          const ready = this.#takeReady(requests);
          if (ready !== undefined) {
            netns = ready.plan.netns;
            return [ready];
          }
          // Planned anew after a repair: the kernel takes its time to forget a link's name.
          return this.#orHealed(() => {
            const planned = this.#planAll(requests);
            try {
              netns = this.#namespaceWith(this.#placed(planned));
              this.#lead(netns, requests);
              return planned;
            } catch (thrown) {
              for (const { bridge, plan } of planned) this.#rest(bridge, plan);
              throw thrown;
            }
          });
        });
        if (netns === undefined) throw new Error("a place without a namespace");
        return { ...facts, netns };
      } catch (thrown) {
        netns?.[Symbol.dispose]();
        throw thrown;
      }
    });
  }

  async acquireUnwired(containerId: string, request: PlaceRequest): Promise<UnwiredPlace> {
    return failing("give the container its place in networks", () => {
      let planned: readonly PlannedEndpoint[] = [];
      const facts = this.#acquire(containerId, request, (requests) => {
        planned = this.#planAll(requests);
        return planned;
      });
      const wire = (pid: number) =>
        failing(`wire process ${pid}`, () => {
          wireProcess(this.#placed(planned), pid);
          using netns = openNetnsOfPid(pid);
          this.#lead(netns, request.endpoints);
        });
      return { ...facts, wire };
    });
  }

  connect(containerId: string, request: EndpointRequest, now: LiveContainer, netns: OwnedFd): Reconnected {
    return failing("connect the container to the network", () => {
      const bridge = this.#bridgeFor(request);
      const plan = this.#planIn(bridge, request);
      const network = bridge.network.id;
      const record = this.#recordOf(
        { bridge, plan, gatewayPriority: request.gatewayPriority ?? 0 },
        freeLink(now.endpoints),
      );
      const endpoints = [...now.endpoints, record];
      const before = this.#gatewayOf(now.endpoints);
      const after = this.#gatewayOf(endpoints);
      const givesDefaultRoute = after === record;
      try {
        this.#fail("connect.address");
        this.#store.addLease({ containerId, network, address: record.address, hostLink: plan.hostLink });
        this.#note(containerId, network, { hostLink: plan.hostLink, address: plan.address });
        this.#fail("connect.row");
        this.#orHealed(() => {
          const ground = this.#groundOf(bridge);
          const joining = { ground, plan, link: record.link, givesDefaultRoute };
          try {
            joinNamespace(joining, netns);
          } catch (thrown) {
            // The namespace lives on, and with it what was made of the pair.
            this.#deleteLink(plan.hostLink);
            throw thrown;
          }
        });
        this.#fail("connect.link");
        if (givesDefaultRoute) this.#published.move(containerId, plan.address);
        this.#lead(netns, endpoints);
      } catch (thrown) {
        this.#forget(containerId, network);
        this.#deleteLink(plan.hostLink);
        bridge.addresses.give(plan.address);
        if (givesDefaultRoute && before !== undefined) this.#movePlace(containerId, before, netns);
        throw thrown;
      }
      return { endpoints, ports: now.ports };
    });
  }

  disconnect(containerId: string, network: string, now: LiveContainer, netns: OwnedFd): Reconnected {
    return failing("disconnect the container from the network", () => {
      const gone = now.endpoints.find((endpoint) => endpoint.network === network);
      if (gone === undefined) return now;
      const endpoints = now.endpoints.filter((endpoint) => endpoint !== gone);
      const before = this.#gatewayOf(now.endpoints);
      const after = this.#gatewayOf(endpoints);
      this.#fail("disconnect.link");
      using inside = inNetns(netns, () => NetlinkSocket.open("route"));
      const cause = "the container leaves the network";
      applyNetOps([{ in: "namespace", op: "linkDelete", link: gone.link, cause, inverse: "vethAdd" }], {
        route: inside,
      });
      if (before === gone && after !== undefined) this.#movePlace(containerId, after, netns);
      if (before === gone && after === undefined) this.#published.unpublish(containerId);
      this.#lead(netns, endpoints, now.endpoints);
      this.#fail("disconnect.row");
      this.#releaseOne(containerId, network);
      return { endpoints, ports: after === undefined ? [] : now.ports };
    });
  }

  async release(containerId: string): Promise<void> {
    failing("take the container's place back", () => this.#release(containerId));
  }

  async recover(
    live: readonly LiveContainer[],
    { keepUnknown = false }: Partial<RecoverOptions> = {},
  ): Promise<void> {
    failing("recover the networks", () => this.#recover(live, keepUnknown));
  }

  warm(): void {
    this.#prepared.refillNow();
    this.#isolated.refillNow();
  }

  createIsolatedNetns(): OwnedFd {
    return this.#isolated.take() ?? failing("make a network namespace", () => prepareNamespace());
  }

  async close(): Promise<void> {
    this.#healTimer.cancel();
    this.#rememberCursors();
    this.#prepared.close();
    this.#isolated.close();
    this.#released.close();
    this.#published.close();
    this.#sockets[Symbol.dispose]();
  }

  async remove(): Promise<void> {
    this.#takeOff(() => this.#store.forgetLeases());
  }

  async withdraw(): Promise<void> {
    this.#takeOff(() => this.#rememberCursors());
  }

  #takeOff(finish: () => void): void {
    this.#healTimer.cancel();
    this.#prepared.close();
    this.#isolated.close();
    this.#published.close();
    failing("remove the networks", () => {
      this.#released.flush();
      this.#host.remove();
      finish();
    });
    this.#active.clear();
    this.#sockets[Symbol.dispose]();
  }

  /** Ports first: they are what is most likely refused, and cost nothing to give back. */
  #acquire(
    containerId: string,
    request: PlaceRequest,
    get: (requests: readonly EndpointRequest[]) => readonly PlannedEndpoint[],
  ): Omit<Place, "netns"> {
    this.#release(containerId);
    const { held, warnings } = this.#holdPorts(request);
    try {
      const planned = get(request.endpoints);
      try {
        const endpoints = planned.map((endpoint, index) => this.#recordOf(endpoint, linkAt(index)));
        for (const { bridge, plan } of planned) {
          const { hostLink, address } = plan;
          const network = bridge.network.id;
          this.#store.addLease({ containerId, network, address: formatIpv4(address), hostLink });
          this.#note(containerId, network, { hostLink, address });
        }
        const gateway = parseIpv4(this.#gatewayOf(endpoints)?.address ?? "");
        if (gateway !== undefined) {
          this.#orHealed(() => this.#published.publish(containerId, gateway, held));
        }
        return { endpoints, ports: held.ports, warnings };
      } catch (thrown) {
        this.#published.unpublish(containerId);
        for (const { bridge, plan } of planned) {
          this.#forget(containerId, bridge.network.id);
          this.#rest(bridge, plan);
        }
        throw thrown;
      }
    } catch (thrown) {
      held[Symbol.dispose]();
      throw thrown;
    }
  }

  /** Leads 127.0.0.11 in the container to a name server, where a network of its has one or had one before. */
  #lead(
    netns: OwnedFd,
    endpoints: readonly Pick<EndpointRequest, "network">[],
    before: readonly Pick<EndpointRequest, "network">[] = [],
  ): void {
    const serverOf = (list: typeof endpoints): number | undefined =>
      this.#nameServerFor(list.map(({ network }) => network));
    const server = serverOf(endpoints);
    if (server !== undefined || serverOf(before) !== undefined) redirectResolver(netns, server);
  }

  /** Only what has a way out is published. */
  #holdPorts({ endpoints, ports }: PlaceRequest): { held: HeldPorts; warnings: readonly string[] } {
    const gateway = endpoints[gatewayIndex(endpoints, (id) => this.#registry.byId(id)) ?? -1];
    if (gateway === undefined) return { held: this.#published.hold([]), warnings: [] };
    const checked = checkPorts(ports, this.#registry.byId(gateway.network)?.hostAddress);
    return { held: this.#published.hold(checked.ports), warnings: checked.warnings };
  }

  #gatewayOf(endpoints: readonly EndpointRecord[]): EndpointRecord | undefined {
    return endpoints[gatewayIndex(endpoints, (id) => this.#registry.byId(id)) ?? -1];
  }

  /** Default route and published ports go by another endpoint. */
  #movePlace(containerId: string, endpoint: EndpointRecord, netns: OwnedFd): void {
    const gateway = parseIpv4(endpoint.gateway);
    const address = parseIpv4(endpoint.address);
    if (gateway !== undefined) moveDefaultRoute(gateway, netns);
    if (address !== undefined) this.#published.move(containerId, address);
  }

  /** When the work fails because somebody took a bridge or the table away, it is done again after the repair. */
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

  /** An endpoint made ahead of need, where one will do. */
  #takeReady(
    requests: readonly EndpointRequest[],
  ): (PlannedEndpoint & { readonly plan: PreparedEndpoint }) | undefined {
    const [only] = requests;
    if (requests.length !== 1 || only === undefined || only.mac !== undefined) return undefined;
    const bridge = this.#bridgeFor(only);
    const address = wantedAddress(only);
    const plan = this.#prepared.take(
      only.network,
      (piece) => address === undefined || piece.address === address,
    );
    return plan === undefined ? undefined : { bridge, plan, gatewayPriority: only.gatewayPriority ?? 0 };
  }

  #namespaceWith(endpoints: readonly PlacedEndpoint[]): OwnedFd {
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

  #placed(planned: readonly PlannedEndpoint[]): PlacedEndpoint[] {
    const wanted = planned.map(({ bridge, gatewayPriority }) => ({
      network: bridge.network.id,
      gatewayPriority,
    }));
    const gateway = gatewayIndex(wanted, (id) => this.#registry.byId(id));
    return planned.map(({ bridge, plan }, index) => ({
      ground: this.#groundOf(bridge),
      plan,
      link: linkAt(index),
      givesDefaultRoute: index === gateway,
    }));
  }

  #groundOf({ wish }: BridgeNetwork): EndpointGround {
    const { link, subnet, gateway, internal, mtu, openWithin } = wish;
    return {
      route: this.#sockets.route,
      bridge: link,
      bridgeIndex: this.#host.indexOf(link),
      subnet,
      gateway,
      internal,
      mtu,
      isolated: !openWithin,
    };
  }

  #planAll(requests: readonly EndpointRequest[]): PlannedEndpoint[] {
    const planned: PlannedEndpoint[] = [];
    try {
      for (const request of requests) {
        const bridge = this.#bridgeFor(request);
        const plan = this.#planIn(bridge, request);
        planned.push({ bridge, plan, gatewayPriority: request.gatewayPriority ?? 0 });
      }
      return planned;
    } catch (thrown) {
      for (const { bridge, plan } of planned) bridge.addresses.give(plan.address);
      throw thrown;
    }
  }

  #bridgeFor({ network }: EndpointRequest): BridgeNetwork {
    const bridge = this.#registry.bridgeOf(network);
    if (bridge !== undefined) return bridge;
    throw new TiffinError("notFound", "network.not-found", `network ${network} not found`, { exitCode: 125 });
  }

  /** Address, MAC and name for an endpoint; the address is in use from here on. */
  #planIn(bridge: BridgeNetwork, request: EndpointRequest): EndpointPlan {
    const wantedMac = request.mac === undefined ? undefined : parseMac(request.mac);
    if (request.mac !== undefined && wantedMac === undefined) {
      throw invalidAddress(`${JSON.stringify(request.mac)} is no MAC address`);
    }
    const address = this.#takeAddress(bridge, wantedAddress(request));
    return { address, mac: wantedMac ?? macOf(address), hostLink: this.#names.newEndpointLink() };
  }

  #takeAddress(bridge: BridgeNetwork, wanted: number | undefined): number {
    const found = bridge.tryTake(wanted);
    if (found !== undefined) return found;
    // The last resort: what was released a moment ago, and what was made ahead of need.
    this.#prepared.clear(bridge.network.id);
    this.#released.flush();
    const late = bridge.tryTake(wanted);
    if (late !== undefined) return late;
    if (wanted === undefined) {
      throw new TiffinError(
        "unavailable",
        "network.addresses-exhausted",
        `no available IPv4 addresses on network ${bridge.network.name}: all ${bridge.addresses.capacity} of ` +
          `${bridge.network.ipRange || bridge.network.subnet} are in use`,
        { remedy: "remove containers, or use a network with a larger subnet", exitCode: 125 },
      );
    }
    throw new TiffinError(
      "conflict",
      "network.address-in-use",
      `address ${formatIpv4(wanted)} is already in use`,
      {
        exitCode: 125,
      },
    );
  }

  #recordOf({ bridge, plan, gatewayPriority }: PlannedEndpoint, link: string): EndpointRecord {
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
    };
  }

  #refuseTakenLink(name: string): void {
    if (findLink(this.#sockets.route, name) === undefined) return;
    throw new TiffinError(
      "conflict",
      "network.bridge-taken",
      `there is a link ${name} on this host already`,
      {
        remedy: "choose another com.docker.network.bridge.name, or delete the link",
      },
    );
  }

  #note(containerId: string, network: string, endpoint: ActiveEndpoint): void {
    const endpoints = this.#active.get(containerId) ?? new Map<string, ActiveEndpoint>();
    endpoints.set(network, endpoint);
    this.#active.set(containerId, endpoints);
  }

  #forget(containerId: string, network: string): ActiveEndpoint | undefined {
    const endpoints = this.#active.get(containerId);
    const endpoint = endpoints?.get(network);
    endpoints?.delete(network);
    if (endpoints?.size === 0) this.#active.delete(containerId);
    this.#store.deleteLease({ containerId, network });
    return endpoint;
  }

  #release(containerId: string): void {
    this.#published.unpublish(containerId);
    for (const network of [...(this.#active.get(containerId)?.keys() ?? [])]) {
      this.#releaseOne(containerId, network);
    }
  }

  #releaseOne(containerId: string, network: string): void {
    const endpoint = this.#forget(containerId, network);
    const bridge = this.#registry.bridgeOf(network);
    if (endpoint === undefined || bridge === undefined) return;
    if (endpoint.hostLink === "") bridge.addresses.give(endpoint.address);
    else this.#rest(bridge, endpoint);
  }

  #deleteLink(link: string): void {
    const cause = "the container does not join the network";
    applyNetOps([{ in: "host", op: "linkDelete", link, cause, inverse: "vethAdd" }], this.#sockets);
  }

  /** The address is free again once the link is gone. */
  #rest(bridge: BridgeNetwork, { hostLink, address }: ActiveEndpoint): void {
    this.#released.add(hostLink, () => bridge.addresses.give(address));
  }

  #defaultBridge(): BridgeNetwork {
    return this.#registry.defaultBridge();
  }

  #makeAhead(bridge: BridgeNetwork): PreparedEndpoint {
    this.#rememberCursor(bridge);
    const address = bridge.addresses.take();
    if (address === undefined) throw new Error("no address to make an endpoint ahead of need");
    const plan = { address, mac: macOf(address), hostLink: this.#names.newEndpointLink() };
    try {
      const made = prepareEndpoint(this.#groundOf(bridge), plan);
      try {
        this.#lead(made.netns, [{ network: bridge.network.id }]);
        return made;
      } catch (thrown) {
        made.netns[Symbol.dispose]();
        throw thrown;
      }
    } catch (thrown) {
      bridge.addresses.give(address);
      throw thrown;
    }
  }

  #rememberCursors(): void {
    for (const bridge of this.#registry.bridgeNetworks()) this.#rememberCursor(bridge);
  }

  #rememberCursor({ network, addresses }: BridgeNetwork): void {
    this.#store.rememberLastAddress(network.id, formatIpv4(addresses.last));
  }

  /** Which bridge each known link of a container is a port of. */
  #joined(): Map<string, BridgeWish> {
    const joined = new Map<string, BridgeWish>();
    for (const endpoints of this.#active.values()) {
      for (const [network, { hostLink }] of endpoints) {
        const bridge = this.#registry.bridgeOf(network);
        if (bridge !== undefined && hostLink !== "") joined.set(hostLink, bridge.wish);
      }
    }
    return joined;
  }

  #recover(live: readonly LiveContainer[], keepUnknown: boolean): void {
    const living = new Map(live.map((container) => [container.containerId, container]));
    for (const [containerId, endpoints] of [...this.#active]) {
      const held = new Set(living.get(containerId)?.endpoints.map(({ network }) => network));
      // Nobody wrote down that the container is in that network: it was being connected or disconnected.
      for (const network of [...endpoints.keys()]) {
        if (!held.has(network)) this.#releaseOne(containerId, network);
      }
    }
    let linksKnown = !keepUnknown;
    for (const container of live) linksKnown = this.#recoverContainer(container) && linksKnown;
    this.#prepared.clear();
    this.#released.flush();
    if (linksKnown) this.#host.sweep(new Set(this.#joined().keys()));
    this.#isRecovered = true;
    this.#host.setUp();
    this.#prepared.refill();
  }

  /** False: which links are the container's own cannot be told. */
  #recoverContainer({ containerId, endpoints, ports }: LiveContainer): boolean {
    let known = true;
    for (const { network, address } of endpoints) {
      const number = parseIpv4(address);
      if (number === undefined) continue;
      const bridge = this.#registry.bridgeOf(network);
      if (bridge === undefined || !bridge.addresses.contains(number)) {
        // Of a network or a subnet that is remembered no more: its link is among those that look like nobody's.
        known = false;
        continue;
      }
      if (this.#active.get(containerId)?.get(network)?.address === number) continue;
      // Its row is lost.
      known = false;
      bridge.addresses.takeExactly(number);
      this.#note(containerId, network, { hostLink: "", address: number });
    }
    this.#adoptPorts(containerId, endpoints, ports);
    return known;
  }

  #adoptPorts(
    containerId: string,
    endpoints: readonly EndpointRecord[],
    ports: readonly PublishedPort[],
  ): void {
    const gateway = parseIpv4((this.#gatewayOf(endpoints) ?? endpoints[0])?.address ?? "");
    this.#published.unpublish(containerId);
    if (gateway !== undefined) this.#published.adopt(containerId, gateway, ports);
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

function linkAt(index: number): string {
  return `${firstLink.slice(0, -1)}${index}`;
}

/** The first name that none of the endpoints has. */
function freeLink(endpoints: readonly EndpointRecord[]): string {
  const taken = new Set(endpoints.map(({ link }) => link));
  for (let index = 0; ; index += 1) if (!taken.has(linkAt(index))) return linkAt(index);
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
