/** From what the default network should be and what the host has to the ops that close the gap. Pure. */
import { broadcastOf, formatPrefix, type Prefix } from "../../linux/netlink/ipv4.ts";
import type { RuleState } from "../../linux/netlink/nftables/decode.ts";
import { defaultRuleset, type PortMapping } from "./firewall.ts";
import {
  decideForeignRules,
  foreignRuleHandles,
  iptablesFilter,
  iptablesForward,
} from "./foreign-firewall.ts";
import type { HostNames } from "./names.ts";
import type { NetOp } from "./op.ts";

export interface DesiredNetwork {
  readonly names: HostNames;
  readonly subnet: Prefix;
  readonly gateway: number;
  readonly ports: readonly PortMapping[];
}

/** What the host has of it now. */
export interface ObservedNetwork {
  readonly bridge:
    | {
        readonly index: number;
        readonly up: boolean;
        readonly addresses: readonly { readonly address: number; readonly prefixLength: number }[];
      }
    | undefined;
  /** net.ipv4.ip_forward is on. */
  readonly forwarding: boolean;
  /** net.ipv4.conf.BRIDGE.route_localnet is on. */
  readonly routeLocalnet: boolean;
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
export function decideSetup(desired: DesiredNetwork, observed: ObservedNetwork): NetOp[] {
  return [
    ...decideBridge(desired, observed.bridge),
    ...decideSysctls(desired.names.bridge, observed),
    {
      in: "host",
      op: "tableReplace",
      ruleset: defaultRuleset(desired.names.table, desired.names.bridge, desired.subnet),
      ports: desired.ports,
      cause: "NAT, published ports, protection of containers",
      inverse: "tableDelete",
    },
    ...decideForeign(desired.names.bridge, observed.foreignForward),
  ];
}

function decideBridge(desired: DesiredNetwork, bridge: ObservedNetwork["bridge"]): NetOp[] {
  const { gateway, subnet } = desired;
  const link = desired.names.bridge;
  const ops: NetOp[] = [];
  if (bridge === undefined) {
    const inverse = `linkDelete ${link}`;
    ops.push(
      { in: "host", op: "bridgeAdd", link, mac: macOf(gateway), cause: "default network", inverse },
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
    ops.push({ in: "host", op: "linkUp", link, cause: "default network", inverse: `linkDelete ${link}` });
  }
  return ops;
}

/** Switches of the kernel that somebody may have turned back. */
export function decideSysctls(bridge: string, observed: ObservedNetwork): NetOp[] {
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
  if (!observed.routeLocalnet) {
    ops.push({
      in: "host",
      op: "sysctl",
      name: routeLocalnetSysctl(bridge),
      value: "1",
      cause: "published ports answer on 127.0.0.1",
      inverse: `linkDelete ${bridge}`,
    });
  }
  return ops;
}

/** Only what another firewall lacks; part of the set-up and of the periodic look. */
export function decideForeign(bridge: string, chain: readonly RuleState[] | undefined): NetOp[] {
  if (chain === undefined) return [];
  return decideForeignRules(bridge, chain)
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

/** Takes the network off the host. `restoreForwarding`: it was off before us and nobody else needs it. */
export function decideRemoval(
  names: HostNames,
  observed: Pick<ObservedNetwork, "bridge" | "foreignForward">,
  endpointLinks: readonly string[],
  restoreForwarding: boolean,
): NetOp[] {
  const cause = "the network is removed";
  const ops: NetOp[] = foreignRuleHandles(names.bridge, observed.foreignForward ?? []).map((handle) => ({
    in: "host",
    op: "ruleDelete",
    table: iptablesFilter,
    chain: iptablesForward,
    handle,
    cause,
    inverse: "ruleInsert",
  }));
  ops.push({ in: "host", op: "tableDelete", table: names.table, cause, inverse: "tableReplace" });
  for (const link of endpointLinks) {
    ops.push({ in: "host", op: "linkDelete", link, cause, inverse: "vethAdd" });
  }
  if (observed.bridge !== undefined) {
    ops.push({ in: "host", op: "linkDelete", link: names.bridge, cause, inverse: "bridgeAdd" });
  }
  if (restoreForwarding) {
    ops.push({ in: "host", op: "sysctl", name: forwardingSysctl, value: "0", cause, inverse: "sysctl = 1" });
  }
  return ops;
}

/** An endpoint: the pair, its host end on the bridge, its other end configured as `eth0`. */
export function decideEndpoint(endpoint: {
  readonly hostLink: string;
  readonly bridge: string;
  readonly address: number;
  readonly subnet: Prefix;
  readonly gateway: number;
  readonly mac: Uint8Array;
}): NetOp[] {
  const { hostLink, address, gateway, subnet } = endpoint;
  const inverse = "namespace ends";
  const cause = "endpoint";
  return [
    {
      in: "namespace",
      op: "sysctl",
      name: "net/ipv6/conf/default/disable_ipv6",
      value: "1",
      cause: "the network is IPv4",
      inverse,
    },
    ...openedSysctls,
    { in: "host", op: "vethAdd", link: hostLink, peer: containerLink, peerMac: endpoint.mac, cause, inverse },
    { in: "host", op: "ipv6Quiet", link: hostLink, cause: "the network is IPv4", inverse },
    { in: "host", op: "bridgePort", link: hostLink, bridge: endpoint.bridge, cause, inverse },
    {
      in: "host",
      op: "bridgeHairpin",
      link: hostLink,
      cause: "with br_netfilter a container that calls its own published port comes back through its port",
      inverse,
    },
    {
      in: "host",
      op: "neighbourForget",
      link: endpoint.bridge,
      address,
      cause: "the address had another MAC before",
      inverse: "none needed",
    },
    { in: "host", op: "linkUp", link: hostLink, cause, inverse },
    { in: "namespace", op: "linkUp", link: "lo", cause, inverse },
    { in: "namespace", op: "linkUp", link: containerLink, cause, inverse },
    {
      in: "namespace",
      op: "addressAdd",
      link: containerLink,
      address,
      prefixLength: subnet.length,
      cause,
      inverse,
    },
    { in: "namespace", op: "defaultRoute", gateway, cause, inverse },
    { in: "namespace", op: "linkSettle", link: containerLink, cause: "the first packet counts", inverse },
    { in: "host", op: "linkSettle", link: hostLink, cause: "the first packet counts", inverse },
    { in: "host", op: "linkSettle", link: endpoint.bridge, cause: "it may be the first port", inverse },
  ];
}

export const containerLink = "eth0";

/** A namespace with nothing but its loopback. */
export function decideIsolated(): NetOp[] {
  const inverse = "namespace ends";
  return [...openedSysctls, { in: "namespace", op: "linkUp", link: "lo", cause: "network none", inverse }];
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
