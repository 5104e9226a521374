/** From what networks should be and what the host has to the ops that close the gap. Pure. */
import { broadcastOf, formatPrefix, ipv4Bytes, type Prefix } from "../../linux/netlink/ipv4.ts";
import { formatIpv6Prefix, type Ipv6Prefix, ipv6Bytes } from "../../linux/netlink/ipv6.ts";
import type { TableReference } from "../../linux/netlink/nftables/request.ts";
import {
  type BridgeRules,
  bridgeContents,
  hostRuleset,
  type PortMapping,
  portContents,
  type SetContent,
} from "./firewall.ts";
import {
  decideForeignRules,
  type ForeignChain,
  foreignRuleHandles,
  type LinkPattern,
  patternsOf,
} from "./foreign-firewall.ts";
import type { Adopted, Attachment } from "./model.ts";
import type { HostNames } from "./names.ts";
import type { ChildKind, NetOp } from "./op.ts";
import { decideUnderlay } from "./underlay.ts";

/** A network's bridge as it should be. */
export interface BridgeWish extends BridgeRules {
  readonly gateway: number;
  readonly ipv6?: { readonly subnet: Ipv6Prefix; readonly gateway: bigint } | undefined;
  readonly attachment?: Attachment | undefined;
  /** It is somebody else's: what it has besides stays. */
  readonly adopted?: Adopted | undefined;
  /** Bytes; 0: the kernel's default. */
  readonly mtu: number;
  /** Whose it is, for the explanation of ops. */
  readonly network: string;
}

