/**
 * The engine's nftables table as data: base chains with their rules, sets of what the networks are, maps of published
 * ports. Pure; the same data is printed as nft text (`renderRuleset`) and encoded for the kernel (`replaceRuleset`).
 *
 * The rules are the same for no network and for a thousand: a network is elements of sets, a published port is an element of
 * a map, so a packet's way costs a few look-ups however many of both there are, and a change never touches a rule.
 * Four things are not obvious:
 *
 * - The host's own connections to a published port do not pass prerouting, hence the same maps in output. Those to
 *   127.0.0.1 leave through a bridge with a loopback source, which route_localnet on the bridge permits and the
 *   masquerade turns into the gateway's address.
 * - route_localnet would also let containers (and, for prerouting DNAT of a 127.0.0.1 port, the neighbours of the
 *   host) reach the host's loopback. `guard` drops the former before connection tracking restores the addresses of
 *   legitimate answers; the return in `prerouting` stops the latter. (CVE-2020-8558)
 * - A container that calls a published port of a container on the same bridge would get the answer directly, from an
 *   address it never called, hence the masquerade of rewritten traffic from inside the subnets. It goes by source, as
 *   bridged packets have no incoming link in postrouting.
 * - With br_netfilter bridged packets pass `forward` as well, with the bridge as both links: `within` lets them through.
 */

import { protocolNumbers } from "../../linux/netlink/conntrack.ts";
import { broadcastOf, ipv4Bytes, type Prefix, parseIpv4 } from "../../linux/netlink/ipv4.ts";
import { type Ipv6Prefix, ipv6Bytes, ipv6LastOf, parseIpv6 } from "../../linux/netlink/ipv6.ts";
import type { NetlinkRequest } from "../../linux/netlink/message.ts";
import {
  accept,
  ctState,
  ctStatusDnat,
  dnatByAddressAndPort,
  dnatByPort,
  drop,
  fibDestinationLocal,
  fibSourceElsewhere,
  iifnameIn,
  ip6DestinationLoopback,
  ip6SourceLinkLocal,
  ip6SourceNone,
  ipDestination,
  ipFlowIn,
  ipSource,
  ipSourceIn,
  linkNameKey,
  linkPairIn,
  masquerade,
  oifnameIn,
  returnToCaller,
} from "../../linux/netlink/nftables/phrase.ts";
import {
  addElements,
  type BaseChain,
  deleteElements,
  deleteTable,
  newChain,
  newRule,
  newSet,
  newTable,
  type Rule,
  type SetDeclaration,
  type SetElement,
  type TableReference,
} from "../../linux/netlink/nftables/request.ts";
import type { PortProtocol, PublishedPort } from "./model.ts";

export interface Chain {
  readonly name: string;
  readonly base: BaseChain;
  readonly rules: readonly Rule[];
}

export interface Ruleset {
  readonly table: TableReference;
  readonly sets: readonly SetDeclaration[];
  readonly chains: readonly Chain[];
}

/** What the rules have to know of a bridge. */
export interface BridgeRules {
  readonly link: string;
  readonly subnet: Prefix;
  readonly ipv6?: { readonly subnet: Ipv6Prefix } | undefined;
  /** Nothing goes in or out. */
  readonly internal: boolean;
  /** Its containers reach each other. */
  readonly openWithin: boolean;
  /** What leaves it has the host's address. */
  readonly masquerade: boolean;
}

/** Elements of one set or map. */
export interface SetContent {
  readonly set: string;
  readonly elements: readonly SetElement[];
}

const lastIpv6 = (1n << 128n) - 1n;
const loopback: Prefix = { network: 0x7f00_0000, length: 8 };
export const portMaps = {
  anyAddress: "published_any",
  oneAddress: "published",
  anyAddress6: "published6_any",
  oneAddress6: "published6",
} as const;
export const networkSets = {
  bridges: "bridges",
  internal: "internal",
  within: "within",
  masqueraded: "masqueraded",
  subnets: "subnets",
  subnets6: "subnets6",
  linked: "linked",
} as const;

