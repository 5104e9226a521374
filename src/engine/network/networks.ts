import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { messageOf } from "../../lib/errors.ts";
import { after, every, type Timer } from "../../lib/timer.ts";
import { formatIpv4 } from "../../linux/netlink/ipv4.ts";
import { ActiveEndpoints } from "./active-endpoints.ts";
import { ContainerLinks } from "./container-links.ts";
import { ContainerPlaces } from "./container-places.ts";
import { wireProcess } from "./endpoint.ts";
import { EndpointStock } from "./endpoint-stock.ts";
import { failing } from "./failing.ts";
import { FirewallWatch } from "./firewall-watch.ts";
import { removeHalfJoined } from "./half-joined.ts";
import { HostFirewall } from "./host-firewall.ts";
import { HostSide } from "./host-side.ts";
import { InnerNameServers, type ServeNames } from "./inner-name-servers.ts";
import type {
  EndpointRequest,
  Leave,
  LinkWay,
  LiveContainer,
  Network,
  NetworkRequest,
  NetworkStep,
  Networks,
  Place,
  PlaceRequest,
  PortChange,
  PortRequest,
  PublishedPort,
  PublishMode,
  Reconnected,
  RecoverOptions,
  UnwiredPlace,
} from "./model.ts";
import { moveIpv6Route, moveRoute } from "./move-routes.ts";
import { NameServerPorts } from "./name-server-ports.ts";
import type { HostNames } from "./names.ts";
import { NetworkMaking } from "./network-making.ts";
import { gatewayEndpoint, NetworkRegistry } from "./network-registry.ts";
import type { NetworkStore } from "./network-store.ts";
import type { NetworkSockets } from "./observe.ts";
import type { NetOp } from "./op.ts";
import { PublishedPorts } from "./published-ports.ts";
import { recoverEndpoints } from "./recover.ts";
import type { SubnetPools } from "./subnet-pools.ts";

/** How often the host's part is looked after while containers run; a look costs a fifth of a millisecond. */
const healEveryMs = 5000;
/** Whoever changes a firewall makes one change after the other. */
const settleMs = 50;
/** Between two containers that an engine looks after without anybody waiting for it. */
const confirmPauseMs = 10;

export interface HostNetworksParts {
  readonly names: HostNames;
  readonly store: NetworkStore;
  readonly sockets: NetworkSockets;
  readonly networks: readonly Network[];
  readonly pools: SubnetPools;
  readonly warnings: readonly string[];
  readonly report: (thrown: unknown) => void;
  readonly fail: (step: NetworkStep) => void;
  readonly publishMode: PublishMode;
  readonly serveNames: ServeNames | undefined;
  readonly netnsOf: (containerId: string) => OwnedFd | undefined;
}

export class HostNetworks implements Networks {
  readonly warnings: readonly string[];

  readonly #store: NetworkStore;
  readonly #sockets: NetworkSockets;
  readonly #registry: NetworkRegistry;
  readonly #published: PublishedPorts;
  readonly #active: ActiveEndpoints;
  readonly #links: ContainerLinks;
  readonly #nameServers: NameServerPorts;
  readonly #host: HostSide;
  readonly #stock: EndpointStock;
  readonly #healTimer: Timer;
  readonly #watch: FirewallWatch;
  readonly #hostFirewall: HostFirewall;
  readonly #making: NetworkMaking;
  readonly #places: ContainerPlaces;
  readonly #netnsOf: HostNetworksParts["netnsOf"];
  readonly #report: (thrown: unknown) => void;
  #isRecovered = false;
  /** The host's firewall has changed. */
  #lookAfterNames: Timer | undefined;
  #confirming: Timer | undefined;

