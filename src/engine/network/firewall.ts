/**
 * The default network's nftables table as data: base chains with their rules, two maps of published ports. Pure;
 * the same data is printed as nft text (`renderRuleset`) and encoded for the kernel (`replaceRuleset`).
 *
 * Packets of a published port are rewritten (DNAT) by looking protocol, address and port up in a map, so publishing
 * a port changes an element and never a rule. Three things are not obvious:
 *
 * - The host's own connections to a published port do not pass prerouting, hence the same maps in output. Those to
 *   127.0.0.1 leave through the bridge with a loopback source, which route_localnet on the bridge permits and the
 *   masquerade turns into the gateway's address.
 * - route_localnet would also let containers (and, for prerouting DNAT of a 127.0.0.1 port, the neighbours of the
 *   host) reach the host's loopback. `guard` drops the former before connection tracking restores the addresses of
 *   legitimate answers; the return in `prerouting` stops the latter. (CVE-2020-8558)
 * - A container that calls a published port of a container on the same bridge would get the answer directly, from an
 *   address it never called, hence the masquerade of rewritten traffic inside the subnet.
 */

import { protocolNumbers } from "../../linux/netlink/conntrack.ts";
import { ipv4Bytes, type Prefix, parseIpv4 } from "../../linux/netlink/ipv4.ts";
import type { NetlinkRequest } from "../../linux/netlink/message.ts";
import {
  accept,
  ctState,
  ctStatusDnat,
  dnatByAddressAndPort,
  dnatByPort,
  drop,
  fibDestinationLocal,
  iifname,
  ipDestination,
  ipSource,
  masquerade,
  notOifname,
  oifname,
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
import type { PublishedPort } from "./model.ts";

export interface Chain {
  readonly name: string;
  readonly base: BaseChain;
  readonly rules: readonly Rule[];
}

export interface Ruleset {
  readonly table: TableReference;
  readonly maps: readonly SetDeclaration[];
  readonly chains: readonly Chain[];
}

const loopback: Prefix = { network: 0x7f00_0000, length: 8 };
export const portMaps = { anyAddress: "published_any", oneAddress: "published" } as const;

const maps: readonly SetDeclaration[] = [
  {
    name: portMaps.oneAddress,
    key: ["inet_proto", "ipv4_addr", "inet_service"],
    data: ["ipv4_addr", "inet_service"],
  },
  { name: portMaps.anyAddress, key: ["inet_proto", "inet_service"], data: ["ipv4_addr", "inet_service"] },
];

/** The whole table, without its elements. */
export function defaultRuleset(table: TableReference, bridge: string, subnet: Prefix): Ruleset {
  const rewrite: readonly Rule[] = [
    { phrases: [dnatByAddressAndPort(portMaps.oneAddress)] },
    { phrases: [fibDestinationLocal, dnatByPort(portMaps.anyAddress)] },
  ];
  return {
    table,
    maps,
    chains: [
      {
        name: "guard",
        base: { type: "filter", hook: "prerouting", priority: -300, policy: "accept" },
        rules: [
          {
            phrases: [iifname(bridge), ipDestination(loopback), drop],
            comment: "host loopback is not for containers",
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
        rules: rewrite,
      },
      {
        name: "forward",
        base: { type: "filter", hook: "forward", priority: 0, policy: "accept" },
        rules: [
          { phrases: [iifname(bridge), accept], comment: "containers may call out and each other" },
          { phrases: [oifname(bridge), ctState("established", "related"), accept] },
          { phrases: [oifname(bridge), ctStatusDnat, accept], comment: "published ports" },
          { phrases: [oifname(bridge), drop], comment: "nothing else reaches a container" },
        ],
      },
      {
        name: "postrouting",
        base: { type: "nat", hook: "postrouting", priority: 100, policy: "accept" },
        rules: [
          { phrases: [notOifname(bridge), ipSource(subnet), masquerade], comment: "containers to the world" },
          {
            phrases: [oifname(bridge), ipSource(loopback), masquerade],
            comment: "127.0.0.1 to a published port",
          },
          {
            phrases: [oifname(bridge), ipSource(subnet), ctStatusDnat, masquerade],
            comment: "container to a published port",
          },
        ],
      },
    ],
  };
}

/** One rule in nft's language. */
export function renderRule(rule: Rule): string {
  const text = rule.phrases.map((phrase) => phrase.text).join(" ");
  return rule.comment === undefined ? text : `${text} comment "${rule.comment}"`;
}

/** The table in nft's language. */
export function renderRuleset({ table, maps: declared, chains }: Ruleset): string {
  const lines = [`table ${table.family} ${table.table} {`];
  for (const map of declared) {
    const data = map.data === undefined || map.data === "verdict" ? "verdict" : map.data.join(" . ");
    lines.push(`  map ${map.name} {`, `    type ${map.key.join(" . ")} : ${data}`, "  }");
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
export function replaceRuleset(ruleset: Ruleset, ports: readonly PortMapping[]): NetlinkRequest[] {
  const { table } = ruleset;
  return [
    // Making it first lets the deletion succeed when there is none yet.
    newTable(table),
    deleteTable(table),
    newTable(table),
    ...ruleset.maps.map((map, index) => newSet(table, map, index + 1)),
    ...ruleset.chains.map((chain) => newChain(table, chain.name, chain.base)),
    ...ruleset.chains.flatMap((chain) => chain.rules.map((rule) => newRule(table, chain.name, rule))),
    ...publishRequests(table, ports),
  ];
}

/** A published port and the container address behind it. */
export interface PortMapping {
  readonly port: PublishedPort;
  readonly address: number;
}

const anyAddress = "0.0.0.0";

function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >>> 8, port & 0xff);
}

/** The mapping's key in its map; the data is `address . containerPort`. */
function elementOf({ port, address }: PortMapping): { readonly map: string; readonly element: SetElement } {
  const protocol = Uint8Array.of(protocolNumbers[port.protocol]);
  const data = [ipv4Bytes(address), portBytes(port.containerPort)];
  if (port.hostAddress === anyAddress) {
    return { map: portMaps.anyAddress, element: { key: [protocol, portBytes(port.hostPort)], data } };
  }
  const host = parseIpv4(port.hostAddress);
  if (host === undefined) throw new RangeError(`${JSON.stringify(port.hostAddress)} is no IPv4 address`);
  return {
    map: portMaps.oneAddress,
    element: { key: [protocol, ipv4Bytes(host), portBytes(port.hostPort)], data },
  };
}

function byMap(mappings: readonly PortMapping[]): Map<string, SetElement[]> {
  const groups = new Map<string, SetElement[]>();
  for (const mapping of mappings) {
    const { map, element } = elementOf(mapping);
    const group = groups.get(map);
    if (group === undefined) groups.set(map, [element]);
    else group.push(element);
  }
  return groups;
}

export function publishRequests(table: TableReference, mappings: readonly PortMapping[]): NetlinkRequest[] {
  return [...byMap(mappings)].flatMap(([map, elements]) => addElements(table, map, elements));
}

export function unpublishRequests(table: TableReference, mappings: readonly PortMapping[]): NetlinkRequest[] {
  return [...byMap(mappings)].flatMap(([map, elements]) =>
    deleteElements(
      table,
      map,
      elements.map(({ key }) => ({ key })),
    ),
  );
}
