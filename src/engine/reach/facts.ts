/** What is known before it is decided whether one reaches the other. Data only; addresses are bytes. */
import type { Link } from "../../linux/netlink/link.ts";
import type { ReadRuleset } from "../../linux/netlink/nftables/decode-ruleset.ts";
import type { PublishedPort } from "../network/mod.ts";
import type { Protocol } from "./packet.ts";

export interface SpaceAddress {
  readonly linkIndex: number;
  readonly address: Uint8Array;
  readonly length: number;
}

export interface SpaceNeighbour {
  readonly linkIndex: number;
  readonly address: Uint8Array;
  /** Empty: it has not been found. */
  readonly mac: Uint8Array;
  readonly isPermanent: boolean;
  readonly hasFailed: boolean;
}

export interface Listener {
  readonly protocol: Protocol;
  /** All zero: every address. */
  readonly address: Uint8Array;
  readonly port: number;
}

/** A network namespace. */
export interface Space {
  readonly links: readonly Link[];
  readonly addresses: readonly SpaceAddress[];
  readonly neighbours: readonly SpaceNeighbour[];
  readonly listeners: readonly Listener[];
  readonly ruleset: ReadRuleset;
  /** Connections that are followed, and how many there may be; absent where none are. */
  readonly conntrack: { readonly count: number; readonly max: number } | undefined;
  /** Bridged packets come by the rules for routed ones. */
  readonly filtersBridged: boolean;
}

export const hostSpace = "host";

export interface ReachContainer {
  readonly id: string;
  readonly name: string;
  /** running, paused, exited... */
  readonly status: string;
  /** Of the space that it lives in; undefined: it does not run. */
  readonly space: string | undefined;
  readonly pid: number | undefined;
  /** The container whose network it lives in, where it has none of its own. */
  readonly livesWith: string | undefined;
  /** Names of its networks. */
  readonly networks: readonly string[];
  /** Its addresses, as the engine gave them. */
  readonly addresses: readonly Uint8Array[];
  readonly ports: readonly PublishedPort[];
}

export interface ReachNetwork {
  readonly name: string;
  readonly bridge: string;
  readonly internal: boolean;
  readonly openWithin: boolean;
  /** Its containers know each other by name. */
  readonly hasNames: boolean;
}

export type From =
  | { readonly kind: "container"; readonly name: string }
  | { readonly kind: "host" }
  /** `address` undefined: anywhere behind the default route. */
  | { readonly kind: "outside"; readonly address: Uint8Array | undefined };

/** What became of the name of the target. */
export type NameAnswer =
  | { readonly kind: "address" }
  /** "host": this machine, as the sender would call it. */
  | { readonly kind: "machine" }
  | {
      readonly kind: "found";
      readonly by: string;
      readonly address: Uint8Array;
      /** Others that it has, of either family. */
      readonly also: readonly Uint8Array[];
    }
  /** The server says that there is no such name. */
  | { readonly kind: "unknown"; readonly by: string }
  /** Nobody answered. */
  | { readonly kind: "silent"; readonly by: string };

export interface Target {
  /** As it was written: `web`, `10.0.0.2`. */
  readonly text: string;
  readonly address: Uint8Array | undefined;
  /** The container that is meant, where it is one of this engine. */
  readonly container: string | undefined;
  /** This machine is meant, by "host". */
  readonly isMachine: boolean;
  readonly port: number;
  readonly protocol: Protocol;
}

/** What the kernel says of a way; `error` is the errno's name. */
export type Way =
  | {
      readonly kind: "route";
      readonly isLocal: boolean;
      readonly linkIndex: number;
      readonly gateway: Uint8Array | undefined;
      readonly source: Uint8Array | undefined;
    }
  | { readonly kind: "none"; readonly error: string };

export interface WayQuestion {
  readonly space: string;
  readonly destination: Uint8Array;
  readonly source?: Uint8Array | undefined;
  readonly inputLink?: number | undefined;
}

export interface ReachFacts {
  readonly from: From;
  readonly target: Target;
  readonly name: NameAnswer;
  readonly containers: readonly ReachContainer[];
  readonly networks: readonly ReachNetwork[];
  readonly spaces: ReadonlyMap<string, Space>;
  /** By `wayKey`. */
  readonly ways: ReadonlyMap<string, Way>;
}

export function wayKey({ space, destination, source, inputLink }: WayQuestion): string {
  return [space, destination.join("."), source?.join(".") ?? "", inputLink ?? ""].join(" ");
}
