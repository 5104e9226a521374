/**
 * Who publishes which ports: the held host sockets or those at which the engine listens, the firewall's map elements and the stale UDP flows move
 * together here. Elements are changed one transaction per container, never the rules.
 */
import { deleteFlows, type NetlinkSocket, nftTransaction } from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { TiffinError } from "../../lib/errors.ts";
import { protocolNumbers } from "../../linux/netlink/conntrack.ts";
import { formatIpv4, parseIpv4 } from "../../linux/netlink/ipv4.ts";
import { formatIpv6, parseIpv6 } from "../../linux/netlink/ipv6.ts";
import type { TableReference } from "../../linux/netlink/nftables/request.ts";
import { addContents, deleteContents, type PortMapping, portContents } from "./firewall.ts";
import { formatHostAddress, type HeldPort, holdHostPort, portAllocated } from "./host-port.ts";
import type { EndpointRecord, PortChange, PortProtocol, PublishedPort } from "./model.ts";
import { gatewayEndpoint, type NetworkRegistry } from "./network-registry.ts";
import { PortRelay } from "./port-relay.ts";
import type { CheckedPort } from "./port-request.ts";

/** Where the ports of a container lead. */
export interface PortTarget {
  readonly address: number;
  /** Undefined: its network has no IPv6. */
  readonly address6: bigint | undefined;
}

/** Undefined: none of the endpoints is in a network that the host reaches. */
export function portTarget(
  endpoints: readonly EndpointRecord[],
  networks: Pick<NetworkRegistry, "byId">,
): PortTarget | undefined {
  const endpoint = gatewayEndpoint(endpoints, networks, "ports");
  const address = parseIpv4(endpoint?.address ?? "");
  return address === undefined ? undefined : { address, address6: parseIpv6(endpoint?.ipv6?.address ?? "") };
}

interface Publication {
  readonly ports: readonly PublishedPort[];
  readonly target: PortTarget;
  readonly sockets: PortSockets;
}

/** Of each port, in the same order; undefined: nothing can be in the way of that one. */
type PortSockets = readonly (Disposable | undefined)[];

/** What the firewall does of it. */
function mappingsOf({ ports, target }: Pick<Publication, "ports" | "target">): PortMapping[] {
  return ports.flatMap((port) => {
    const address = port.hostAddress.includes(":") ? target.address6 : target.address;
    return port.mode === "socket" || address === undefined ? [] : [{ port, address }];
  });
}

/** What the engine does of it. */
function lead({ ports, sockets, target }: Publication): void {
  ports.forEach(({ containerPort, hostAddress }, index) => {
    const socket = sockets[index];
    if (!(socket instanceof PortRelay)) return;
    const isIpv6 = hostAddress.includes(":") && target.address6 !== undefined;
    const address = isIpv6 ? formatIpv6(target.address6) : formatIpv4(target.address);
    socket.lead({ address, port: containerPort });
  });
}

/** Ports that are occupied on the host but not rewritten yet. */
export interface HeldPorts extends Disposable {
  readonly ports: readonly PublishedPort[];
  readonly sockets: PortSockets;
}

const nothingHeld = { ports: [], sockets: [] } as const;

export class PublishedPorts {
  readonly #netfilter: NetlinkSocket;
  readonly #table: TableReference;
  readonly #report: (thrown: unknown) => void;
  readonly #byContainer = new Map<string, Publication>();

  constructor(netfilter: NetlinkSocket, table: TableReference, report: (thrown: unknown) => void) {
    this.#netfilter = netfilter;
    this.#table = table;
    this.#report = report;
  }

