/** Where the name servers of networks listen, and how containers reach them: by port 53 of the gateway, by 127.0.0.11 within. */
import { NetlinkError, nftTransaction } from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { formatIpv4 } from "../../linux/netlink/ipv4.ts";
import type { TableReference } from "../../linux/netlink/nftables/request.ts";
import { hasNameServer } from "./built-in-networks.ts";
import { addContents, deleteContents, type PortMapping, portContents } from "./firewall.ts";
import type { EndpointRequest } from "./model.ts";
import { nameServerAddress } from "./name-server-address.ts";
import type { NetworkRegistry } from "./network-registry.ts";
import type { NetworkSockets } from "./observe.ts";
import { namePort, redirectResolver } from "./resolver-redirect.ts";

type InNetwork = Pick<EndpointRequest, "network">;

export class NameServerPorts {
  readonly #registry: NetworkRegistry;
  readonly #sockets: NetworkSockets;
  readonly #table: TableReference;
  /** By network: the port of its server. */
  readonly #ports = new Map<string, number>();

  constructor(registry: NetworkRegistry, sockets: NetworkSockets, table: TableReference) {
    this.#registry = registry;
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

  /** Leads 127.0.0.11 in the container to a name server, where a network of its has one or had one before. */
  lead(netns: OwnedFd, endpoints: readonly InNetwork[], before: readonly InNetwork[] = []): void {
    const server = this.#serverOf(endpoints);
    if (server !== undefined || this.#serverOf(before) !== undefined) redirectResolver(netns, server);
  }

  /** Undefined where none of these networks has one. */
  #serverOf(endpoints: readonly InNetwork[]): number | undefined {
    const found = endpoints.find(({ network }) => hasNameServer(this.#registry.byId(network)));
    return found === undefined ? undefined : this.#registry.bridgeOf(found.network)?.wish.gateway;
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
