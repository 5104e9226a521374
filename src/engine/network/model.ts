/**
 * The words of networks: what the rest of the engine asks for and what it gets. No behaviour.
 *
 * What belongs to the host (firewall table, published ports, forwarding) is there once, behind `Networks`; a network and
 * an endpoint are values, of which there are many. Addresses are text, dotted IPv4 where no more is said; host-visible names are kernel link names.
 */
import type { Database } from "bun:sqlite";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import type { Writes } from "../store/mod.ts";
import type { ServeNames } from "./inner-name-servers.ts";

export type PortProtocol = "tcp" | "udp" | "sctp";

/**
 * How a port is published. `nat`: the firewall rewrites packets on their way, past what filters the host's own ports.
 * `socket`: the engine listens, so the host's firewall has its say; such a port ends with the engine.
 */
export type PublishMode = "nat" | "socket";

/** One `-p`. `hostAddress` absent or empty: the network's choice, usually every IPv4 address of the host. */
export interface PortRequest {
  readonly containerPort: number;
  readonly protocol: PortProtocol;
  readonly hostAddress?: string;
  /** Absent or 0: the kernel picks a free port from its ephemeral range. */
  readonly hostPort?: number;
  /** With `hostPort`: the first free port from `hostPort` to this one. */
  readonly hostPortEnd?: number;
  /** Absent: the engine's choice. */
  readonly mode?: PublishMode;
}

/** A port that is reachable on the host now. */
export interface PublishedPort {
  readonly containerPort: number;
  readonly protocol: PortProtocol;
  readonly hostAddress: string;
  readonly hostPort: number;
  /** Absent: `nat`. */
  readonly mode?: PublishMode | undefined;
}

/**
 * In the order of the alphabet, as they are told. `none` and `host` are networks by name, so that clients can list them; nothing is
 * made for them.
 */
export const networkDrivers = ["bridge", "host", "ipvlan", "macvlan", "null", "vlan", "vxlan"] as const;
export type NetworkDriver = (typeof networkDrivers)[number];

export type MacvlanMode = "private" | "vepa" | "bridge" | "passthru";
export type IpvlanMode = "l2" | "l3" | "l3s";

/** A link that is there because the network is. */
export type MadeUnderlay =
  | { readonly kind: "vlan"; readonly on: string; readonly id: number }
  /** For a network that goes nowhere. */
  | { readonly kind: "dummy" }
  | {
      readonly kind: "vxlan";
      readonly id: number;
      readonly port: number;
      /** Empty: the kernel's choice. */
      readonly local: string;
      readonly dev: string;
      readonly peers: readonly string[];
    };

/** What a network stands on, where it is not only a bridge. `link`: the parent of containers' links, or the port to other hosts. */
export type Attachment = { readonly link: string; readonly made?: MadeUnderlay | undefined } & (
  | { readonly kind: "macvlan"; readonly mode: MacvlanMode }
  | { readonly kind: "ipvlan"; readonly mode: IpvlanMode }
  | { readonly kind: "vxlan" }
);

/** `parent` empty: none, the network goes nowhere. */
export type AttachmentRequest =
  | {
      readonly kind: "macvlan";
      readonly mode: MacvlanMode;
      readonly parent: string;
      readonly vlanId?: number;
    }
  | { readonly kind: "ipvlan"; readonly mode: IpvlanMode; readonly parent: string }
  | Extract<MadeUnderlay, { kind: "vxlan" }>;

/** The IPv6 part of a network. */
export interface Ipv6Settings {
  /** CIDR. */
  readonly subnet: string;
  readonly gateway: string;
  /** CIDR: addresses that nobody asks for come from here; empty: from the whole subnet. */
  readonly ipRange: string;
  readonly auxiliary: Readonly<Record<string, string>>;
}

export type Adopted = "bridge" | "bridge-and-address";

