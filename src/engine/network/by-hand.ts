/**
 * A container's networks as a script makes them by hand: the operations that the engine itself decides on, for a namespace, links
 * and a table of the script's own, so that it needs no engine and takes nothing of one's away. Pure.
 */
import { oneLine, quote } from "../../lib/shell-words.ts";
import { parseIpv4, parseMac, parsePrefix } from "../../linux/netlink/ipv4.ts";
import { parseIpv6 } from "../../linux/netlink/ipv6.ts";
import type { Vocabulary } from "../../plan/mod.ts";
import { BridgeNetwork } from "./bridge-network.ts";
import { hasNameServer } from "./built-in-networks.ts";
import {
  decideChild,
  decideEndpoint,
  decideNamespace,
  decideNewBridge,
  macOf,
  type ObservedHost,
} from "./decide.ts";
import { bridgeContents, hostRuleset, type PortMapping, portContents } from "./firewall.ts";
import type { EndpointRecord, Network, PublishedPort } from "./model.ts";
import { netOpScript } from "./net-op-script.ts";
import { gatewayEndpoint } from "./network-registry.ts";
import type { NetOp } from "./op.ts";
import { decideUnderlay, isParent } from "./underlay.ts";

export interface HandNetwork {
  /** File of the network namespace. */
  readonly namespace: string;
  readonly lines: readonly string[];
  /** What is different from the engine's, one sentence each. */
  readonly notes: readonly string[];
}

interface KnownNetworks {
  byId(id: string): Network | undefined;
}

const nothingThere: ObservedHost = {
  bridges: new Map(),
  forwarding: false,
  forwarding6: false,
  routeLocalnet: new Set(),
  foreignForward: [],
};

/** Lets the kernel's switches be as they were at the end. */
export function switchFunction({ say }: Vocabulary): string[] {
  return [
    `# ${say("Sets a switch of the kernel, and back at the end.")}`,
    "switch() {",
    '  [ -e "$1" ] || return 0',
    '  switch_before=$(cat "$1")',
    '  [ "$switch_before" = "$2" ] || { echo "$2" > "$1"; later "echo $switch_before > $1"; }',
    "}",
  ];
}

export function networkByHand(
  id: string,
  endpoints: readonly EndpointRecord[],
  ports: readonly PublishedPort[],
  networks: KnownNetworks,
  vocabulary: Vocabulary,
  isHeld: boolean,
): HandNetwork {
  const { say } = vocabulary;
  const name = `by-hand-${id.slice(0, 12)}`;
  const ops = decideHandNetwork(id, endpoints, ports, networks);
  const notes: string[] = [];
  if (endpoints.some(({ network }) => hasNameServer(networks.byId(network)))) {
    notes.push(say("nobody answers for names of other containers: the engine's name server is not by hand"));
  }
  if (ports.some(({ mode }) => mode === "socket")) {
    notes.push(say("ports in the mode socket are rewritten by the firewall instead"));
  }
  return {
    namespace: `/run/netns/${name}`,
    lines: [
      ...switchFunction(vocabulary),
      // Of a user namespace it is there already, with whoever holds it.
      isHeld ? `ip netns attach ${quote(name)} "$holder"` : `ip netns add ${quote(name)}`,
      `later "ip netns delete ${quote(name)}"`,
      ...ops.flatMap((op) => withReason(op, netOpScript(op, name), vocabulary)),
    ],
    notes,
  };
}

export function withReason(op: NetOp, lines: readonly string[], { phrase }: Vocabulary): string[] {
  return [`# ${op.op}: ${oneLine(phrase(op.cause))}`, ...lines];
}

