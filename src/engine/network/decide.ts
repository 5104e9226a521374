/** From what networks should be and what the host has to the ops that close the gap. Pure. */
import { broadcastOf, formatPrefix, type Prefix } from "../../linux/netlink/ipv4.ts";
import type { RuleState } from "../../linux/netlink/nftables/decode.ts";
import type { TableReference } from "../../linux/netlink/nftables/request.ts";
import { type BridgeRules, bridgeContents, hostRuleset, type PortMapping, portContents } from "./firewall.ts";
import {
  decideForeignRules,
  foreignRuleHandles,
  iptablesFilter,
  iptablesForward,
  type LinkPattern,
  patternsOf,
} from "./foreign-firewall.ts";
import type { HostNames } from "./names.ts";
import type { NetOp } from "./op.ts";

/** A network's bridge as it should be. */
export interface BridgeWish extends BridgeRules {
  readonly gateway: number;
  /** Bytes; 0: the kernel's default. */
  readonly mtu: number;
  /** Whose it is, for the explanation of ops. */
  readonly network: string;
}

export interface DesiredHost {
  readonly names: HostNames;
  readonly bridges: readonly BridgeWish[];
  readonly ports: readonly PortMapping[];
}

export interface ObservedBridge {
  readonly index: number;
  readonly up: boolean;
  readonly addresses: readonly { readonly address: number; readonly prefixLength: number }[];
}

/** What the host has of networks now. */
export interface ObservedHost {
  /** By name: those that were asked about, as far as they are there. */
  readonly bridges: ReadonlyMap<string, ObservedBridge>;
  /** net.ipv4.ip_forward is on. */
  readonly forwarding: boolean;
  /** Bridges with net.ipv4.conf.BRIDGE.route_localnet on. */
  readonly routeLocalnet: ReadonlySet<string>;
  /** Rules of iptables' FORWARD chain; undefined when there is no such chain. */
  readonly foreignForward: readonly RuleState[] | undefined;
}

/** Locally administered, the same at every start: neighbours' ARP entries stay right. */
export function macOf(address: number): Uint8Array {
  return Uint8Array.of(
    0x02,
    0x74,
    address >>> 24,
    (address >>> 16) & 0xff,
    (address >>> 8) & 0xff,
    address & 0xff,
  );
}

export const forwardingSysctl = "net/ipv4/ip_forward";

export function routeLocalnetSysctl(bridge: string): string {
  return `net/ipv4/conf/${bridge}/route_localnet`;
}

/** The table is always replaced as a whole: one transaction, and no half-trusted rules of an earlier life. */
export function decideSetup(desired: DesiredHost, observed: ObservedHost): NetOp[] {
  const { names, bridges, ports } = desired;
  return [
    ...bridges.flatMap((bridge) => decideBridge(bridge, observed.bridges.get(bridge.link))),
    ...decideSysctls(bridges, observed),
    {
      in: "host",
      op: "tableReplace",
      ruleset: hostRuleset(names.table),
      contents: [...bridges.flatMap(bridgeContents), ...portContents(ports)],
      cause: "NAT, published ports, protection of containers",
      inverse: "tableDelete",
    },
    ...decideForeign(patternsOf(names, linksOf(bridges)), observed.foreignForward),
  ];
}

/** The link of one more network; its rules come after it. */
export function decideNewBridge(bridge: BridgeWish, observed: ObservedHost): NetOp[] {
  return [...decideBridge(bridge, observed.bridges.get(bridge.link)), ...decideSysctls([bridge], observed)];
}

/** The rules of one more network: elements, and rules in a foreign chain that have no pattern for it yet. */
export function decideNewRules(names: HostNames, bridge: BridgeWish, observed: ObservedHost): NetOp[] {
  return [
    {
      in: "host",
      op: "contentsAdd",
      table: names.table,
      contents: bridgeContents(bridge),
      cause: `network ${bridge.network}`,
      inverse: "contentsDelete",
    },
    ...decideForeign(patternsOf(names, [bridge.link]), observed.foreignForward),
  ];
}

/** Takes one network off the host; `remaining` are those that stay. */
export function decideBridgeRemoval(
  names: HostNames,
  bridge: BridgeWish,
  remaining: readonly BridgeWish[],
  foreignForward: readonly RuleState[] | undefined,
): NetOp[] {
  const cause = `network ${bridge.network} is removed`;
  const needed = new Set(patternsOf(names, linksOf(remaining)));
  const unneeded = patternsOf(names, [bridge.link]).filter((pattern) => !needed.has(pattern));
  return [
    ...decideForeignRemoval(unneeded, foreignForward, cause),
    {
      in: "host",
      op: "contentsDelete",
      table: names.table,
      contents: bridgeContents(bridge),
      cause,
      inverse: "contentsAdd",
    },
    { in: "host", op: "linkDelete", link: bridge.link, cause, inverse: "bridgeAdd" },
  ];
}