/** What was decided about a network when it was made. */
export interface NetworkSettings {
  readonly driver: NetworkDriver;
  /** What follows is empty or 0 for `host` and `null`. CIDR. */
  readonly subnet: string;
  readonly gateway: string;
  /** CIDR: addresses that nobody asks for come from here; empty: from the whole subnet. */
  readonly ipRange: string;
  /** Addresses that are somebody else's, by name. */
  readonly auxiliary: Readonly<Record<string, string>>;
  /** Name of the bridge link; empty where containers have links on a parent. */
  readonly bridge: string;
  /** Bytes; 0: the kernel's default. */
  readonly mtu: number;
  /** No way in or out. */
  readonly internal: boolean;
  /** Its containers reach each other. */
  readonly openWithin: boolean;
  readonly masquerade: boolean;
  /** Where ports are published that name no address. */
  readonly hostAddress: string;
  readonly attachable: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** As they were given, for inspect. */
  readonly options: Readonly<Record<string, string>>;
  /** Somebody chose the subnet, so that containers may choose addresses of it. */
  readonly subnetChosen: boolean;
  /** As they were given, for inspect. */
  readonly ipamOptions: Readonly<Record<string, string>>;
  /** Absent: it has no IPv6. */
  readonly ipv6?: Ipv6Settings | undefined;
  /** Absent: a bridge of this host alone. */
  readonly attachment?: Attachment | undefined;
  /** The bridge was there before the network, maybe with the gateway's address, and stays when it goes. */
  readonly adopted?: Adopted | undefined;
}

export interface Network extends NetworkSettings {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  readonly createdMs: number;
}

/** What a client wants of a new network; empty and absent are the engine's choice. */
export interface NetworkRequest {
  readonly name: string;
  readonly subnet?: string;
  readonly gateway?: string;
  readonly ipRange?: string;
  readonly auxiliary?: Readonly<Record<string, string>>;
  readonly bridge?: string;
  readonly mtu?: number;
  readonly internal?: boolean;
  readonly openWithin?: boolean;
  readonly masquerade?: boolean;
  readonly hostAddress?: string;
  readonly attachable?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly options?: Readonly<Record<string, string>>;
  readonly ipamOptions?: Readonly<Record<string, string>>;
  /** Absent: without IPv6. */
  readonly ipv6?: Partial<Ipv6Settings> | undefined;
  /** Absent: `bridge`. */
  readonly driver?: NetworkDriver;
  readonly attachment?: AttachmentRequest;
}

export interface EndpointRequest {
  /** Id of a network. */
  readonly network: string;
  /** A wanted address of the subnet; absent: the next free one. */
  readonly address?: string;
  /** A wanted address of the IPv6 subnet. */
  readonly address6?: string;
  /** A wanted MAC such as `02:42:ac:1e:00:09`; absent: derived from the address. */
  readonly mac?: string;
  /** The endpoint with the highest gives the default route; of equal ones the first name. */
  readonly gatewayPriority?: number;
}

/** A container's place in one network. */
export interface EndpointRecord {
  /** Id of the endpoint. */
  readonly id: string;
  /** Id of the network. */
  readonly network: string;
  /** The link in the container. */
  readonly link: string;
  readonly address: string;
  readonly prefixLength: number;
  /** Empty: the network is internal. */
  readonly gateway: string;
  readonly mac: string;
  readonly gatewayPriority: number;
  /** Its place in the network's IPv6 subnet, where that has one. */
  readonly ipv6?: Ipv6Record | undefined;
}

export interface Ipv6Record {
  readonly address: string;
  readonly prefixLength: number;
  /** Empty: the network is internal. */
  readonly gateway: string;
}

/** What a container asks of networks before it runs. */
export interface PlaceRequest {
  /** In order: they become eth0, eth1 ... */
  readonly endpoints: readonly EndpointRequest[];
  readonly ports: readonly PortRequest[];
  /** The container can change nothing in its namespace: where it uses it for nothing, the namespace serves again. */
  readonly cannotChange?: boolean;
}

