/**
 * Who publishes which ports: the held host sockets, the firewall's map elements and the stale UDP flows move
 * together here. Elements are changed one transaction per container, never the rules.
 */
import { deleteFlows, type NetlinkSocket, nftTransaction } from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { TiffinError } from "../../lib/errors.ts";
import { protocolNumbers } from "../../linux/netlink/conntrack.ts";
import { formatIpv4, parseIpv4 } from "../../linux/netlink/ipv4.ts";
import type { TableReference } from "../../linux/netlink/nftables/request.ts";
import { addContents, deleteContents, type PortMapping, portContents } from "./firewall.ts";
import { holdHostPort } from "./host-port.ts";
import type { PublishedPort } from "./model.ts";
import type { CheckedPort } from "./port-request.ts";

interface Publication {
  readonly mappings: readonly PortMapping[];
  readonly sockets: readonly OwnedFd[];
}

/** Ports that are occupied on the host but not rewritten yet. */
export interface HeldPorts extends Disposable {
  readonly ports: readonly PublishedPort[];
  readonly sockets: readonly OwnedFd[];
}

export class PublishedPorts {
  readonly #netfilter: NetlinkSocket;
  readonly #table: TableReference;
  readonly #byContainer = new Map<string, Publication>();

  constructor(netfilter: NetlinkSocket, table: TableReference) {
    this.#netfilter = netfilter;
    this.#table = table;
  }

  /** Every mapping there is, for a rebuild of the table. */
  mappings(): PortMapping[] {
    return [...this.#byContainer.values()].flatMap(({ mappings }) => mappings);
  }

  portsOf(containerId: string): readonly PublishedPort[] {
    return this.#byContainer.get(containerId)?.mappings.map(({ port }) => port) ?? [];
  }

  /** Occupies the host's ports, all or none. Error: conflict `network.port-allocated`. */
  hold(wanted: readonly CheckedPort[]): HeldPorts {
    const ports: PublishedPort[] = [];
    const sockets: OwnedFd[] = [];
    const free = () => {
      for (const socket of sockets) socket[Symbol.dispose]();
    };
    try {
      for (const port of wanted) {
        const held = holdFirstFree(port);
        sockets.push(held.socket);
        const { containerPort, protocol } = port.request;
        ports.push({
          containerPort,
          protocol,
          hostAddress: formatIpv4(port.hostAddress),
          hostPort: held.port,
        });
      }
    } catch (thrown) {
      free();
      throw thrown;
    }
    return { ports, sockets, [Symbol.dispose]: free };
  }

  /** Makes held ports lead to the container. */
  publish(containerId: string, address: number, held: Pick<HeldPorts, "ports" | "sockets">): void {
    if (held.ports.length === 0) return;
    const mappings = held.ports.map((port) => ({ port, address }));
    nftTransaction(this.#netfilter, addContents(this.#table, portContents(mappings)));
    this.#byContainer.set(containerId, { mappings, sockets: held.sockets });
    this.#forgetFlows(mappings);
  }

  /** Makes the ports lead to another address of the container. */
  move(containerId: string, address: number): void {
    const publication = this.#byContainer.get(containerId);
    if (publication === undefined || publication.mappings.every((mapping) => mapping.address === address))
      return;
    const mappings = publication.mappings.map(({ port }) => ({ port, address }));
    nftTransaction(this.#netfilter, [
      ...deleteContents(this.#table, portContents(publication.mappings)),
      ...addContents(this.#table, portContents(mappings)),
    ]);
    this.#byContainer.set(containerId, { ...publication, mappings });
    this.#forgetFlows(mappings);
  }

  /** Takes over ports of a container that lived before this engine; the table is rebuilt afterwards. */
  adopt(containerId: string, address: number, ports: readonly PublishedPort[]): void {
    if (ports.length === 0) return;
    const sockets: OwnedFd[] = [];
    for (const { hostAddress, hostPort, protocol } of ports) {
      try {
        sockets.push(holdHostPort(protocol, parseIpv4(hostAddress) ?? 0, hostPort).socket);
      } catch {
        // Somebody listened there while no engine held it. The rewriting still takes precedence, so the container
        // stays reachable, and there is nothing to give back.
      }
    }
    this.#byContainer.set(containerId, { mappings: ports.map((port) => ({ port, address })), sockets });
  }

  /** Idempotent. */
  unpublish(containerId: string): void {
    const publication = this.#byContainer.get(containerId);
    if (publication === undefined) return;
    this.#byContainer.delete(containerId);
    try {
      nftTransaction(this.#netfilter, deleteContents(this.#table, portContents(publication.mappings)));
    } catch (thrown) {
      // Someone flushed the rules, elements included; the next look at the table rebuilds it without these.
      if (!isGone(thrown)) throw thrown;
    } finally {
      for (const socket of publication.sockets) socket[Symbol.dispose]();
    }
    this.#forgetFlows(publication.mappings);
  }

  /** Gives the sockets back; rules stay. */
  close(): void {
    for (const { sockets } of this.#byContainer.values()) {
      for (const socket of sockets) socket[Symbol.dispose]();
    }
    this.#byContainer.clear();
  }

  /**
   * A UDP flow keeps the decision of its first packet for as long as packets come, so a client that was there before
   * (or after) would never see the change.
   */
  #forgetFlows(mappings: readonly PortMapping[]): void {
    const hostPorts = new Set(
      mappings.filter(({ port }) => port.protocol === "udp").map(({ port }) => port.hostPort),
    );
    if (hostPorts.size === 0) return;
    deleteFlows(
      this.#netfilter,
      ({ original }) =>
        original.protocol === protocolNumbers.udp &&
        original.destinationPort !== undefined &&
        hostPorts.has(original.destinationPort),
    );
  }
}

function isGone(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT";
}

function holdFirstFree({
  request,
  hostAddress,
  firstPort,
  lastPort,
}: CheckedPort): ReturnType<typeof holdHostPort> {
  for (let port = firstPort; port < lastPort; port += 1) {
    try {
      return holdHostPort(request.protocol, hostAddress, port);
    } catch (thrown) {
      if (!(thrown instanceof TiffinError) || thrown.code !== "network.port-allocated") throw thrown;
    }
  }
  return holdHostPort(request.protocol, hostAddress, lastPort);
}