  /** Every mapping there is, for a rebuild of the table. */
  mappings(): PortMapping[] {
    return [...this.#byContainer.values()].flatMap(mappingsOf);
  }

  portsOf(containerId: string): readonly PublishedPort[] {
    return this.#byContainer.get(containerId)?.ports ?? [];
  }

  /**
   * Occupies the host's ports, all or none. `leaving`: of the same container, and about to be free. Error: conflict
   * `network.port-allocated`.
   */
  hold(
    wanted: readonly CheckedPort[],
    leaving: Pick<HeldPorts, "ports" | "sockets"> = nothingHeld,
  ): HeldPorts {
    const ports: PublishedPort[] = [];
    const sockets: (Disposable | undefined)[] = [];
    const free = () => {
      for (const socket of sockets) if (!leaving.sockets.includes(socket)) socket?.[Symbol.dispose]();
    };
    try {
      for (const port of wanted) {
        const { containerPort, protocol } = port.request;
        const taken = takenOver(port, leaving, sockets);
        if (taken !== undefined) {
          ports.push({ ...taken.port, containerPort });
          sockets.push(taken.socket);
          continue;
        }
        const held = this.#holdFirstFree(port, ports);
        const published: PublishedPort = {
          containerPort,
          protocol,
          hostAddress: formatHostAddress(port.hostAddress),
          hostPort: held.port,
          ...(port.mode === "socket" && { mode: port.mode }),
        };
        sockets.push(this.#serve(published, held.socket));
        ports.push(published);
      }
    } catch (thrown) {
      free();
      throw thrown;
    }
    return { ports, sockets, [Symbol.dispose]: free };
  }

  /** Makes held ports lead to the container. */
  publish(containerId: string, target: PortTarget, held: Pick<HeldPorts, "ports" | "sockets">): void {
    if (held.ports.length === 0) return;
    const publication = { ports: held.ports, target, sockets: held.sockets };
    const mappings = mappingsOf(publication);
    nftTransaction(this.#netfilter, addContents(this.#table, portContents(mappings)));
    lead(publication);
    this.#byContainer.set(containerId, publication);
    this.#forgetFlows(mappings);
  }

  /** Makes the ports lead to another address of the container. */
  move(containerId: string, target: PortTarget): void {
    const publication = this.#byContainer.get(containerId);
    if (publication === undefined || isSame(publication.target, target)) return;
    const moved = { ...publication, target };
    const mappings = mappingsOf(moved);
    nftTransaction(this.#netfilter, [
      ...deleteContents(this.#table, portContents(mappingsOf(publication))),
      ...addContents(this.#table, portContents(mappings)),
    ]);
    lead(moved);
    this.#byContainer.set(containerId, moved);
    this.#forgetFlows(mappings);
  }

  /**
   * Other ports from now on, in one transaction. The sockets of those that go are held until the change is kept, so that it
   * can be taken back whoever waits for the ports. Errors: those of `hold`, and nothing is changed.
   */
  change(
    containerId: string,
    target: PortTarget,
    wanted: readonly CheckedPort[],
    remove: readonly PublishedPort[],
  ): Omit<PortChange, "warnings"> & { readonly added: readonly PublishedPort[] } {
    const before = this.#byContainer.get(containerId) ?? { ...nothingHeld, target };
    const goes = before.ports.map((port) => remove.some((each) => isSamePort(each, port)));
    const part = (isGoing: boolean): Pick<HeldPorts, "ports" | "sockets"> => ({
      ports: before.ports.filter((_, index) => goes[index] === isGoing),
      sockets: before.sockets.filter((_, index) => goes[index] === isGoing),
    });
    const [leaving, staying] = [part(true), part(false)];
    const held = this.hold(wanted, leaving);
    const after = {
      ports: [...staying.ports, ...held.ports],
      sockets: [...staying.sockets, ...held.sockets],
      target,
    };
    try {
      this.#replace(containerId, before, after);
    } catch (thrown) {
      held[Symbol.dispose]();
      throw thrown;
    }
    return {
      ports: after.ports,
      added: held.ports,
      keep: () => {
        for (const socket of leaving.sockets) if (!held.sockets.includes(socket)) socket?.[Symbol.dispose]();
      },
      revert: () => {
        this.#replace(containerId, after, before);
        held[Symbol.dispose]();
      },
    };
  }

  #replace(containerId: string, before: Publication, after: Publication): void {
    nftTransaction(this.#netfilter, [
      ...deleteContents(this.#table, portContents(mappingsOf(before))),
      ...addContents(this.#table, portContents(mappingsOf(after))),
    ]);
    lead(after);
    if (after.ports.length === 0) this.#byContainer.delete(containerId);
    else this.#byContainer.set(containerId, after);
    this.#forgetFlows([...mappingsOf(before), ...mappingsOf(after)]);
  }

  /** Takes over ports of a container that lived before this engine; the table is rebuilt afterwards. */
  adopt(containerId: string, target: PortTarget, ports: readonly PublishedPort[]): void {
    if (ports.length === 0) return;
    const sockets: (Disposable | undefined)[] = [];
    for (const port of ports) {
      let held: Disposable | undefined;
      try {
        const address = parseIpv4(port.hostAddress) ?? parseIpv6(port.hostAddress) ?? 0;
        held = this.#serve(port, holdHostPort(port.protocol, address, port.hostPort).socket);
      } catch (thrown) {
        // Somebody listened there while no engine held it. Rewriting still takes precedence, so the container stays
        // reachable, and there is nothing to give back; a port at which the engine itself listens is lost.
        if (port.mode === "socket") this.#report(thrown);
      }
      sockets.push(held);
    }
    const publication = { ports, target, sockets };
    lead(publication);
    this.#byContainer.set(containerId, publication);
  }

  /** Idempotent. */
  unpublish(containerId: string): void {
    const publication = this.#byContainer.get(containerId);
    if (publication === undefined) return;
    this.#byContainer.delete(containerId);
    try {
      nftTransaction(this.#netfilter, deleteContents(this.#table, portContents(mappingsOf(publication))));
    } catch (thrown) {
      // Someone flushed the rules, elements included; the next look at the table rebuilds it without these.
      if (!isGone(thrown)) throw thrown;
    } finally {
      for (const socket of publication.sockets) socket?.[Symbol.dispose]();
    }
    this.#forgetFlows(mappingsOf(publication));
  }

  /** Gives the sockets back; rules stay. */
  close(): void {
    for (const { sockets } of this.#byContainer.values()) {
      for (const socket of sockets) socket?.[Symbol.dispose]();
    }
    this.#byContainer.clear();
  }

  /** What is published to all of IPv6 is rewritten but for ::1, which the engine passes on. */
  #serve(port: PublishedPort, held: OwnedFd | undefined): Disposable | undefined {
    const isPassedOn = port.mode === "socket" || (port.hostAddress === "::" && port.protocol !== "sctp");
    return held !== undefined && isPassedOn ? new PortRelay(port, held, this.#report) : held;
  }

  #holdFirstFree(
    { request, hostAddress, firstPort, lastPort, followsPort = false }: CheckedPort,
    now: readonly PublishedPort[],
  ): HeldPort {
    if (followsPort) return holdHostPort(request.protocol, hostAddress, now.at(-1)?.hostPort ?? firstPort);
    const first = firstPort === 0 && request.protocol === "sctp" ? firstOfOurs : firstPort;
    const last = firstPort === 0 && request.protocol === "sctp" ? lastOfOurs : lastPort;
    for (let port = first; ; port += 1) {
      try {
        const held = holdHostPort(request.protocol, hostAddress, port);
        if (held.socket === undefined) this.#refuseOwn(request.protocol, hostAddress, port, now);
        return held;
      } catch (thrown) {
        const isTaken = thrown instanceof TiffinError && thrown.code === "network.port-allocated";
        if (!isTaken || port >= last) throw thrown;
      }
    }
  }

  /** Where no socket says whether a port is taken, our own ports do. */
  #refuseOwn(
    protocol: PortProtocol,
    address: number | bigint,
    hostPort: number,
    now: readonly PublishedPort[],
  ): void {
    const hostAddress = formatHostAddress(address);
    const isAny = (text: string): boolean => text === "0.0.0.0" || text === "::";
    const every = [...now, ...[...this.#byContainer.values()].flatMap(({ ports }) => ports)];
    const isTaken = every.some(
      (each) =>
        each.protocol === protocol &&
        each.hostPort === hostPort &&
        each.hostAddress.includes(":") === hostAddress.includes(":") &&
        (isAny(hostAddress) || each.hostAddress === hostAddress || isAny(each.hostAddress)),
    );
    if (isTaken) throw portAllocated(`${hostAddress}:${hostPort}`);
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

/** What of `leaving` is just what is wanted, where nothing of it is taken yet. */
function takenOver(
  { request, hostAddress, firstPort, mode }: CheckedPort,
  leaving: Pick<HeldPorts, "ports" | "sockets">,
  taken: PortSockets,
): { readonly port: PublishedPort; readonly socket: Disposable | undefined } | undefined {
  if (firstPort === 0) return undefined;
  const index = leaving.ports.findIndex(
    (port, place) =>
      port.protocol === request.protocol &&
      port.hostPort === firstPort &&
      port.hostAddress === formatHostAddress(hostAddress) &&
      (port.mode ?? "nat") === mode &&
      leaving.sockets[place] !== undefined &&
      !taken.includes(leaving.sockets[place]),
  );
  const port = leaving.ports[index];
  return port === undefined ? undefined : { port, socket: leaving.sockets[index] };
}

function isSamePort(one: PublishedPort, other: PublishedPort): boolean {
  return (
    one.containerPort === other.containerPort &&
    one.protocol === other.protocol &&
    one.hostAddress === other.hostAddress &&
    one.hostPort === other.hostPort
  );
}

/** Where no socket chooses a port. */
const firstOfOurs = 49_153;
const lastOfOurs = 65_535;

function isSame(one: PortTarget, other: PortTarget): boolean {
  return one.address === other.address && one.address6 === other.address6;
}

function isGone(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT";
}
