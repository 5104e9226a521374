/** Looks at the host: what there is of the default network, and which addresses others use. */
import {
  findChain,
  findLink,
  listAddresses,
  listIpRoutes,
  listLinks,
  listRoutes,
  listRules,
  NetlinkSocket,
  readSysctl,
} from "../../kernel/netlink/mod.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { addressFamilies } from "../../linux/netlink/ip-address.ts";
import { type Prefix, prefixOf } from "../../linux/netlink/ipv4.ts";
import { type Ipv6Prefix, ipv6FromBytes } from "../../linux/netlink/ipv6.ts";
import type { Link } from "../../linux/netlink/link.ts";
import {
  forwarding6Sysctl,
  forwardingSysctl,
  type ObservedBridge,
  type ObservedHost,
  routeLocalnetSysctl,
} from "./decide.ts";
import { type ForeignChain, foreignChainsBy } from "./foreign-firewall.ts";

/** The first bits of fe80::/10 and of ff00::/8. */
const linkLocal = 0xfe80n >> 6n;
const multicast = 0xffn;

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

/** The host as it is, with the bridges of these names. Two dumps, however many they are. */
export function observeHost(sockets: NetworkSockets, bridges: readonly string[]): ObservedHost {
  const wanted = new Set(bridges);
  const found = new Map<string, ObservedBridge>();
  const routeLocalnet = new Set<string>();
  for (const link of bridgeLinks(sockets.route, bridges)) {
    if (!wanted.has(link.name)) continue;
    found.set(link.name, { index: link.index, up: link.up, addresses: [] });
    if (readSysctl(routeLocalnetSysctl(link.name)) === "1") routeLocalnet.add(link.name);
  }
  const [only] = found.values();
  const addresses = found.size === 0 ? [] : listAddresses(sockets.route, found.size === 1 ? only?.index : 0);
  for (const [name, bridge] of found) {
    const own = addresses.filter(({ linkIndex }) => linkIndex === bridge.index);
    found.set(name, { ...bridge, addresses: own });
  }
  return {
    bridges: found,
    forwarding: readSysctl(forwardingSysctl) === "1",
    forwarding6: readsOn(forwarding6Sysctl),
    routeLocalnet,
    foreignForward: observeForeign(sockets.netfilter),
  };
}

/** A kernel without IPv6 has nothing to switch on. */
function readsOn(name: string): boolean {
  try {
    return readSysctl(name) !== "0";
  } catch (thrown) {
    if (thrown instanceof SyscallError && thrown.code === "ENOENT") return true;
    throw thrown;
  }
}

/** One bridge is asked for by its name, many are listed. */
function bridgeLinks(route: NetlinkSocket, names: readonly string[]): Link[] {
  const [only] = names;
  if (names.length !== 1 || only === undefined) return listLinks(route, { kind: "bridge" });
  const link = findLink(route, only);
  // A link of another kind is somebody else's, whatever its name.
  return link?.kind === "bridge" ? [link] : [];
}

/** The chains of other firewalls that our packets come by. */
export function observeForeign(netfilter: NetlinkSocket): ForeignChain[] {
  return foreignChainsBy((table, chain) =>
    findChain(netfilter, table, chain) === undefined ? undefined : listRules(netfilter, table, chain),
  );
}

/** Networks that the host routes or has addresses in, without those of the links with these indexes. */
export function observeTaken(route: NetlinkSocket, except: ReadonlySet<number>): Prefix[] {
  const counts = (linkIndex: number | undefined): boolean =>
    linkIndex === undefined || !except.has(linkIndex);
  const routed = listRoutes(route)
    .filter((entry) => entry.destination.length > 0 && counts(entry.linkIndex))
    .map((entry) => entry.destination);
  // A link that is down has addresses but no routes.
  const addressed = listAddresses(route)
    .filter((entry) => counts(entry.linkIndex))
    .map((entry) => prefixOf(entry.address, entry.prefixLength));
  return [...routed, ...addressed];
}

/** The same of IPv6: what is only of the link itself, or for all, is nobody's. */
export function observeTaken6(route: NetlinkSocket, except: ReadonlySet<number>): Ipv6Prefix[] {
  return listIpRoutes(route, addressFamilies.inet6).flatMap(({ destination, length, linkIndex }) => {
    const network = ipv6FromBytes(destination);
    if (
      network === undefined ||
      length === 0 ||
      network >> 118n === linkLocal ||
      network >> 120n === multicast
    ) {
      return [];
    }
    return linkIndex !== undefined && except.has(linkIndex) ? [] : [{ network, length }];
  });
}

/** Does any other bridge exist, whose owner may rely on forwarding? */
export function otherBridges(route: NetlinkSocket, own: ReadonlySet<string>): boolean {
  return listLinks(route, { kind: "bridge" }).some((link) => !own.has(link.name));
}

/** Bridges that have this instance's names. */
export function ownBridges(route: NetlinkSocket, isOurs: (name: string) => boolean): string[] {
  return listLinks(route, { kind: "bridge" })
    .map((link) => link.name)
    .filter(isOurs);
}

/** This instance's endpoint links on the host, ports of the bridge or not. */
export function endpointLinks(route: NetlinkSocket, isOurs: (name: string) => boolean): string[] {
  return listLinks(route, { kind: "veth" })
    .map((link) => link.name)
    .filter(isOurs);
}

/** Links of this instance that networks stand on. */
export function underlayLinks(route: NetlinkSocket, isOurs: (name: string) => boolean): string[] {
  return listLinks(route)
    .map((link) => link.name)
    .filter(isOurs);
}
