/** Where the name servers of networks listen, and how containers reach them: by port 53 of the gateway, by 127.0.0.11 within. */
import { NetlinkError, nftTransaction } from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { formatIpv4 } from "../../linux/netlink/ipv4.ts";
import type { TableReference } from "../../linux/netlink/nftables/request.ts";
import { answersNames, hasNameServer } from "./built-in-networks.ts";
import { addContents, deleteContents, type PortMapping, portContents } from "./firewall.ts";
import type { InnerNameServers } from "./inner-name-servers.ts";
import type { EndpointRequest } from "./model.ts";
import { nameServerAddress } from "./name-server-address.ts";
import type { NetworkRegistry } from "./network-registry.ts";
import type { NetworkSockets } from "./observe.ts";
import {
  confirmResolver,
  moveResolver,
  type NameServerPlace,
  namePort,
  redirectResolver,
  resolver,
} from "./resolver-redirect.ts";

type InNetwork = Pick<EndpointRequest, "network">;

interface Leading {
  /** Absent: nobody's yet, the namespace is made ahead of need. */
  readonly containerId?: string;
  readonly endpoints: readonly InNetwork[];
  /** Those that it had. */
  readonly before?: readonly InNetwork[];
}

export class NameServerPorts {
  readonly #registry: NetworkRegistry;
  readonly #sockets: NetworkSockets;
  readonly #table: TableReference;
  readonly #inner: InnerNameServers;
  /** The host may drop what containers ask of it. */
  readonly #stopsNames: () => boolean;
  /** By network: the port of its server. */
  readonly #ports = new Map<string, number>();

  constructor(
    registry: NetworkRegistry,
    sockets: NetworkSockets,
    table: TableReference,
    inner: InnerNameServers,
    stopsNames: () => boolean,
  ) {
    this.#stopsNames = stopsNames;
    this.#registry = registry;
    this.#inner = inner;
    this.#sockets = sockets;
    this.#table = table;
  }

  /** `applies`: the table is of this life; before that it is built with what is placed here. */
  place(id: string, port: number | undefined, applies: boolean): void {
    const before = this.#mappingsOf(id);
    if (port === undefined) this.#ports.delete(id);
    else this.#ports.set(id, port);
    if (!applies) return;
    try {
      nftTransaction(this.#sockets.netfilter, [
        ...deleteContents(this.#table, portContents(before)),
        ...addContents(this.#table, portContents(this.#mappingsOf(id))),
      ]);
    } catch (thrown) {
      // Somebody flushed the table; it is built with what is to be in it.
      if (!(thrown instanceof NetlinkError) || thrown.code !== "ENOENT") throw thrown;
    }
  }

  mappings(): PortMapping[] {
    return [...this.#ports.keys()].flatMap((id) => this.#mappingsOf(id));
  }

  /** Leads 127.0.0.11 in the container to a name server, where a network of its has names or had them before. */
  lead(netns: OwnedFd, { containerId, endpoints, before = [] }: Leading): void {
    if (containerId !== undefined && this.needsInner(endpoints)) {
      const port = this.#inner.open(containerId, netns, resolver);
      try {
        if (port !== undefined) {
          redirectResolver(netns, { address: resolver, port });
          return;
        }
      } catch (thrown) {
        this.#inner.close(containerId);
        throw thrown;
      }
    }
    const server = this.#serverOf(endpoints);
    const isInner = containerId !== undefined && this.#inner.has(containerId);
    const known = isInner || this.needsInner(before) ? undefined : this.#serverOf(before);
    // Where it leads already nothing is written.
    if (server !== undefined && known !== undefined) moveResolver(netns, known, server);
    else if (server !== undefined || this.#hasNames(before)) redirectResolver(netns, server);
    if (containerId !== undefined) this.#inner.close(containerId);
  }

  /** What led elsewhere when the last engine ended, which may have served it within, leads to the server of its network again. */
  confirm(netns: OwnedFd, endpoints: readonly InNetwork[]): void {
    const server = this.#serverOf(endpoints);
    if (server !== undefined && this.#hasNames(endpoints)) confirmResolver(netns, server);
  }

  /** Whether a container with these endpoints is served within its namespace. */
  needsInner(endpoints: readonly InNetwork[]): boolean {
    return this.#hasNames(endpoints) && (this.#serverOf(endpoints) === undefined || this.#stopsNames());
  }

  #hasNames(endpoints: readonly InNetwork[]): boolean {
    return endpoints.some(({ network }) => answersNames(this.#registry.byId(network)));
  }

  isWithin(containerId: string): boolean {
    return this.#inner.has(containerId);
  }

  /** The container has left all networks. */
  forget(containerId: string): void {
    this.#inner.close(containerId);
  }

  close(): void {
    this.#inner.clear();
  }

  /** Undefined where none of these networks has one on the host. */
  #serverOf(endpoints: readonly InNetwork[]): NameServerPlace | undefined {
    const found = endpoints.find(({ network }) => hasNameServer(this.#registry.byId(network)));
    const bridge = this.#registry.bridgeOf(found?.network ?? "");
    return bridge === undefined ? undefined : { address: bridge.wish.gateway, port: namePort };
  }

  /** What containers send to port 53 of their gateway goes to the server's own address and port. */
  #mappingsOf(id: string): PortMapping[] {
    const port = this.#ports.get(id);
    const bridge = this.#registry.bridgeOf(id);
    if (port === undefined || bridge === undefined) return [];
    const { gateway } = bridge.wish;
    return (["tcp", "udp"] as const).map((protocol) => ({
      port: { containerPort: port, protocol, hostAddress: formatIpv4(gateway), hostPort: namePort },
      address: nameServerAddress,
    }));
  }
}