const sets: readonly SetDeclaration[] = [
  { name: networkSets.bridges, key: ["ifname"] },
  { name: networkSets.internal, key: ["ifname"] },
  { name: networkSets.within, key: ["ifname", "ifname"] },
  { name: networkSets.masqueraded, key: ["ifname"] },
  { name: networkSets.subnets, key: ["ipv4_addr"], interval: true },
  { name: networkSets.subnets6, key: ["ipv6_addr"], interval: true },
  { name: networkSets.linked, key: ["ipv4_addr", "ipv4_addr", "inet_proto", "inet_service"] },
  {
    name: portMaps.oneAddress,
    key: ["inet_proto", "ipv4_addr", "inet_service"],
    data: ["ipv4_addr", "inet_service"],
  },
  { name: portMaps.anyAddress, key: ["inet_proto", "inet_service"], data: ["ipv4_addr", "inet_service"] },
  {
    name: portMaps.oneAddress6,
    key: ["inet_proto", "ipv6_addr", "inet_service"],
    data: ["ipv6_addr", "inet_service"],
  },
  { name: portMaps.anyAddress6, key: ["inet_proto", "inet_service"], data: ["ipv6_addr", "inet_service"] },
];

/** The whole table, without its elements. */
export function hostRuleset(table: TableReference): Ruleset {
  const rewrite: readonly Rule[] = [
    { phrases: [dnatByAddressAndPort(portMaps.oneAddress)] },
    { phrases: [fibDestinationLocal, dnatByPort(portMaps.anyAddress)] },
    { phrases: [dnatByAddressAndPort(portMaps.oneAddress6, "ip6")] },
    { phrases: [fibDestinationLocal, dnatByPort(portMaps.anyAddress6, "ip6")] },
  ];
  const fromBridge = iifnameIn(networkSets.bridges);
  const toBridge = oifnameIn(networkSets.bridges);
  return {
    table,
    sets,
    chains: [
      {
        name: "guard",
        base: { type: "filter", hook: "prerouting", priority: -300, policy: "accept" },
        rules: [
          {
            phrases: [fromBridge, ipDestination(loopback), drop],
            comment: "host loopback is not for containers",
          },
        ],
      },
      {
        // After connection tracking, so that only the first packets are looked up.
        name: "source",
        base: { type: "filter", hook: "prerouting", priority: -150, policy: "accept" },
        rules: [
          { phrases: [ctState("established"), accept] },
          { phrases: [ip6SourceLinkLocal, accept] },
          { phrases: [ip6SourceNone, accept] },
          {
            phrases: [fromBridge, fibSourceElsewhere, drop],
            comment: "a source that is not of the network",
          },
        ],
      },
      {
        name: "prerouting",
        base: { type: "nat", hook: "prerouting", priority: -100, policy: "accept" },
        rules: [
          {
            phrases: [ipDestination(loopback), returnToCaller],
            comment: "loopback ports are not for neighbours",
          },
          ...rewrite,
        ],
      },
      {
        name: "output",
        base: { type: "nat", hook: "output", priority: -100, policy: "accept" },
        rules: [
          { phrases: [ip6DestinationLoopback, returnToCaller], comment: "the engine passes on itself" },
          ...rewrite,
        ],
      },
      {
        name: "forward",
        base: { type: "filter", hook: "forward", priority: 0, policy: "accept" },
        rules: [
          { phrases: [linkPairIn(networkSets.within), accept], comment: "within a network" },
          { phrases: [iifnameIn(networkSets.internal), drop], comment: "internal networks are closed" },
          { phrases: [oifnameIn(networkSets.internal), drop], comment: "internal networks are closed" },
          { phrases: [toBridge, ctState("established", "related"), accept] },
          { phrases: [toBridge, ctStatusDnat, accept], comment: "published ports" },
          { phrases: [ipFlowIn(networkSets.linked), accept], comment: "links" },
          { phrases: [toBridge, drop], comment: "nothing else reaches a container" },
          { phrases: [fromBridge, accept], comment: "containers may call out" },
        ],
      },
      {
        name: "postrouting",
        base: { type: "nat", hook: "postrouting", priority: 100, policy: "accept" },
        rules: [
          { phrases: [toBridge, ipSource(loopback), masquerade], comment: "127.0.0.1 to a published port" },
          {
            phrases: [toBridge, ipSourceIn(networkSets.subnets), ctStatusDnat, masquerade],
            comment: "container to a published port",
          },
          {
            phrases: [toBridge, ipSourceIn(networkSets.subnets6, "ip6"), ctStatusDnat, masquerade],
            comment: "container to a published port",
          },
          { phrases: [linkPairIn(networkSets.within), returnToCaller] },
          { phrases: [ipFlowIn(networkSets.linked), returnToCaller] },
          { phrases: [iifnameIn(networkSets.masqueraded), masquerade], comment: "containers to the world" },
        ],
      },
    ],
  };
}