interface PlaceFacts {
  readonly endpoints: readonly EndpointRecord[];
  readonly ports: readonly PublishedPort[];
  /** What was asked for and could not be given, one sentence each. */
  readonly warnings: readonly string[];
}

/**
 * A network namespace that is ready to run in: `lo` and the endpoints' links up, addresses and default route set. The
 * caller owns `netns` and closes it once the container's process holds the namespace.
 */
export interface Place extends PlaceFacts {
  readonly netns: OwnedFd;
}

/** A place for a namespace that does not exist yet (a container with its own user namespace). */
export interface UnwiredPlace extends PlaceFacts {
  /** Puts the configured links into the network namespace of process `pid`. Synchronous; call it once. */
  wire(pid: number): void;
}

/** What a container of the default network is to reach of another one there. */
export interface LinkWay {
  /** Id of the other container. */
  readonly to: string;
  readonly address: string;
  readonly protocol: PortProtocol;
  readonly port: number;
}

/** A container that runs and what it holds, as the container store knows it. */
export interface LiveContainer {
  readonly containerId: string;
  readonly endpoints: readonly EndpointRecord[];
  readonly ports: readonly PublishedPort[];
  readonly links?: readonly LinkWay[];
}

/** An endpoint that a running container gained or lost, with what that changed for its others. */
export interface Reconnected {
  readonly endpoints: readonly EndpointRecord[];
  readonly ports: readonly PublishedPort[];
}

/** Ports of a running container that are other ones already; both ends are to be said. */
export interface PortChange {
  /** All that the container has now. */
  readonly ports: readonly PublishedPort[];
  readonly warnings: readonly string[];
  /** What was taken away is free for others. */
  keep(): void;
  /** All is as it was. */
  revert(): void;
}

/** A network that a running container has left already; both ends are to be said. */
export interface Leave extends Reconnected {
  /** What the container had there is free for others. */
  keep(): void;
  /** It is in the network again, and all is as it was. */
  revert(): void;
}

export interface NetworkOptions {
  /** The engine instance: "" or six hex digits; part of every name on the host. */
  readonly tag: string;
  readonly db: Database;
  /** How rows are written; absent: as to a disk that is never full. */
  readonly writes?: Writes;
  /** Of the network `bridge`. CIDR such as `172.30.0.0/16`; absent: that of last time, else the first candidate that is free. */
  readonly subnet?: string;
  /** Whether containers of the network `bridge` reach each other; absent: they do. */
  readonly openWithin?: boolean;
  /** How ports are published that do not say; absent: `nat`. */
  readonly publishMode?: PublishMode;
  /** Where the subnets of networks come from that nobody chose one for, like `base=10.10.0.0/16,size=24`. */
  readonly pools?: readonly string[];
  /** Answers names within containers whose networks have no address of the host's; absent: nobody does. */
  readonly serveNames?: ServeNames;
  /** The network namespace of a container that runs; undefined: it has ended. Absent: none is known. */
  readonly netnsOf?: (containerId: string) => OwnedFd | undefined;
  /** Told what goes wrong where nobody waits for it. */
  readonly report?: (thrown: unknown) => void;
  /** Passed between the steps of making and changing things; a test lets it throw or die. */
  readonly fail?: (step: NetworkStep) => void;
}

export const networkSteps = [
  "network.row",
  "network.bridge",
  "network.rules",
  "connect.address",
  "connect.row",
  "connect.link",
  "disconnect.link",
  "disconnect.row",
  "network.unlinked",
  "network.forgotten",
] as const;
export type NetworkStep = (typeof networkSteps)[number];

export interface RecoverOptions {
  /** Links that belong to nobody stay: a container may run whose endpoint is not known. */
  readonly keepUnknown: boolean;
}

