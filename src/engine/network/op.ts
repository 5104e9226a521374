/**
 * What is done to networks, as data. An op says what it acts on, why, and what takes it back; `apply.ts` performs it
 * and has no opinion. Ops of `host` act in the engine's network namespace, those of `namespace` in a container's.
 */
import { formatIpAddress } from "../../linux/netlink/ip-address.ts";
import { formatIpv4, formatMac } from "../../linux/netlink/ipv4.ts";
import { formatIpv6 } from "../../linux/netlink/ipv6.ts";
import type { RulePlace, TableReference } from "../../linux/netlink/nftables/request.ts";
import { type Ruleset, renderRule, type SetContent } from "./firewall.ts";
import type { ForeignInsertion } from "./foreign-firewall.ts";
import type { IpvlanMode, MacvlanMode, MadeUnderlay } from "./model.ts";

export type ChildKind =
  | { readonly kind: "macvlan"; readonly mode: MacvlanMode }
  | { readonly kind: "ipvlan"; readonly mode: IpvlanMode };

interface Reason {
  /** The fact or wish that asks for it. */
  readonly cause: string;
  /** What takes it back. */
  readonly inverse: string;
}

type NetAction =
  /** `mtu` 0: the kernel's default. */
  | { readonly op: "bridgeAdd"; readonly link: string; readonly mac: Uint8Array; readonly mtu: number }
  | {
      readonly op: "vethAdd";
      readonly link: string;
      readonly peer: string;
      readonly peerMac: Uint8Array;
      readonly mtu: number;
    }
  /** No IPv6 link-local address: the network is IPv4 and duplicate address detection costs time. */
  | { readonly op: "ipv6Quiet"; readonly link: string }
  /** A link that a network stands on. */
  | { readonly op: "underlayAdd"; readonly link: string; readonly made: MadeUnderlay; readonly mtu: number }
  | { readonly op: "vxlanPeer"; readonly link: string; readonly peer: Uint8Array }
  /** A link in the container's namespace, on a parent of the host's. */
  | {
      readonly op: "childAdd";
      readonly link: string;
      readonly parent: string;
      readonly child: ChildKind;
      readonly mac: Uint8Array;
      readonly mtu: number;
    }
  /** By the link, without a gateway. */
  | { readonly op: "defaultRouteByLink"; readonly link: string; readonly hasIpv6: boolean }
  | { readonly op: "bridgePort"; readonly link: string; readonly bridge: string }
  /** The bridge may send a frame out of the port that it came in by. */
  | { readonly op: "bridgeHairpin"; readonly link: string }
  /** It sends to no other port that is isolated. */
  | { readonly op: "bridgeIsolate"; readonly link: string }
  | { readonly op: "neighbourForget"; readonly link: string; readonly address: number }
  | { readonly op: "linkUp"; readonly link: string }
  /** Waits until the kernel has acted on a change of carrier: before that the link drops what it should send. */
  | { readonly op: "linkSettle"; readonly link: string }
  | { readonly op: "linkDelete"; readonly link: string }
  /** All of them at once: a bridge takes its time to go, and many take no more than one. */
  | { readonly op: "linksDelete"; readonly links: readonly string[] }
  | {
      readonly op: "addressAdd" | "addressDelete";
      readonly link: string;
      readonly address: number;
      readonly prefixLength: number;
    }
  /** Without duplicate address detection: who gives the addresses knows them all. */
  | {
      readonly op: "address6Add";
      readonly link: string;
      readonly address: bigint;
      readonly prefixLength: number;
    }
  | { readonly op: "defaultRoute6"; readonly gateway: bigint }
  /** Neighbours are told unasked which MAC the addresses have. */
  | {
      readonly op: "announce";
      readonly link: string;
      readonly mac: Uint8Array;
      /** Four or sixteen bytes each. */
      readonly addresses: readonly Uint8Array[];
    }
  /** In the place of the one that is there. */
  | { readonly op: "defaultRoute"; readonly gateway: number }
  /** `name` below /proc/sys. */
  | { readonly op: "sysctl"; readonly name: string; readonly value: string }
  | { readonly op: "tableReplace"; readonly ruleset: Ruleset; readonly contents: readonly SetContent[] }
  | {
      readonly op: "contentsAdd" | "contentsDelete";
      readonly table: TableReference;
      readonly contents: readonly SetContent[];
    }
  | { readonly op: "tableDelete"; readonly table: TableReference }
  | {
      readonly op: "ruleInsert";
      readonly table: TableReference;
      readonly chain: string;
      readonly insertion: ForeignInsertion;
    }
  | {
      readonly op: "ruleDelete";
      readonly table: TableReference;
      readonly chain: string;
      readonly handle: bigint;
    };

