/** A container gets its place in networks, joins and leaves them, and gives all back. */
import { deleteLinkUnseen, inNetns, NetlinkSocket, openNetnsOfPid } from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import type { ActiveEndpoints } from "./active-endpoints.ts";
import { applyNetOps } from "./apply.ts";
import { builtInIds } from "./built-in-networks.ts";
import type { ContainerLinks } from "./container-links.ts";
import { joinNamespace, type PreparedEndpoint, wireProcess } from "./endpoint.ts";
import { type EndpointStock, freeLink, linkAt, type PlannedEndpoint, recordOf } from "./endpoint-stock.ts";
import { failing } from "./failing.ts";
import type { HostFirewall } from "./host-firewall.ts";
import { formatHostAddress } from "./host-port.ts";
import type { HostSide } from "./host-side.ts";
import { LentNamespaces } from "./lent-namespaces.ts";
import type {
  EndpointRecord,
  EndpointRequest,
  Leave,
  LiveContainer,
  NetworkStep,
  Place,
  PlaceRequest,
  PortChange,
  PortRequest,
  PublishedPort,
  PublishMode,
  Reconnected,
  UnwiredPlace,
} from "./model.ts";
import { moveIpv6Route, moveRoute } from "./move-routes.ts";
import type { NameServerPorts } from "./name-server-ports.ts";
import { gatewayEndpoint, gatewayIndex, type NetworkRegistry } from "./network-registry.ts";
import type { NetworkSockets } from "./observe.ts";
import { checkPorts } from "./port-request.ts";
import { type HeldPorts, type PublishedPorts, portTarget } from "./published-ports.ts";

export interface ContainerPlacesParts {
  readonly sockets: NetworkSockets;
  readonly registry: NetworkRegistry;
  readonly published: PublishedPorts;
  readonly active: ActiveEndpoints;
  readonly links: ContainerLinks;
  readonly nameServers: NameServerPorts;
  readonly host: HostSide;
  readonly stock: EndpointStock;
  readonly hostFirewall: HostFirewall;
  readonly publishMode: PublishMode;
  readonly fail: (step: NetworkStep) => void;
}

export class ContainerPlaces {
  readonly #sockets: NetworkSockets;
  readonly #registry: NetworkRegistry;
  readonly #published: PublishedPorts;
  readonly #active: ActiveEndpoints;
  readonly #links: ContainerLinks;
  readonly #nameServers: NameServerPorts;
  readonly #host: HostSide;
  readonly #stock: EndpointStock;
  readonly #hostFirewall: HostFirewall;
  readonly #publishMode: PublishMode;
  readonly #fail: (step: NetworkStep) => void;
  readonly #lent = new LentNamespaces();