  constructor(parts: HostNetworksParts) {
    const { names, store, sockets, networks, pools, warnings, report, fail, publishMode } = parts;
    this.#store = store;
    this.#sockets = sockets;
    this.warnings = warnings;
    this.#netnsOf = parts.netnsOf;
    this.#report = report;
    const registry = new NetworkRegistry(networks, (id) => store.lastAddressOf(id), report);
    const published = new PublishedPorts(sockets.netfilter, names.table, report);
    const active = new ActiveEndpoints(store, registry);
    const links = new ContainerLinks(sockets.netfilter, names.table);
    const nameServers = new NameServerPorts(
      registry,
      sockets,
      names.table,
      new InnerNameServers(parts.serveNames),
      () => this.#hostFirewall.stopsNames,
    );
    const host = new HostSide({
      names,
      store,
      sockets,
      report,
      bridges: () => registry.bridges(),
      underlays: () => registry.underlays(),
      ports: () => [...published.mappings(), ...nameServers.mappings()],
      links: () => links.contents(),
      joined: () => new Map([...active.joined(), ...this.#stock.joined()]),
    });
    this.#registry = registry;
    this.#published = published;
    this.#active = active;
    this.#links = links;
    this.#nameServers = nameServers;
    this.#host = host;
    this.#stock = new EndpointStock({ names, store, sockets, registry, host, nameServers, report });
    this.#healTimer = every(healEveryMs, () => this.#lookAfterHost(report), { background: true });
    this.#hostFirewall = new HostFirewall(sockets.netfilter);
    const stock = this.#stock;
    this.#making = new NetworkMaking({ names, store, sockets, registry, active, host, stock, pools, fail });
    this.#places = new ContainerPlaces({
      sockets,
      registry,
      published,
      active,
      links,
      nameServers,
      host,
      stock,
      hostFirewall: this.#hostFirewall,
      publishMode,
      fail,
    });
    this.#watch = new FirewallWatch({
      own: sockets.netfilter.port,
      chainsChanged: () => {
        this.#hostFirewall.changed();
        this.#lookAfterNames ??= after(settleMs, () => this.#leadWithin(), { background: true });
      },
      table: names.table,
      heal: (rebuild) => {
        if (this.#isRecovered) this.#host.heal(rebuild);
      },
      report,
    });
  }

  get hostGateway(): string {
    return formatIpv4(this.#registry.defaultBridge().wish.gateway);
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
    return this.#active.countOf(id);
  }

  opsOf(id: string): readonly NetOp[] {
    return this.#making.opsOf(id);
  }

  placeNameServer(id: string, port: number | undefined): void {
    failing("lead containers to their name server", () =>
      this.#nameServers.place(id, port, this.#isRecovered),
    );
  }

  create(request: NetworkRequest): Network {
    return this.#making.create(request);
  }

  delete(id: string): void {
    this.#making.delete(id);
  }

  portWarnings(request: PlaceRequest): readonly string[] {
    return this.#places.portWarnings(request);
  }

  async acquire(containerId: string, request: PlaceRequest): Promise<Place> {
    return this.#places.acquire(containerId, request);
  }

  async acquireUnwired(containerId: string, request: PlaceRequest): Promise<UnwiredPlace> {
    return this.#places.acquireUnwired(containerId, request);
  }

  connect(containerId: string, request: EndpointRequest, now: LiveContainer, netns: OwnedFd): Reconnected {
    return this.#places.connect(containerId, request, now, netns);
  }

  disconnect(containerId: string, network: string, now: LiveContainer, netns: OwnedFd): Reconnected {
    return this.#places.disconnect(containerId, network, now, netns);
  }

  leave(containerId: string, network: string, now: LiveContainer, netns: OwnedFd): Leave {
    return this.#places.leave(containerId, network, now, netns);
  }

  changePorts(
    containerId: string,
    change: { readonly add: readonly PortRequest[]; readonly remove: readonly PublishedPort[] },
    now: LiveContainer,
  ): PortChange {
    return this.#places.changePorts(containerId, change, now);
  }

  link(containerId: string, ways: readonly LinkWay[]): void {
    this.#places.keepOut(containerId);
    failing("let linked containers reach each other", () => {
      const { network } = this.#registry.defaultBridge();
      const from = this.#active.of(containerId, network.id)?.address;
      if (network.openWithin || from === undefined) return;
      if (ways.length > 0 && this.#links.isEmpty && this.#isRecovered) this.#host.permitLinks();
      this.#links.set(containerId, from, ways, this.#isRecovered);
    });
  }

  keepOut(containerId: string): void {
    this.#places.keepOut(containerId);
  }

  async release(containerId: string): Promise<void> {
    failing("take the container's place back", () => this.#places.release(containerId));
  }

  async recover(
    live: readonly LiveContainer[],
    { keepUnknown = false }: Partial<RecoverOptions> = {},
  ): Promise<void> {
    failing("recover the networks", () => this.#recover(live, keepUnknown));
  }

  warm(): void {
    this.#stock.refillNow();
  }

  createIsolatedNetns(): OwnedFd {
    return this.#stock.isolatedNetns();
  }

  wireIsolated(pid: number): void {
    failing(`wire process ${pid}`, () => wireProcess([], pid));
  }

  async close(): Promise<void> {
    this.#healTimer.cancel();
    this.#lookAfterNames?.cancel();
    this.#confirming?.cancel();
    this.#watch[Symbol.dispose]();
    this.#nameServers.close();
    this.#places.close();
    this.#stock.rememberCursors();
    this.#stock.close();
    this.#stock.stop();
    this.#published.close();
    this.#sockets[Symbol.dispose]();
  }

  async remove(): Promise<void> {
    this.#takeOff(() => this.#store.forgetLeases());
  }

  async withdraw(): Promise<void> {
    this.#takeOff(() => this.#stock.rememberCursors());
  }

  #takeOff(finish: () => void): void {
    this.#healTimer.cancel();
    this.#lookAfterNames?.cancel();
    this.#confirming?.cancel();
    this.#watch[Symbol.dispose]();
    this.#nameServers.close();
    this.#places.close();
    this.#stock.close();
    this.#published.close();
    failing("remove the networks", () => {
      this.#stock.settle();
      this.#host.remove();
      finish();
    });
    this.#active.clear();
    this.#sockets[Symbol.dispose]();
  }

  #recover(live: readonly LiveContainer[], keepUnknown: boolean): void {
    const strays = Map.groupBy(this.#active.strayOf(live), ({ containerId }) => containerId);
    const linksKnown = recoverEndpoints(
      {
        registry: this.#registry,
        active: this.#active,
        published: this.#published,
        release: (containerId, network) => this.#places.releaseOne(containerId, network),
      },
      live,
    );
    for (const { containerId, links = [] } of live) this.link(containerId, links);
    this.#stock.empty();
    if (linksKnown && !keepUnknown) this.#host.sweep(new Set(this.#active.joined().keys()));
    this.#isRecovered = true;
    this.#host.setUp();
    for (const container of live) {
      const before = strays.get(container.containerId);
      if (before !== undefined) this.#putRight(container, before);
    }
    this.#leadWithin();
    this.#confirmNames(live.map(({ containerId }) => containerId));
    this.#stock.refill();
  }

  /** One at a time and in no hurry: nearly all are as they should be. */
  #confirmNames(left: readonly string[]): void {
    const [containerId, ...others] = left;
    if (containerId === undefined) return;
    const confirm = (): void => {
      const endpoints = this.#active.networksOf(containerId).map((network) => ({ network }));
      try {
        using netns = this.#nameServers.isWithin(containerId) ? undefined : this.#netnsOf(containerId);
        if (netns !== undefined) this.#nameServers.confirm(netns, endpoints);
      } catch (thrown) {
        this.#report(new Error(`names of container ${containerId}: ${messageOf(thrown)}`));
      }
      this.#confirmNames(others);
    };
    this.#confirming = after(confirmPauseMs, confirm, { background: true });
  }

  /** It was joining or leaving a network when the engine ended. */
  #putRight(
    { containerId, endpoints }: LiveContainer,
    before: readonly Pick<EndpointRequest, "network">[],
  ): void {
    try {
      using netns = this.#netnsOf(containerId);
      if (netns === undefined) return;
      removeHalfJoined(netns, endpoints);
      const gateway = gatewayEndpoint(endpoints, this.#registry);
      if (gateway !== undefined) moveRoute(gateway, netns);
      const gateway6 = gatewayEndpoint(endpoints, this.#registry, "ipv6");
      if (gateway6 !== undefined) moveIpv6Route(gateway6, netns);
      this.#nameServers.lead(netns, { containerId, endpoints, before });
    } catch (thrown) {
      this.#report(new Error(`recovery of the networks of container ${containerId}: ${messageOf(thrown)}`));
    }
  }

  /** Serves those containers within that need it now. */
  #leadWithin(): void {
    this.#lookAfterNames?.cancel();
    this.#lookAfterNames = undefined;
    if (!this.#isRecovered) return;
    for (const [containerId, networks] of this.#active.all()) {
      const endpoints = networks.map((network) => ({ network }));
      if (this.#nameServers.isWithin(containerId) || !this.#nameServers.needsInner(endpoints)) continue;
      this.#leadAgain(containerId, endpoints);
    }
  }

  /** One that cannot be has no names, and nothing else is the matter with it. */
  #leadAgain(containerId: string, endpoints: readonly Pick<EndpointRequest, "network">[]): void {
    this.#places.keepOut(containerId);
    try {
      using netns = this.#netnsOf(containerId);
      if (netns !== undefined) this.#nameServers.lead(netns, { containerId, endpoints });
    } catch (thrown) {
      this.#report(new Error(`container ${containerId} has no name server: ${messageOf(thrown)}`));
    }
  }

  #lookAfterHost(report: (thrown: unknown) => void): void {
    if (this.#active.isEmpty) return;
    try {
      this.#host.heal();
    } catch (thrown) {
      report(thrown);
    }
  }
}