/** What of the sets is a bridge's. */
export function bridgeContents(bridge: BridgeRules): SetContent[] {
  const link = linkNameKey(bridge.link);
  const after = broadcastOf(bridge.subnet) + 1;
  const range: SetElement[] = [{ key: [ipv4Bytes(bridge.subnet.network)] }];
  // A range up to the last address of all has no end.
  if (after <= 0xffff_ffff) range.push({ key: [ipv4Bytes(after)], end: true });
  return [
    { set: networkSets.bridges, elements: [{ key: [link] }] },
    ...(bridge.internal ? [{ set: networkSets.internal, elements: [{ key: [link] }] }] : []),
    ...(bridge.openWithin ? [{ set: networkSets.within, elements: [{ key: [link, link] }] }] : []),
    ...(bridge.masquerade ? [{ set: networkSets.masqueraded, elements: [{ key: [link] }] }] : []),
    { set: networkSets.subnets, elements: range },
    ...(bridge.ipv6 === undefined
      ? []
      : [{ set: networkSets.subnets6, elements: range6(bridge.ipv6.subnet) }]),
  ];
}

function range6(subnet: Ipv6Prefix): SetElement[] {
  const first: SetElement = { key: [ipv6Bytes(subnet.network)] };
  const last = ipv6LastOf(subnet);
  return last === lastIpv6 ? [first] : [first, { key: [ipv6Bytes(last + 1n)], end: true }];
}

/** One rule in nft's language. */
export function renderRule(rule: Rule): string {
  const text = rule.phrases.map((phrase) => phrase.text).join(" ");
  return rule.comment === undefined ? text : `${text} comment "${rule.comment}"`;
}

/** The table in nft's language. */
export function renderRuleset({ table, sets: declared, chains }: Ruleset): string {
  const lines = [`table ${table.family} ${table.table} {`];
  for (const { name, key, data, interval } of declared) {
    const type =
      data === undefined
        ? key.join(" . ")
        : `${key.join(" . ")} : ${data === "verdict" ? data : data.join(" . ")}`;
    lines.push(`  ${data === undefined ? "set" : "map"} ${name} {`, `    type ${type}`);
    if (interval === true) lines.push("    flags interval");
    lines.push("  }");
  }
  for (const { name, base, rules } of chains) {
    lines.push(
      `  chain ${name} {`,
      `    type ${base.type} hook ${base.hook} priority ${base.priority}; policy ${base.policy};`,
      ...rules.map((rule) => `    ${renderRule(rule)}`),
      "  }",
    );
  }
  return [...lines, "}"].join("\n");
}