export interface Networks {
  /** The host as containers of the default network see it. */
  readonly hostGateway: string;
  /** What could not be set up on this host although containers can run, one sentence each. */
  readonly warnings: readonly string[];

  /** Every network, the oldest first. */
  all(): readonly Network[];
  byId(id: string): Network | undefined;
  find(reference: string): Network | undefined;
  /** The network that a client means by a full id, a name or an unambiguous prefix of an id. Errors: notFound, invalid. */
  resolve(reference: string): Network;
  /**
   * Makes a network with its bridge and rules; nothing stays when it fails.
   * Errors: conflict `network.name-taken`, `network.subnet-taken`, `network.bridge-taken`; invalid; unavailable.
   */
  create(request: NetworkRequest): Network;
  /** Takes a network off the host and forgets it. Errors: forbidden while containers are in it and for the built-in ones. */
  delete(id: string): void;
  /** On which port the name server of a network listens; undefined: nowhere any more. */
  placeNameServer(id: string, port: number | undefined): void;
  /** How many containers have an endpoint there now. */
  countOf(id: string): number;

  /** What is to be said of ports at host ports that somebody chose before they are published, one sentence each. */
  portWarnings(request: PlaceRequest): readonly string[];

  /**
   * A ready namespace for the container, its leases persisted and its ports published.
   * Errors: conflict `network.port-allocated`, `network.address-in-use`; invalid `network.address-invalid`,
   * `network.port-invalid`; unavailable `network.addresses-exhausted`, `network.bridge-full`.
   */
  acquire(containerId: string, request: PlaceRequest): Promise<Place>;
  /** Like `acquire`, for a namespace that the executor makes together with a user namespace. */
  acquireUnwired(containerId: string, request: PlaceRequest): Promise<UnwiredPlace>;
  /** Gives a running container one more endpoint. Nothing stays when it fails. */
  connect(containerId: string, request: EndpointRequest, now: LiveContainer, netns: OwnedFd): Reconnected;
  /** Takes one away from it. */
  disconnect(containerId: string, network: string, now: LiveContainer, netns: OwnedFd): Reconnected;
  /** The same for who may have to take it back: host ports that lead nowhere then are the container's until `keep`. */
  leave(containerId: string, network: string, now: LiveContainer, netns: OwnedFd): Leave;
  /**
   * Publishes other ports of a running container, in one transaction. `remove`: what of `now` goes; its host ports are the
   * container's until `keep`. Errors: those of ports in `acquire`; nothing is changed then.
   */
  changePorts(
    containerId: string,
    change: { readonly add: readonly PortRequest[]; readonly remove: readonly PublishedPort[] },
    now: LiveContainer,
  ): PortChange;
  /** What a container in the default network reaches there though containers of it do not reach each other: these alone. */
  link(containerId: string, ways: readonly LinkWay[]): void;
  /** Somebody else than the container's program has a hand in its namespace: it serves nobody after it. */
  keepOut(containerId: string): void;
  /** Gives back addresses, links and ports, once nothing of the container runs. Idempotent. */
  release(containerId: string): Promise<void>;
  /** Once after `openNetworks`: exactly these containers live; everything else of ours is taken off the host. */
  recover(live: readonly LiveContainer[], options?: RecoverOptions): Promise<void>;
  /** Makes endpoints ahead of need now, because nothing else is to be done. Returns at once. */
  warm(): void;
  /** A namespace with nothing but `lo` up, for `--network none`. The caller owns it. */
  createIsolatedNetns(): OwnedFd;
  /** The same of the namespace that process `pid` has made for itself. Synchronous. */
  wireIsolated(pid: number): void;
  /** Drops what was made ahead of need; bridges, rules and containers' links stay. */
  close(): Promise<void>;
  /** Takes everything off the host: rules, bridges, links; and forgets what the leases were. */
  remove(): Promise<void>;
  /** Closes, and takes everything off the host as `remove` does; what it remembers stays for the next engine. */
  withdraw(): Promise<void>;
}