export type NetOp = NetAction & Reason & { readonly in: "host" | "namespace" };

/** What tells how a network is made. */
export interface NetworkDecisions {
  /** What makes the network where nothing of it is there yet; nothing for those that are built in without a bridge. */
  opsOf(id: string): readonly NetOp[];
}

/** The object of an op. */
export function targetOf(op: NetOp): string {
  switch (op.op) {
    case "bridgeAdd":
      return `${op.link} ${formatMac(op.mac)}`;
    case "vethAdd":
      return `${op.link} with ${op.peer} ${formatMac(op.peerMac)}`;
    case "underlayAdd":
      return `${op.link} ${renderMade(op.made)}`;
    case "vxlanPeer":
      return `${formatIpAddress(op.peer)} of ${op.link}`;
    case "childAdd":
      return `${op.child.kind} ${op.child.mode} ${op.link} on ${op.parent}`;
    case "defaultRouteByLink":
      return `by ${op.link}`;
    case "bridgePort":
      return `${op.link} of ${op.bridge}`;
    case "neighbourForget":
      return `${formatIpv4(op.address)} of ${op.link}`;
    case "bridgeHairpin":
    case "bridgeIsolate":
    case "ipv6Quiet":
    case "linkUp":
    case "linkSettle":
    case "linkDelete":
      return op.link;
    case "linksDelete":
      return op.links.join(" ");
    case "addressAdd":
    case "addressDelete":
      return `${formatIpv4(op.address)}/${op.prefixLength} of ${op.link}`;
    case "address6Add":
      return `${formatIpv6(op.address)}/${op.prefixLength} of ${op.link}`;
    case "defaultRoute6":
      return `via ${formatIpv6(op.gateway)}`;
    case "announce":
      return `${op.addresses.map(formatIpAddress).join(" ")} at ${formatMac(op.mac)} of ${op.link}`;
    case "defaultRoute":
      return `via ${formatIpv4(op.gateway)}`;
    case "sysctl":
      return `${op.name} = ${op.value}`;
    case "tableReplace":
      return `${op.ruleset.table.family} ${op.ruleset.table.table}, ${elementCount(op.contents)} elements`;
    case "contentsAdd":
    case "contentsDelete":
      return `${op.table.family} ${op.table.table}, ${op.contents.map(({ set }) => set).join(" ")}`;
    case "tableDelete":
      return `${op.table.family} ${op.table.table}`;
    case "ruleInsert":
      return `${op.table.family} ${op.table.table} ${op.chain} ${renderPlace(op.insertion.place)}: ${renderRule(op.insertion.rule)}`;
    case "ruleDelete":
      return `${op.table.family} ${op.table.table} ${op.chain} handle ${op.handle}`;
  }
}

function renderMade(made: MadeUnderlay): string {
  if (made.kind === "dummy") return "dummy";
  return made.kind === "vlan" ? `vlan ${made.id} on ${made.on}` : `vxlan ${made.id} port ${made.port}`;
}

function elementCount(contents: readonly SetContent[]): number {
  return contents.reduce((sum, { elements }) => sum + elements.length, 0);
}

function renderPlace(place: RulePlace): string {
  return typeof place === "string" ? place : `after handle ${place.after}`;
}

/** One line: where, what, on what, why, and how back. */
export function renderNetOp(op: NetOp): string {
  return `${op.in} ${op.op} ${targetOf(op)}  # ${op.cause}; back: ${op.inverse}`;
}