/** Requests that put this table in place of whatever has its name, for one transaction. */
export function replaceRuleset(ruleset: Ruleset, contents: readonly SetContent[]): NetlinkRequest[] {
  const { table } = ruleset;
  return [
    // Making it first lets the deletion succeed when there is none yet.
    newTable(table),
    deleteTable(table),
    newTable(table),
    ...ruleset.sets.map((set, index) => newSet(table, set, index + 1)),
    ...ruleset.chains.map((chain) => newChain(table, chain.name, chain.base)),
    ...ruleset.chains.flatMap((chain) => chain.rules.map((rule) => newRule(table, chain.name, rule))),
    ...addContents(table, contents),
  ];
}

/** A published port and the container address behind it. */
export interface PortMapping {
  readonly port: PublishedPort;
  /** Of the family of the port's own address. */
  readonly address: number | bigint;
}

const anyAddress = { ipv4: "0.0.0.0", ipv6: "::" } as const;

export function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >>> 8, port & 0xff);
}

/** The mapping's key in its map; the data is `address . containerPort`. */
function portContent({ port, address }: PortMapping): SetContent {
  const isIpv6 = typeof address === "bigint";
  const protocol = Uint8Array.of(protocolNumbers[port.protocol]);
  const data = [isIpv6 ? ipv6Bytes(address) : ipv4Bytes(address), portBytes(port.containerPort)];
  if (port.hostAddress === anyAddress[isIpv6 ? "ipv6" : "ipv4"]) {
    const set = isIpv6 ? portMaps.anyAddress6 : portMaps.anyAddress;
    return { set, elements: [{ key: [protocol, portBytes(port.hostPort)], data }] };
  }
  const host = isIpv6 ? hostBytes6(port.hostAddress) : hostBytes(port.hostAddress);
  if (host === undefined) {
    throw new RangeError(`${JSON.stringify(port.hostAddress)} is no ${isIpv6 ? "IPv6" : "IPv4"} address`);
  }
  const set = isIpv6 ? portMaps.oneAddress6 : portMaps.oneAddress;
  return { set, elements: [{ key: [protocol, host, portBytes(port.hostPort)], data }] };
}

function hostBytes(text: string): Uint8Array | undefined {
  const host = parseIpv4(text);
  return host === undefined ? undefined : ipv4Bytes(host);
}

function hostBytes6(text: string): Uint8Array | undefined {
  const host = parseIpv6(text);
  return host === undefined ? undefined : ipv6Bytes(host);
}

/** What of the maps are these ports. */
export function portContents(mappings: readonly PortMapping[]): SetContent[] {
  return mappings.map(portContent);
}

/** What one container may begin with another one. */
export interface Flow {
  readonly source: number;
  readonly destination: number;
  readonly protocol: PortProtocol;
  readonly port: number;
}

/** What of the set of links are these flows. */
export function flowContents(flows: readonly Flow[]): SetContent[] {
  return flows.map(({ source, destination, protocol, port }) => {
    const key = [
      ipv4Bytes(source),
      ipv4Bytes(destination),
      Uint8Array.of(protocolNumbers[protocol]),
      portBytes(port),
    ];
    return { set: networkSets.linked, elements: [{ key }] };
  });
}

/** One list of elements per set. */
function grouped(contents: readonly SetContent[]): [string, SetElement[]][] {
  const groups = new Map<string, SetElement[]>();
  for (const { set, elements } of contents) {
    const group = groups.get(set);
    if (group === undefined) groups.set(set, [...elements]);
    else group.push(...elements);
  }
  return [...groups];
}

export function addContents(table: TableReference, contents: readonly SetContent[]): NetlinkRequest[] {
  return grouped(contents).flatMap(([set, elements]) => addElements(table, set, elements));
}

export function deleteContents(table: TableReference, contents: readonly SetContent[]): NetlinkRequest[] {
  return grouped(contents).flatMap(([set, elements]) =>
    deleteElements(
      table,
      set,
      elements.map(({ key, end }) => ({ key, ...(end === true && { end }) })),
    ),
  );
}
