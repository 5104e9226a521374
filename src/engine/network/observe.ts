/** Looks at the host: what there is of the default network, and which addresses others use. */
import {
  findChain,
  findLink,
  listAddresses,
  listLinks,
  listRoutes,
  listRules,
  NetlinkSocket,
  readSysctl,
} from "../../kernel/netlink/mod.ts";
import { type Prefix, prefixOf } from "../../linux/netlink/ipv4.ts";
import type { RuleState } from "../../linux/netlink/nftables/decode.ts";
import { forwardingSysctl, type ObservedNetwork, routeLocalnetSysctl } from "./decide.ts";
import { iptablesFilter, iptablesForward } from "./foreign-firewall.ts";

export interface NetworkSockets extends Disposable {
  readonly route: NetlinkSocket;
  readonly netfilter: NetlinkSocket;
}

/** Both sockets, in the namespace of the calling thread. */
export function openSockets(): NetworkSockets {
  const route = NetlinkSocket.open("route");
  const netfilter = NetlinkSocket.open("netfilter");
  return {
    route,
    netfilter,
    [Symbol.dispose]() {
      route[Symbol.dispose]();
      netfilter[Symbol.dispose]();
    },
  };
}

export function observeNetwork(sockets: NetworkSockets, bridge: string): ObservedNetwork {
  const link = findLink(sockets.route, bridge);
  return {
    bridge:
      link === undefined
        ? undefined
        : { index: link.index, up: link.up, addresses: listAddresses(sockets.route, link.index) },
    forwarding: readSysctl(forwardingSysctl) === "1",
    routeLocalnet: link !== undefined && readSysctl(routeLocalnetSysctl(bridge)) === "1",
    foreignForward: observeForeign(sockets.netfilter),
  };
}

/** The rules of iptables' FORWARD chain; undefined when iptables is not in use. */
export function observeForeign(netfilter: NetlinkSocket): RuleState[] | undefined {
  if (findChain(netfilter, iptablesFilter, iptablesForward) === undefined) return undefined;
  return listRules(netfilter, iptablesFilter, iptablesForward);
}

/** Networks that the host routes or has addresses in, without those of link `exceptIndex`. */
export function observeTaken(route: NetlinkSocket, exceptIndex: number | undefined): Prefix[] {
  const routed = listRoutes(route)
    .filter((entry) => entry.destination.length > 0 && entry.linkIndex !== exceptIndex)
    .map((entry) => entry.destination);
  // A link that is down has addresses but no routes.
  const addressed = listAddresses(route)
    .filter((entry) => entry.linkIndex !== exceptIndex)
    .map((entry) => prefixOf(entry.address, entry.prefixLength));
  return [...routed, ...addressed];
}

/** Does any other bridge exist, whose owner may rely on forwarding? */
export function otherBridges(route: NetlinkSocket, bridge: string): boolean {
  return listLinks(route, { kind: "bridge" }).some((link) => link.name !== bridge);
}

/** This instance's endpoint links on the host, ports of the bridge or not. */
export function endpointLinks(route: NetlinkSocket, isOurs: (name: string) => boolean): string[] {
  return listLinks(route, { kind: "veth" })
    .map((link) => link.name)
    .filter(isOurs);
}