  constructor(parts: ContainerPlacesParts) {
    this.#sockets = parts.sockets;
    this.#registry = parts.registry;
    this.#published = parts.published;
    this.#active = parts.active;
    this.#links = parts.links;
    this.#nameServers = parts.nameServers;
    this.#host = parts.host;
    this.#stock = parts.stock;
    this.#hostFirewall = parts.hostFirewall;
    this.#publishMode = parts.publishMode;
    this.#fail = parts.fail;
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

  acquire(containerId: string, request: PlaceRequest): Place {
    return failing("give the container its place in networks", () => {
      let netns: OwnedFd | undefined;
      let lendable: ReturnType<EndpointStock["takeReady"]>;
      try {
        const facts = this.#acquire(containerId, request, (requests) => {
          const ready = this.#stock.takeReady(requests);
          if (ready !== undefined) {
            netns = ready.plan.netns;
            if (this.#nameServers.needsInner(requests)) {
              this.#nameServers.lead(netns, { containerId, endpoints: requests });
            } else if (request.cannotChange === true && request.ports.length === 0) lendable = ready;
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
        if (lendable !== undefined) this.#lent.lend(containerId, lendable.bridge.network.id, lendable.plan);
        return { ...facts, netns };
      } catch (thrown) {
        this.#nameServers.forget(containerId);
        netns?.[Symbol.dispose]();
        throw thrown;
      }
    });
  }

  acquireUnwired(containerId: string, request: PlaceRequest): UnwiredPlace {
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
    return this.#connect(containerId, request, now, netns, freeLink(now.endpoints));
  }

  #connect(
    containerId: string,
    request: EndpointRequest,
    now: LiveContainer,
    netns: OwnedFd,
    link: string,
  ): Reconnected {
    this.keepOut(containerId);
    return failing("connect the container to the network", () => {
      const planned = this.#stock.plan(request);
      const { bridge, plan } = planned;
      const network = bridge.network.id;
      const record = recordOf(planned, link);
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
    this.keepOut(containerId);
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
      this.releaseOne(containerId, network);
      return { endpoints, ports: hasPorts ? now.ports : [] };
    });
  }

  leave(containerId: string, network: string, now: LiveContainer, netns: OwnedFd): Leave {
    return failing("leave the network", () => {
      const gone = now.endpoints.find((endpoint) => endpoint.network === network);
      if (gone === undefined) return { ...now, keep: () => undefined, revert: () => undefined };
      const left = { ...now, endpoints: now.endpoints.filter((endpoint) => endpoint !== gone), ports: [] };
      const isLast = portTarget(left.endpoints, this.#registry) === undefined;
      const ports = isLast ? this.changePorts(containerId, { add: [], remove: now.ports }, now) : undefined;
      const links = network === builtInIds.bridge ? this.#links.around(containerId) : undefined;
      const revert = (): void => {
        // What a step that failed has left there.
        inNetns(netns, () => deleteLinkUnseen(gone.link));
        this.releaseOne(containerId, network);
        this.#connect(containerId, asBefore(gone), left, netns, gone.link);
        ports?.revert();
        if (links !== undefined) this.#links.restore(links);
      };
      try {
        const after = this.disconnect(containerId, network, now, netns);
        return { ...after, keep: () => ports?.keep(), revert };
      } catch (thrown) {
        revert();
        throw thrown;
      }
    });
  }

  changePorts(
    containerId: string,
    { add, remove }: { readonly add: readonly PortRequest[]; readonly remove: readonly PublishedPort[] },
    now: LiveContainer,
  ): PortChange {
    this.keepOut(containerId);
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

  keepOut(containerId: string): void {
    this.#lent.keepOut(containerId);
  }

  close(): void {
    this.#lent.close();
  }

  release(containerId: string): void {
    this.#nameServers.forget(containerId);
    this.#published.unpublish(containerId);
    const back = this.#lent.takeBack(containerId);
    for (const network of this.#active.networksOf(containerId))
      this.releaseOne(containerId, network, network === back?.network ? back.piece : undefined);
  }

  /** Ports first: they are what is most likely refused, and cost nothing to give back. */
  #acquire(
    containerId: string,
    request: PlaceRequest,
    get: (requests: readonly EndpointRequest[]) => readonly PlannedEndpoint[],
  ): Omit<Place, "netns"> {
    this.release(containerId);
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

  /** `back`: its namespace serves again. */
  releaseOne(containerId: string, network: string, back?: PreparedEndpoint): void {
    if (network === builtInIds.bridge) this.#links.forget(containerId);
    const endpoint = this.#active.forget(containerId, network);
    const bridge = this.#registry.bridgeOf(network);
    if (endpoint === undefined || bridge === undefined) {
      back?.netns[Symbol.dispose]();
      return;
    }
    if (back !== undefined) this.#stock.giveBack(bridge, back);
    else if (endpoint.hostLink === "") bridge.give(endpoint);
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
}

/** With all that others may know of it. */
function asBefore({ network, address, ipv6, mac, gatewayPriority }: EndpointRecord): EndpointRequest {
  return { network, address, ...(ipv6 !== undefined && { address6: ipv6.address }), mac, gatewayPriority };
}
