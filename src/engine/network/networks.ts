/**
 * All networks of an engine instance: what the rest of the engine asks of them, in the order in which it has to happen.
 * Everything here is synchronous inside, so operations never interleave. What is made ahead of need lives by fds only.
 */
import {
  deleteLinkUnseen,
  findLink,
  inNetns,
  listAddresses,
  NetlinkSocket,
  openNetnsOfPid,
} from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { nowMs } from "../../lib/clock.ts";
import { messageOf, TiffinError } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import { after, every, type Timer } from "../../lib/timer.ts";
import { formatIpv4, type Prefix, parseIpv4 } from "../../linux/netlink/ipv4.ts";
import { parseIpv6 } from "../../linux/netlink/ipv6.ts";
import { ActiveEndpoints } from "./active-endpoints.ts";
import { applyNetOps } from "./apply.ts";
import { BridgeNetwork } from "./bridge-network.ts";
import { builtInIds, isBuiltIn } from "./built-in-networks.ts";
import { ContainerLinks } from "./container-links.ts";
import { decideAttachment } from "./decide-attachment.ts";
import type { Ipv6Surroundings } from "./decide-ipv6.ts";
import { decideNetwork } from "./decide-network.ts";
import { joinNamespace, moveDefaultRoute, wireProcess } from "./endpoint.ts";
import { EndpointStock, freeLink, linkAt, type PlannedEndpoint, recordOf } from "./endpoint-stock.ts";
import { failing } from "./failing.ts";
import { FirewallWatch } from "./firewall-watch.ts";
import { removeHalfJoined } from "./half-joined.ts";
import { HostFirewall } from "./host-firewall.ts";
import { formatHostAddress } from "./host-port.ts";
import { HostSide } from "./host-side.ts";
import { InnerNameServers, type ServeNames } from "./inner-name-servers.ts";
import type {
  Adopted,
  Attachment,
  AttachmentRequest,
  EndpointRecord,
  EndpointRequest,
  LinkWay,
  LiveContainer,
  Network,
  NetworkRequest,
  NetworkSettings,
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
import { NameServerPorts } from "./name-server-ports.ts";
import type { HostNames } from "./names.ts";
import { gatewayEndpoint, gatewayIndex, NetworkRegistry } from "./network-registry.ts";
import type { NetworkStore } from "./network-store.ts";
import { type NetworkSockets, observeTaken, observeTaken6 } from "./observe.ts";
import type { NetOp } from "./op.ts";
import { checkPorts } from "./port-request.ts";
import { type HeldPorts, PublishedPorts, portTarget } from "./published-ports.ts";
import { recoverEndpoints } from "./recover.ts";
import type { SubnetPools } from "./subnet-pools.ts";
import { decideUnderlay, isParent, type Underlay } from "./underlay.ts";

/** What a vxlan adds to a frame, over IPv4 and over IPv6. */
const vxlanBytes = 50;
const vxlanBytes6 = 70;
const usualMtu = 1500;

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

  readonly #names: HostNames;
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
  readonly #publishMode: PublishMode;
  readonly #netnsOf: HostNetworksParts["netnsOf"];
  readonly #report: (thrown: unknown) => void;
  readonly #fail: (step: NetworkStep) => void;
  readonly #pools: SubnetPools;
  #isRecovered = false;
  /** The host's firewall has changed. */
  #lookAfterNames: Timer | undefined;
  #confirming: Timer | undefined;

  constructor(parts: HostNetworksParts) {
    const { names, store, sockets, networks, pools, warnings, report, fail, publishMode } = parts;
    this.#names = names;
    this.#store = store;
    this.#sockets = sockets;
    this.#fail = fail;
    this.#pools = pools;
    this.warnings = warnings;
    this.#publishMode = publishMode;
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
    const bridge = this.#registry.bridgeOf(id);
    if (bridge === undefined) return [];
    return failing("look at the host's networks", () => {
      if (!bridge.isOnParent) return this.#host.opsOf(bridge.wish);
      const { attachment, network, mtu } = underlayOf(bridge.network);
      return decideUnderlay(attachment, network, "", mtu);
    });
  }

  placeNameServer(id: string, port: number | undefined): void {
    failing("lead containers to their name server", () =>
      this.#nameServers.place(id, port, this.#isRecovered),
    );
  }

  create(request: NetworkRequest): Network {
    return failing(`make network ${request.name}`, () => {
      this.#registry.refuseTaken(request.name);
      const id = newId();
      const wanted = request.attachment;
      const attachment = wanted === undefined ? undefined : this.#attachmentOf(wanted, id, request.mtu ?? 0);
      const settings = decideNetwork(this.#withMtu(request), {
        own: this.#subnets(),
        // Of our own bridges the persisted subnets count, of all others what the host says. What is on a parent is
        // where the host may well be too.
        taken:
          isParent(attachment) && (request.subnet ?? "") !== ""
            ? []
            : observeTaken(this.#sockets.route, this.#ownIndexes(request)),
        attachment,
        ...this.#ipv6Surroundings(request),
        pools: this.#pools.ipv4,
        bridge: this.#names.bridgeOf(id),
      });
      const adopted = settings.bridge === "" ? undefined : this.#adopted(settings, request.bridge ?? "");
      const made = { id, name: request.name, createdMs: nowMs() };
      const network: Network = { ...settings, ...made, ...(adopted !== undefined && { adopted }) };
      const bridge = new BridgeNetwork(network, undefined);
      try {
        this.#store.addNetwork(network);
        this.#fail("network.row");
        if (bridge.isOnParent) {
          this.#host.addUnderlay(underlayOf(network));
          this.#fail("network.bridge");
        } else this.#host.add(bridge.wish, this.#fail);
      } catch (thrown) {
        if (bridge.isOnParent) this.#host.deleteUnderlay(underlayOf(network));
        else this.#host.delete(bridge.wish, true);
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
      // What its last containers left rests on its bridge.
      this.#stock.settle(id);
      if (bridge?.isOnParent === false) this.#host.delete(bridge.wish);
      this.#fail("network.unlinked");
      this.#store.deleteNetwork(id);
      this.#registry.delete(id);
      if (bridge?.isOnParent === true) this.#host.deleteUnderlay(underlayOf(network));
      this.#fail("network.forgotten");
    });
  }

  portWarnings({ endpoints, ports }: PlaceRequest): readonly string[] {
    // A port of the kernel's choice has no name yet.
    const chosen = ports.filter(
      ({ hostPort = 0, hostPortEnd = hostPort }) => hostPort > 0 && hostPortEnd === hostPort,
    );
    if (chosen.length === 0) return [];
    const checked = this.#checkPorts(endpoints, chosen)?.ports ?? [];
    return this.#hostFirewall.warningsOf(
      checked.map(({ request: { containerPort, protocol }, hostAddress, firstPort, mode }) => ({
        containerPort,
        protocol,
        hostAddress: formatHostAddress(hostAddress),
        hostPort: firstPort,
        mode,
      })),
    );
  }

  async acquire(containerId: string, request: PlaceRequest): Promise<Place> {
    return failing("give the container its place in networks", () => {
      let netns: OwnedFd | undefined;
      try {
        const facts = this.#acquire(containerId, request, (requests) => {
          const ready = this.#stock.takeReady(requests);
          if (ready !== undefined) {
            netns = ready.plan.netns;
            if (this.#nameServers.needsInner(requests)) {
              this.#nameServers.lead(netns, { containerId, endpoints: requests });
            }
            return [ready];
          }
          // Planned anew after a repair: the kernel takes its time to forget a link's name.
          return this.#host.orHealed(() => {
            const planned = this.#stock.planAll(requests);
            try {
              netns = this.#stock.namespaceWith(planned);
              this.#nameServers.lead(netns, { containerId, endpoints: requests });
              return planned;
            } catch (thrown) {
              this.#nameServers.forget(containerId);
              netns?.[Symbol.dispose]();
              for (const { bridge, plan } of planned) this.#stock.rest(bridge, plan);
              throw thrown;
            }
          });
        });
        if (netns === undefined) throw new Error("a place without a namespace");
        return { ...facts, netns };
      } catch (thrown) {
        this.#nameServers.forget(containerId);
        netns?.[Symbol.dispose]();
        throw thrown;
      }
    });
  }

  async acquireUnwired(containerId: string, request: PlaceRequest): Promise<UnwiredPlace> {
    return failing("give the container its place in networks", () => {
      let planned: readonly PlannedEndpoint[] = [];
      const facts = this.#acquire(containerId, request, (requests) => {
        planned = this.#stock.planAll(requests);
        return planned;
      });
      const wire = (pid: number) =>
        failing(`wire process ${pid}`, () => {
          wireProcess(this.#stock.placed(planned), pid);
          using netns = openNetnsOfPid(pid);
          this.#nameServers.lead(netns, { containerId, endpoints: request.endpoints });
        });
      return { ...facts, wire };
    });
  }

  connect(containerId: string, request: EndpointRequest, now: LiveContainer, netns: OwnedFd): Reconnected {
    return failing("connect the container to the network", () => {
      const planned = this.#stock.plan(request);
      const { bridge, plan } = planned;
      const network = bridge.network.id;
      const record = recordOf(planned, freeLink(now.endpoints));
      const endpoints = [...now.endpoints, record];
      const before = this.#gatewayOf(now.endpoints);
      const after = this.#gatewayOf(endpoints);
      const givesDefaultRoute = after === record;
      const before6 = gatewayEndpoint(now.endpoints, this.#registry, "ipv6");
      const givesDefaultRoute6 = gatewayEndpoint(endpoints, this.#registry, "ipv6") === record;
      try {
        this.#fail("connect.address");
        this.#active.add(containerId, network, plan);
        this.#fail("connect.row");
        this.#host.orHealed(() => {
          const ground = this.#stock.groundOf(bridge);
          const joining = { ground, plan, link: record.link, givesDefaultRoute, givesDefaultRoute6 };
          try {
            joinNamespace(joining, netns);
          } catch (thrown) {
            // The namespace lives on, and with it what was made of the pair.
            this.#undoLink(plan.hostLink, record.link, netns);
            throw thrown;
          }
        });
        this.#fail("connect.link");
        this.#movePorts(containerId, endpoints);
        this.#nameServers.lead(netns, { containerId, endpoints, before: now.endpoints });
      } catch (thrown) {
        this.#active.forget(containerId, network);
        this.#undoLink(plan.hostLink, record.link, netns);
        bridge.give(plan);
        if (givesDefaultRoute6 && before6 !== undefined) moveIpv6Route(before6, netns);
        if (givesDefaultRoute && before !== undefined) moveRoute(before, netns);
        this.#movePorts(containerId, now.endpoints);
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
      inNetns(netns, () => deleteLinkUnseen(gone.link));
      const before6 = gatewayEndpoint(now.endpoints, this.#registry, "ipv6");
      const after6 = gatewayEndpoint(endpoints, this.#registry, "ipv6");
      if (before6 === gone && after6 !== undefined) moveIpv6Route(after6, netns);
      if (before === gone && after !== undefined) moveRoute(after, netns);
      const hasPorts = portTarget(endpoints, this.#registry) !== undefined;
      if (hasPorts) this.#movePorts(containerId, endpoints);
      else this.#published.unpublish(containerId);
      this.#nameServers.lead(netns, { containerId, endpoints, before: now.endpoints });
      this.#fail("disconnect.row");
      this.#releaseOne(containerId, network);
      return { endpoints, ports: hasPorts ? now.ports : [] };
    });
  }

  changePorts(
    containerId: string,
    { add, remove }: { readonly add: readonly PortRequest[]; readonly remove: readonly PublishedPort[] },
    now: LiveContainer,
  ): PortChange {
    return failing("change the ports of the container", () => {
      const target = portTarget(now.endpoints, this.#registry);
      const checked = this.#checkPorts(now.endpoints, add);
      if (target === undefined || checked === undefined) {
        return { ports: now.ports, warnings: [], keep: () => undefined, revert: () => undefined };
      }
      const { added, ...change } = this.#host.orHealed(() =>
        this.#published.change(containerId, target, checked.ports, remove),
      );
      return { ...change, warnings: [...checked.warnings, ...this.#hostFirewall.warningsOf(added)] };
    });
  }

  link(containerId: string, ways: readonly LinkWay[]): void {
    failing("let linked containers reach each other", () => {
      const { network } = this.#registry.defaultBridge();
      const from = this.#active.of(containerId, network.id)?.address;
      if (network.openWithin || from === undefined) return;
      if (ways.length > 0 && this.#links.isEmpty && this.#isRecovered) this.#host.permitLinks();
      this.#links.set(containerId, from, ways, this.#isRecovered);
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
    this.#stock.refillNow();
  }

  createIsolatedNetns(): OwnedFd {
    return this.#stock.isolatedNetns();
  }

  async close(): Promise<void> {
    this.#healTimer.cancel();
    this.#lookAfterNames?.cancel();
    this.#confirming?.cancel();
    this.#watch[Symbol.dispose]();
    this.#nameServers.close();
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
        const endpoints = planned.map((endpoint, index) => recordOf(endpoint, linkAt(index)));
        for (const { bridge, plan } of planned) this.#active.add(containerId, bridge.network.id, plan);
        const target = portTarget(endpoints, this.#registry);
        if (target !== undefined) {
          this.#host.orHealed(() => this.#published.publish(containerId, target, held));
        }
        return { endpoints, ports: held.ports, warnings };
      } catch (thrown) {
        this.#published.unpublish(containerId);
        for (const { bridge, plan } of planned) {
          this.#active.forget(containerId, bridge.network.id);
          this.#stock.rest(bridge, plan);
        }
        throw thrown;
      }
    } catch (thrown) {
      held[Symbol.dispose]();
      throw thrown;
    }
  }

  /** Only what has a way out is published. */
  #holdPorts({ endpoints, ports }: PlaceRequest): { held: HeldPorts; warnings: readonly string[] } {
    const checked = this.#checkPorts(endpoints, ports);
    if (checked === undefined) return { held: this.#published.hold([]), warnings: [] };
    const held = this.#published.hold(checked.ports);
    return { held, warnings: [...checked.warnings, ...this.#hostFirewall.warningsOf(held.ports)] };
  }

  #checkPorts(
    endpoints: readonly { readonly network: string; readonly gatewayPriority?: number }[],
    ports: readonly PortRequest[],
  ): ReturnType<typeof checkPorts> | undefined {
    const gateway = endpoints[gatewayIndex(endpoints, this.#registry, "ports") ?? -1];
    const network = this.#registry.byId(gateway?.network ?? "");
    if (network === undefined) return undefined;
    const { hostAddress, ipv6 } = network;
    return checkPorts(ports, hostAddress, this.#publishMode, ipv6 !== undefined);
  }

  #gatewayOf(endpoints: readonly EndpointRecord[]): EndpointRecord | undefined {
    return gatewayEndpoint(endpoints, this.#registry);
  }

  /** Published ports lead where they should among these endpoints. */
  #movePorts(containerId: string, endpoints: readonly EndpointRecord[]): void {
    const target = portTarget(endpoints, this.#registry);
    if (target !== undefined) this.#published.move(containerId, target);
  }

  #subnets(): Prefix[] {
    return [...this.#registry.bridgeNetworks()].map(({ wish }) => wish.subnet);
  }

  #attachmentOf(request: AttachmentRequest, id: string, mtu: number): Attachment {
    return decideAttachment(request, {
      mtu,
      networks: this.#registry.all(),
      ownLink: this.#names.underlayOf(id),
      linkOf: (name) => findLink(this.#sockets.route, name),
    });
  }

  /** Frames to other hosts are longer than those within. */
  #withMtu(request: NetworkRequest): NetworkRequest {
    const { attachment, mtu = 0 } = request;
    if (attachment?.kind !== "vxlan" || mtu !== 0) return request;
    const dev = attachment.dev === "" ? undefined : findLink(this.#sockets.route, attachment.dev);
    const added = attachment.peers.some((peer) => peer.includes(":")) ? vxlanBytes6 : vxlanBytes;
    return { ...request, mtu: (dev?.mtuBytes ?? usualMtu) - added };
  }

  /** Looked at only where it counts. */
  #ipv6Surroundings(request: NetworkRequest): Ipv6Surroundings {
    if (request.ipv6 === undefined) return { own6: [], taken6: [], pools6: [] };
    return {
      own6: [...this.#registry.bridgeNetworks()].flatMap(({ wish }) => wish.ipv6?.subnet ?? []),
      // See `create`: what is on a parent is where the host may be.
      taken6:
        request.attachment !== undefined &&
        request.attachment.kind !== "vxlan" &&
        (request.ipv6.subnet ?? "") !== ""
          ? []
          : observeTaken6(this.#sockets.route, this.#host.indexes()),
      pools6: this.#pools.ipv6,
    };
  }

  /** With that of a bridge that is to be adopted: its subnet may become the network's. */
  #ownIndexes({ bridge = "" }: NetworkRequest): ReadonlySet<number> {
    const found = /^[^/\s]{1,15}$/.test(bridge) ? findLink(this.#sockets.route, bridge) : undefined;
    return new Set([...this.#host.indexes(), ...(found?.kind === "bridge" ? [found.index] : [])]);
  }

  /** Undefined: there is no link of that name. Error: conflict `network.bridge-taken` for one that is no bridge, or another network's. */
  #adopted({ bridge: name, gateway }: NetworkSettings, wanted: string): Adopted | undefined {
    const { route } = this.#sockets;
    const found = findLink(route, name);
    if (found === undefined) return undefined;
    const rival = this.#registry.bridges().some(({ link }) => link === name);
    if (found.kind === "bridge" && name === wanted && !rival && !this.#names.isBridge(name)) {
      const isThere = listAddresses(route, found.index).some(
        ({ address }) => formatIpv4(address) === gateway,
      );
      return isThere ? "bridge-and-address" : "bridge";
    }
    throw new TiffinError(
      "conflict",
      "network.bridge-taken",
      `there is a link ${name} on this host already`,
      {
        remedy: "choose another com.docker.network.bridge.name, or delete the link",
      },
    );
  }

  #release(containerId: string): void {
    this.#nameServers.forget(containerId);
    this.#published.unpublish(containerId);
    for (const network of this.#active.networksOf(containerId)) this.#releaseOne(containerId, network);
  }

  #releaseOne(containerId: string, network: string): void {
    if (network === builtInIds.bridge) this.#links.forget(containerId);
    const endpoint = this.#active.forget(containerId, network);
    const bridge = this.#registry.bridgeOf(network);
    if (endpoint === undefined || bridge === undefined) return;
    if (endpoint.hostLink === "") bridge.give(endpoint);
    else this.#stock.rest(bridge, endpoint);
  }

  /** What the container would have joined with, by its end on the host where it has one. */
  #undoLink(hostLink: string, link: string, netns: OwnedFd): void {
    const cause = "the container does not join the network";
    if (hostLink === "") {
      using route = inNetns(netns, () => NetlinkSocket.open("route"));
      applyNetOps([{ in: "namespace", op: "linkDelete", link, cause, inverse: "childAdd" }], { route });
      return;
    }
    applyNetOps([{ in: "host", op: "linkDelete", link: hostLink, cause, inverse: "vethAdd" }], this.#sockets);
  }

  #recover(live: readonly LiveContainer[], keepUnknown: boolean): void {
    const strays = Map.groupBy(this.#active.strayOf(live), ({ containerId }) => containerId);
    const linksKnown = recoverEndpoints(
      {
        registry: this.#registry,
        active: this.#active,
        published: this.#published,
        release: (containerId, network) => this.#releaseOne(containerId, network),
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
      const gateway = this.#gatewayOf(endpoints);
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

function underlayOf({ attachment, name, mtu }: Network): Underlay {
  if (attachment === undefined) throw new Error(`network ${name} stands on no link`);
  return { attachment, network: name, mtu };
}

function moveRoute({ gateway }: EndpointRecord, netns: OwnedFd): void {
  const address = parseIpv4(gateway);
  if (address !== undefined) moveDefaultRoute(address, netns);
}

function moveIpv6Route({ ipv6 }: EndpointRecord, netns: OwnedFd): void {
  const gateway = parseIpv6(ipv6?.gateway ?? "");
  if (gateway !== undefined) moveDefaultRoute(gateway, netns);
}