function linksOf(bridges: readonly BridgeWish[]): string[] {
  return bridges.map(({ link }) => link);
}

function decideBridge(wish: BridgeWish, bridge: ObservedBridge | undefined): NetOp[] {
  const { gateway, subnet, link, mtu } = wish;
  const cause = `network ${wish.network}`;
  const ops: NetOp[] = [];
  if (bridge === undefined) {
    const inverse = `linkDelete ${link}`;
    ops.push(
      { in: "host", op: "bridgeAdd", link, mac: macOf(gateway), mtu, cause, inverse },
      { in: "host", op: "ipv6Quiet", link, cause: "the network is IPv4", inverse },
    );
  }
  for (const { address, prefixLength } of bridge?.addresses ?? []) {
    if (address === gateway && prefixLength === subnet.length) continue;
    ops.push({
      in: "host",
      op: "addressDelete",
      link,
      address,
      prefixLength,
      cause: `the subnet is ${formatPrefix(subnet)}`,
      inverse: "addressAdd",
    });
  }
  if (
    !bridge?.addresses.some(
      ({ address, prefixLength }) => address === gateway && prefixLength === subnet.length,
    )
  ) {
    ops.push({
      in: "host",
      op: "addressAdd",
      link,
      address: gateway,
      prefixLength: subnet.length,
      cause: `gateway of ${formatPrefix(subnet)}`,
      inverse: "addressDelete",
    });
  }
  if (bridge?.up !== true) {
    ops.push({ in: "host", op: "linkUp", link, cause, inverse: `linkDelete ${link}` });
  }
  return ops;
}

/** Switches of the kernel that somebody may have turned back. */
export function decideSysctls(
  bridges: readonly Pick<BridgeWish, "link">[],
  observed: Pick<ObservedHost, "forwarding" | "routeLocalnet">,
): NetOp[] {
  const ops: NetOp[] = [];
  if (!observed.forwarding) {
    ops.push({
      in: "host",
      op: "sysctl",
      name: forwardingSysctl,
      value: "1",
      cause: "packets between containers and the world are forwarded",
      inverse: `sysctl ${forwardingSysctl} = 0`,
    });
  }
  for (const { link } of bridges) {
    if (observed.routeLocalnet.has(link)) continue;
    ops.push({
      in: "host",
      op: "sysctl",
      name: routeLocalnetSysctl(link),
      value: "1",
      cause: "published ports answer on 127.0.0.1",
      inverse: `linkDelete ${link}`,
    });
  }
  return ops;
}

/** Only what another firewall lacks; part of the set-up and of the periodic look. */
export function decideForeign(
  patterns: readonly LinkPattern[],
  chain: readonly RuleState[] | undefined,
): NetOp[] {
  if (chain === undefined) return [];
  return decideForeignRules(patterns, chain)
    .reverse()
    .map((insertion) => ({
      in: "host",
      op: "ruleInsert",
      table: iptablesFilter,
      chain: iptablesForward,
      insertion,
      cause: "iptables' FORWARD chain may drop",
      inverse: "ruleDelete",
    }));
}

function decideForeignRemoval(
  patterns: readonly LinkPattern[],
  chain: readonly RuleState[] | undefined,
  cause: string,
): NetOp[] {
  return foreignRuleHandles(patterns, chain ?? []).map((handle) => ({
    in: "host",
    op: "ruleDelete",
    table: iptablesFilter,
    chain: iptablesForward,
    handle,
    cause,
    inverse: "ruleInsert",
  }));
}

/** What is there of an engine's networks, whoever remembers it. */
export interface HostRemains {
  readonly table: TableReference;
  readonly patterns: readonly LinkPattern[];
  readonly bridges: readonly string[];
  readonly endpointLinks: readonly string[];
  readonly foreignForward: readonly RuleState[] | undefined;
}