export interface DesiredHost {
  readonly names: HostNames;
  readonly bridges: readonly BridgeWish[];
  readonly ports: readonly PortMapping[];
  /** What linked containers reach of each other where others do not. */
  readonly links: readonly SetContent[];
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
  /** net.ipv6.conf.all.forwarding is on, or the kernel has no IPv6. */
  readonly forwarding6: boolean;
  /** Bridges with net.ipv4.conf.BRIDGE.route_localnet on. */
  readonly routeLocalnet: ReadonlySet<string>;
  /** Chains of other firewalls that may end our packets, with their rules. */
  readonly foreignForward: readonly ForeignChain[];
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
export const forwarding6Sysctl = "net/ipv6/conf/all/forwarding";

export function routeLocalnetSysctl(bridge: string): string {
  return `net/ipv4/conf/${bridge}/route_localnet`;
}

/** The table is always replaced as a whole: one transaction, and no half-trusted rules of an earlier life. */
export function decideSetup(desired: DesiredHost, observed: ObservedHost): NetOp[] {
  const { names, bridges, ports, links } = desired;
  return [
    ...bridges.flatMap((bridge) => decideBridge(bridge, observed.bridges.get(bridge.link))),
    ...decideSysctls(bridges, observed),
    {
      in: "host",
      op: "tableReplace",
      ruleset: hostRuleset(names.table),
      contents: [...bridges.flatMap(bridgeContents), ...portContents(ports), ...links],
      cause: "NAT, published ports, protection of containers",
      inverse: "tableDelete",
    },
    ...decideForeign(patternsOf(names, linksOf(bridges)), observed.foreignForward),
    ...(links.length > 0 ? decideLinking(names.defaultBridge) : []),
  ];
}

/** The host answers on behalf of containers that are isolated from each other, so that what it lets pass comes by it. */
export function decideLinking(bridge: string): NetOp[] {
  const sysctl = (name: string, value: string, cause: string): NetOp => ({
    in: "host",
    op: "sysctl",
    name,
    value,
    cause,
    inverse: `linkDelete ${bridge}`,
  });
  return [
    sysctl(`net/ipv4/conf/${bridge}/proxy_arp_pvlan`, "1", "linked containers reach each other by the host"),
    sysctl(`net/ipv4/neigh/${bridge}/proxy_delay`, "0", "whoever asks for a linked container waits"),
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
  foreignForward: readonly ForeignChain[],
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
    ...(bridge.attachment?.made === undefined
      ? []
      : [
          {
            in: "host",
            op: "linkDelete",
            link: bridge.attachment.link,
            cause,
            inverse: "underlayAdd",
          } as const,
        ]),
    ...removalOf(bridge, cause),
  ];
}

/** Of a bridge that somebody else made what we gave it, and of one of ours all of it. */
function removalOf({ link, adopted, gateway, subnet }: BridgeWish, cause: string): NetOp[] {
  if (adopted === "bridge-and-address") return [];
  if (adopted === undefined) return [{ in: "host", op: "linkDelete", link, cause, inverse: "bridgeAdd" }];
  return [
    {
      in: "host",
      op: "addressDelete",
      link,
      address: gateway,
      prefixLength: subnet.length,
      cause,
      inverse: "addressAdd",
    },
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
      // What it sends has its own address or that of the gateway.
      { in: "host", op: "ipv6Quiet", link, cause: "the bridge needs no link-local address", inverse },
    );
  }
  if (wish.ipv6 !== undefined) ops.push(...decideIpv6Gateway(link, wish.ipv6));
  for (const { address, prefixLength } of wish.adopted !== undefined ? [] : (bridge?.addresses ?? [])) {
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
  if (wish.attachment !== undefined) ops.push(...decideUnderlay(wish.attachment, wish.network, link, mtu));
  return ops;
}

/** fe80::1, as on Docker's bridges. */
const bridgeLinkLocal = (0xfe80n << 112n) | 1n;
const linkLocalLength = 64;

/** Done whether it is there or not: neither is changed by a second time. */
function decideIpv6Gateway(link: string, { subnet, gateway }: NonNullable<BridgeWish["ipv6"]>): NetOp[] {
  return [
    {
      in: "host",
      op: "sysctl",
      name: `net/ipv6/conf/${link}/disable_ipv6`,
      value: "0",
      cause: "the network has IPv6",
      inverse: `linkDelete ${link}`,
    },
    {
      in: "host",
      op: "address6Add",
      link,
      address: bridgeLinkLocal,
      prefixLength: linkLocalLength,
      cause: "without one the kernel asks no neighbour for an address on behalf of others",
      inverse: `linkDelete ${link}`,
    },
    {
      in: "host",
      op: "address6Add",
      link,
      address: gateway,
      prefixLength: subnet.length,
      cause: `gateway of ${formatIpv6Prefix(subnet)}`,
      inverse: `linkDelete ${link}`,
    },
  ];
}

/** Switches of the kernel that somebody may have turned back. */
export function decideSysctls(
  bridges: readonly Pick<BridgeWish, "link" | "ipv6">[],
  observed: Pick<ObservedHost, "forwarding" | "forwarding6" | "routeLocalnet">,
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
  if (!observed.forwarding6 && bridges.some(({ ipv6 }) => ipv6 !== undefined)) {
    ops.push({
      in: "host",
      op: "sysctl",
      name: forwarding6Sysctl,
      value: "1",
      cause: "IPv6 packets between containers and the world are forwarded",
      inverse: `sysctl ${forwarding6Sysctl} = 0`,
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
export function decideForeign(patterns: readonly LinkPattern[], chains: readonly ForeignChain[]): NetOp[] {
  return chains.flatMap(({ table, name, way, rules }) =>
    decideForeignRules(patterns, { way, rules })
      .reverse()
      .map(
        (insertion): NetOp => ({
          in: "host",
          op: "ruleInsert",
          table,
          chain: name,
          insertion,
          cause: `${name} of ${table.table} may drop`,
          inverse: "ruleDelete",
        }),
      ),
  );
}

function decideForeignRemoval(
  patterns: readonly LinkPattern[],
  chains: readonly ForeignChain[],
  cause: string,
): NetOp[] {
  return chains.flatMap(({ table, name, rules }) =>
    foreignRuleHandles(patterns, rules).map(
      (handle): NetOp => ({
        in: "host",
        op: "ruleDelete",
        table,
        chain: name,
        handle,
        cause,
        inverse: "ruleInsert",
      }),
    ),
  );
}

/** What is there of an engine's networks, whoever remembers it. */
export interface HostRemains {
  readonly table: TableReference;
  readonly patterns: readonly LinkPattern[];
  readonly bridges: readonly string[];
  readonly endpointLinks: readonly string[];
  readonly foreignForward: readonly ForeignChain[];
}

/** Takes all networks off the host. `switches`: forwarding that was off before us and that nobody else needs. */
export function decideRemoval(remains: HostRemains, switches: readonly string[]): NetOp[] {
  const cause = "the networks are removed";
  const ops = decideForeignRemoval(remains.patterns, remains.foreignForward, cause);
  ops.push({ in: "host", op: "tableDelete", table: remains.table, cause, inverse: "tableReplace" });
  // Links before the bridges that they are ports of.
  const links = [...remains.endpointLinks, ...remains.bridges];
  if (links.length > 0)
    ops.push({ in: "host", op: "linksDelete", links, cause, inverse: "bridgeAdd, vethAdd" });
  for (const name of switches) {
    ops.push({ in: "host", op: "sysctl", name, value: "0", cause, inverse: "sysctl = 1" });
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
  readonly ipv6?:
    | { readonly address: bigint; readonly subnet: Ipv6Prefix; readonly gateway: bigint | undefined }
    | undefined;
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
    ...decideFamilies(endpoint.ipv6 !== undefined),
    { in: "host", op: "vethAdd", link: hostLink, peer: link, peerMac: endpoint.mac, mtu, cause, inverse },
    { in: "host", op: "ipv6Quiet", link: hostLink, cause: "it has no address of its own", inverse },
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
  if (endpoint.ipv6 !== undefined) {
    const { ipv6 } = endpoint;
    ops.push({
      in: "namespace",
      op: "address6Add",
      link,
      address: ipv6.address,
      prefixLength: ipv6.subnet.length,
      cause,
      inverse,
    });
    if (ipv6.gateway !== undefined) ops.push(defaultRoute6By(ipv6.gateway));
  }
  ops.push(
    { in: "namespace", op: "linkSettle", link, cause: "the first packet counts", inverse },
    { in: "host", op: "linkSettle", link: hostLink, cause: "the first packet counts", inverse },
    { in: "host", op: "linkSettle", link: endpoint.bridge, cause: "it may be the first port", inverse },
    {
      in: "namespace",
      op: "announce",
      link,
      mac: endpoint.mac,
      addresses: [
        ipv4Bytes(address),
        ...(endpoint.ipv6 === undefined ? [] : [ipv6Bytes(endpoint.ipv6.address)]),
      ],
      cause: "neighbours may know another MAC for it",
      inverse: "none needed",
    },
  );
  return ops;
}

export interface ChildWish
  extends Pick<EndpointWish, "link" | "address" | "subnet" | "gateway" | "ipv6" | "mac" | "mtu"> {
  readonly parent: string;
  readonly child: ChildKind;
  /** It gives the default route; where it has no gateway by the link alone. */
  readonly givesDefaultRoute: boolean;
}

/** An endpoint without a host's end: a link on a parent, which goes with the namespace. */
export function decideChild(endpoint: ChildWish): NetOp[] {
  const { link, parent, child, mac, mtu, address, subnet, ipv6 } = endpoint;
  const cause = "endpoint";
  const inverse = `linkDelete ${link}`;
  const inNamespace = { in: "namespace", cause, inverse } as const;
  const ops: NetOp[] = [
    ...decideFamilies(ipv6 !== undefined),
    { in: "host", op: "childAdd", link, parent, child, mac, mtu, cause, inverse },
    { ...inNamespace, op: "linkUp", link },
    { ...inNamespace, op: "addressAdd", link, address, prefixLength: subnet.length },
  ];
  if (ipv6 !== undefined) {
    ops.push({
      ...inNamespace,
      op: "address6Add",
      link,
      address: ipv6.address,
      prefixLength: ipv6.subnet.length,
    });
  }
  // Beyond the third layer nobody answers for a gateway: the host itself routes.
  if (child.kind === "ipvlan" && child.mode !== "l2") {
    if (endpoint.givesDefaultRoute) {
      ops.push({ ...inNamespace, op: "defaultRouteByLink", link, hasIpv6: ipv6 !== undefined });
    }
    return ops;
  }
  if (endpoint.gateway !== undefined) ops.push(defaultRouteBy(endpoint.gateway));
  if (ipv6?.gateway !== undefined) ops.push(defaultRoute6By(ipv6.gateway));
  const addresses = [ipv4Bytes(address), ...(ipv6 === undefined ? [] : [ipv6Bytes(ipv6.address)])];
  ops.push(
    { ...inNamespace, op: "linkSettle", link },
    { ...inNamespace, op: "announce", link, mac, addresses, cause: "neighbours may know another MAC for it" },
  );
  return ops;
}

/** For the links that are made in the namespace after it. */
function decideFamilies(hasIpv6: boolean): NetOp[] {
  const inverse = "namespace ends";
  const sysctl = (name: string, value: string, cause: string): NetOp => ({
    in: "namespace",
    op: "sysctl",
    name: `net/ipv6/conf/default/${name}`,
    value,
    cause,
    inverse,
  });
  if (!hasIpv6) return [sysctl("disable_ipv6", "1", "the network is IPv4")];
  return [
    sysctl("disable_ipv6", "0", "the network has IPv6"),
    sysctl("accept_dad", "0", "the link-local address is that of a MAC that is given once"),
    sysctl("accept_ra", "0", "the engine says what the routes are"),
  ];
}

export function defaultRoute6By(gateway: bigint): NetOp {
  return {
    in: "namespace",
    op: "defaultRoute6",
    gateway,
    cause: "the way to everywhere else",
    inverse: "namespace ends",
  };
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