export function decideHandNetwork(
  id: string,
  endpoints: readonly EndpointRecord[],
  ports: readonly PublishedPort[],
  networks: KnownNetworks,
  /** Networks that are made although nobody is in them. */
  empty: readonly Network[] = [],
): NetOp[] {
  const table = { family: "inet", table: `by_hand_${id.slice(0, 12)}` } as const;
  const known = endpoints.flatMap((endpoint) => {
    const network = networks.byId(endpoint.network);
    return network === undefined
      ? []
      : [{ endpoint, network, bridge: new BridgeNetwork(network, undefined) }];
  });
  const all = [
    ...known,
    ...empty
      .filter(({ subnet }) => subnet !== "")
      .map((network) => ({ network, bridge: new BridgeNetwork(network, undefined) })),
  ];
  const bridges = all.flatMap(({ bridge }) => (bridge.isOnParent ? [] : [bridge.wish]));
  const underlays = all.flatMap(({ network: { attachment, name, mtu } }) =>
    attachment !== undefined && isParent(attachment) ? decideUnderlay(attachment, name, "", mtu) : [],
  );
  const [gateway, gateway6, target] = (["ipv4", "ipv6", "ports"] as const).map((purpose) =>
    gatewayEndpoint(endpoints, networks, purpose),
  );
  const contents = [...bridges.flatMap(bridgeContents), ...portContents(mappings(ports, target))];
  const rules: NetOp[] =
    bridges.length === 0
      ? []
      : [
          {
            in: "host",
            op: "tableReplace",
            ruleset: hostRuleset(table),
            contents,
            cause: "NAT, published ports, protection of containers",
            inverse: "tableDelete",
          },
        ];
  return [
    ...bridges.flatMap((wish) => decideNewBridge(wish, nothingThere)),
    ...underlays,
    ...rules,
    ...(known.length > 0 || empty.length === 0 ? decideNamespace() : []),
    ...known.flatMap(({ endpoint, bridge }, index) => {
      const { wish } = bridge;
      const { ipv6 } = endpoint;
      const address = parseIpv4(endpoint.address) ?? 0;
      const base = {
        link: endpoint.link,
        address,
        subnet: wish.subnet,
        gateway: endpoint === gateway && !wish.internal ? wish.gateway : undefined,
        mac: parseMac(endpoint.mac) ?? macOf(address),
        mtu: wish.mtu,
        ...(ipv6 !== undefined &&
          wish.ipv6 !== undefined && {
            ipv6: {
              address: parseIpv6(ipv6.address) ?? 0n,
              subnet: wish.ipv6.subnet,
              gateway: endpoint === gateway6 && !wish.internal ? wish.ipv6.gateway : undefined,
            },
          }),
      };
      const { attachment } = bridge.network;
      if (attachment !== undefined && attachment.kind !== "vxlan") {
        const child =
          attachment.kind === "macvlan"
            ? ({ kind: attachment.kind, mode: attachment.mode } as const)
            : ({ kind: attachment.kind, mode: attachment.mode } as const);
        return decideChild({ ...base, parent: wish.link, child, givesDefaultRoute: endpoint === gateway });
      }
      const hostLink = `hand${id.slice(0, 8)}${index}`;
      return decideEndpoint({ ...base, hostLink, bridge: wish.link, isolated: !wish.openWithin });
    }),
  ];
}

function mappings(ports: readonly PublishedPort[], target: EndpointRecord | undefined): PortMapping[] {
  return ports.flatMap((port) => {
    const address = port.hostAddress.includes(":")
      ? parseIpv6(target?.ipv6?.address ?? "")
      : parseIpv4(target?.address ?? "");
    return address === undefined ? [] : [{ port, address }];
  });
}

/** An address that nobody has: the highest, as the engine gives the lowest. Undefined where there is none. */
export function spareAddress(network: Network, taken: ReadonlySet<string>): number | undefined {
  const { addresses } = new BridgeNetwork(network, undefined);
  for (const text of taken) {
    const address = parseIpv4(text);
    if (address !== undefined && addresses.contains(address)) addresses.takeExactly(address);
  }
  const range = parsePrefix(network.ipRange) ?? addresses.prefix;
  const last = range.network + 2 ** (32 - range.length) - 2;
  for (let address = last; address > range.network && address > last - 4096; address -= 1) {
    if (addresses.contains(address) && addresses.takeExactly(address)) return address;
  }
  return undefined;
}