/** Takes all networks off the host. `restoreForwarding`: it was off before us and nobody else needs it. */
export function decideRemoval(remains: HostRemains, restoreForwarding: boolean): NetOp[] {
  const cause = "the networks are removed";
  const ops = decideForeignRemoval(remains.patterns, remains.foreignForward, cause);
  ops.push({ in: "host", op: "tableDelete", table: remains.table, cause, inverse: "tableReplace" });
  // Links before the bridges that they are ports of.
  const links = [...remains.endpointLinks, ...remains.bridges];
  if (links.length > 0)
    ops.push({ in: "host", op: "linksDelete", links, cause, inverse: "bridgeAdd, vethAdd" });
  if (restoreForwarding) {
    ops.push({ in: "host", op: "sysctl", name: forwardingSysctl, value: "0", cause, inverse: "sysctl = 1" });
  }
  return ops;
}

export interface EndpointWish {
  readonly hostLink: string;
  /** The link in the container. */
  readonly link: string;
  readonly bridge: string;
  readonly address: number;
  readonly subnet: Prefix;
  /** Undefined: another endpoint gives the default route, or there is none. */
  readonly gateway: number | undefined;
  readonly mac: Uint8Array;
  readonly mtu: number;
  /** It does not reach the network's other containers. */
  readonly isolated: boolean;
}

/** An endpoint: the pair, its host end on the bridge, its other end configured. In a namespace that has its loopback. */
export function decideEndpoint(endpoint: EndpointWish): NetOp[] {
  const { hostLink, link, address, gateway, subnet, mtu } = endpoint;
  const inverse = `linkDelete ${hostLink}`;
  const cause = "endpoint";
  const ops: NetOp[] = [
    {
      in: "namespace",
      op: "sysctl",
      name: "net/ipv6/conf/default/disable_ipv6",
      value: "1",
      cause: "the network is IPv4",
      inverse: "namespace ends",
    },
    { in: "host", op: "vethAdd", link: hostLink, peer: link, peerMac: endpoint.mac, mtu, cause, inverse },
    { in: "host", op: "ipv6Quiet", link: hostLink, cause: "the network is IPv4", inverse },
    { in: "host", op: "bridgePort", link: hostLink, bridge: endpoint.bridge, cause, inverse },
    {
      in: "host",
      op: "bridgeHairpin",
      link: hostLink,
      cause: "with br_netfilter a container that calls its own published port comes back through its port",
      inverse,
    },
  ];
  if (endpoint.isolated) {
    const why = "containers of this network do not reach each other";
    ops.push({ in: "host", op: "bridgeIsolate", link: hostLink, cause: why, inverse });
  }
  ops.push(
    {
      in: "host",
      op: "neighbourForget",
      link: endpoint.bridge,
      address,
      cause: "the address had another MAC before",
      inverse: "none needed",
    },
    { in: "host", op: "linkUp", link: hostLink, cause, inverse },
    { in: "namespace", op: "linkUp", link, cause, inverse },
    { in: "namespace", op: "addressAdd", link, address, prefixLength: subnet.length, cause, inverse },
  );
  if (gateway !== undefined) ops.push(defaultRouteBy(gateway));
  ops.push(
    { in: "namespace", op: "linkSettle", link, cause: "the first packet counts", inverse },
    { in: "host", op: "linkSettle", link: hostLink, cause: "the first packet counts", inverse },
    { in: "host", op: "linkSettle", link: endpoint.bridge, cause: "it may be the first port", inverse },
  );
  return ops;
}

/** The default route of a container, in the place of the one that it has. */
export function defaultRouteBy(gateway: number): NetOp {
  return {
    in: "namespace",
    op: "defaultRoute",
    gateway,
    cause: "the way to everywhere else",
    inverse: "namespace ends",
  };
}

/** A namespace with nothing but its loopback, which endpoints may join. */
export function decideNamespace(): NetOp[] {
  const inverse = "namespace ends";
  return [...openedSysctls, { in: "namespace", op: "linkUp", link: "lo", cause: "every namespace", inverse }];
}

/** In its own namespace a container may ping and listen on low ports without capabilities, as with Docker. */
const openedSysctls: readonly NetOp[] = [
  {
    in: "namespace",
    op: "sysctl",
    name: "net/ipv4/ping_group_range",
    value: "0 2147483647",
    cause: "ping without CAP_NET_RAW",
    inverse: "namespace ends",
  },
  {
    in: "namespace",
    op: "sysctl",
    name: "net/ipv4/ip_unprivileged_port_start",
    value: "0",
    cause: "ports below 1024 without CAP_NET_BIND_SERVICE",
    inverse: "namespace ends",
  },
];

/** The broadcast address that goes with an interface address; none for /31 and /32. */
export function broadcastFor(address: number, prefixLength: number): number | undefined {
  if (prefixLength > 30) return undefined;
  return broadcastOf({ network: (address & (-1 << (32 - prefixLength))) >>> 0, length: prefixLength });
}
