/**
 * The words of the default network: what the rest of the engine asks for and what it gets. No behaviour.
 * Addresses are dotted IPv4, host-visible names are kernel link names.
 */
import type { Database } from "bun:sqlite";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import type { Writes } from "../store/mod.ts";

export type PortProtocol = "tcp" | "udp";

/** One `-p`. `hostAddress` absent or empty: every IPv4 address of the host. */
export interface PortRequest {
  readonly containerPort: number;
  readonly protocol: PortProtocol;
  readonly hostAddress?: string;
  /** Absent or 0: the kernel picks a free port from its ephemeral range. */
  readonly hostPort?: number;
  /** With `hostPort`: the first free port from `hostPort` to this one. */
  readonly hostPortEnd?: number;
}

/** A port that is reachable on the host now. */
export interface PublishedPort {
  readonly containerPort: number;
  readonly protocol: PortProtocol;
  readonly hostAddress: string;
  readonly hostPort: number;
}

export interface EndpointRequest {
  readonly ports: readonly PortRequest[];
  /** A wanted address of the subnet; absent: the next free one. */
  readonly address?: string;
  /** A wanted MAC such as `02:42:ac:1e:00:09`; absent: derived from the address. */
  readonly mac?: string;
}

interface EndpointFacts {
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway: string;
  readonly mac: string;
  /** The end of the veth pair that stays on the host, a port of the bridge. */
  readonly hostLink: string;
  readonly ports: readonly PublishedPort[];
  /** What was asked for and could not be given, one sentence each. */
  readonly warnings: readonly string[];
}

/**
 * A network namespace that is ready to run in: `lo` and `eth0` up, address and default route set. The caller
 * owns `netns` and closes it once the container's process holds the namespace.
 */
export interface Endpoint extends EndpointFacts {
  readonly netns: OwnedFd;
}

/** An endpoint for a namespace that does not exist yet (a container with its own user namespace). */
export interface UnwiredEndpoint extends EndpointFacts {
  /** Puts the configured `eth0` into the network namespace of process `pid`. Synchronous; call it once. */
  wire(pid: number): void;
}

/** A container that runs and what it holds, as the container store knows it. */
export interface LiveEndpoint {
  readonly containerId: string;
  readonly address: string;
  readonly ports: readonly PublishedPort[];
}

export interface NetworkOptions {
  /** The engine instance: "" or six hex digits; part of every name on the host. */
  readonly tag: string;
  readonly db: Database;
  /** How leases are written; absent: as to a disk that is never full. */
  readonly writes?: Writes;
  /** CIDR such as `172.30.0.0/16`; absent: the subnet of last time, else the first candidate that is free. */
  readonly subnet?: string;
  /** Told what goes wrong where nobody waits for it. */
  readonly report?: (thrown: unknown) => void;
}

export interface RecoverOptions {
  /** Links that belong to nobody stay: a container may run whose endpoint is not known. */
  readonly keepUnknown: boolean;
}

export interface DefaultNetwork {
  readonly name: string;
  /** CIDR. */
  readonly subnet: string;
  readonly gateway: string;
  /** Name of the bridge link. */
  readonly bridge: string;
  /** What could not be set up on this host although containers can run, one sentence each. */
  readonly warnings: readonly string[];

  /**
   * A ready namespace for the container, its lease persisted and its ports published.
   * Errors: conflict `network.port-allocated`, `network.address-in-use`; invalid `network.address-invalid`,
   * `network.port-invalid`; unavailable `network.addresses-exhausted`, `network.bridge-full`.
   */
  acquire(containerId: string, request: EndpointRequest): Promise<Endpoint>;
  /** Like `acquire`, for a namespace that the executor makes together with a user namespace. */
  acquireUnwired(containerId: string, request: EndpointRequest): Promise<UnwiredEndpoint>;
  /** Gives back address, link and ports. Idempotent. */
  release(containerId: string): Promise<void>;
  /** Once after `openNetwork`: exactly these containers live; everything else of ours is taken off the host. */
  recover(live: readonly LiveEndpoint[], options?: RecoverOptions): Promise<void>;
  /** Makes endpoints ahead of need now, because nothing else is to be done. Returns at once. */
  warm(): void;
  /** A namespace with nothing but `lo` up, for `--network none`. The caller owns it. */
  createIsolatedNetns(): OwnedFd;
  /** Drops what was made ahead of need; bridge, rules and containers' links stay. */
  close(): Promise<void>;
  /** Takes everything of this network off the host: rules, bridge, links. */
  remove(): Promise<void>;
  /** Closes, and takes everything off the host as `remove` does; what it remembers stays for the next engine. */
  withdraw(): Promise<void>;
}
