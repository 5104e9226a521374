/** rtnetlink operations on a socket, as small typed functions. */
import {
  addressMessages,
  decodeAddress,
  deleteAddress,
  dumpAddresses,
  type LinkAddress,
} from "../../linux/netlink/address.ts";
import { decodeIpRoute, dumpIpRoutes, type IpRoute, isCached } from "../../linux/netlink/ip-route.ts";
import {
  decodeLink,
  decodeLinkCounters,
  dumpLinkCounters,
  dumpLinks,
  getLink,
  type Link,
  type LinkCounters,
  type LinkKind,
  type LinkReference,
  linkMessages,
} from "../../linux/netlink/link.ts";
import { decodeRoute, dumpRoutes, type Route, routeMessages } from "../../linux/netlink/route.ts";
import { NetlinkError } from "./netlink-error.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";

/** The link, or undefined when there is none. */
export function findLink(socket: NetlinkSocket, reference: LinkReference): Link | undefined {
  try {
    return socket.get(getLink(reference), decodeLink);
  } catch (thrown) {
    if (thrown instanceof NetlinkError && thrown.code === "ENODEV") return undefined;
    throw thrown;
  }
}

/** All links, or only the ports of `master` or one kind. */
export function listLinks(
  socket: NetlinkSocket,
  filter: { readonly master?: number; readonly kind?: LinkKind["kind"] } = {},
): Link[] {
  const links = socket.dump(dumpLinks(filter), (message) =>
    message.type === linkMessages.new ? decodeLink(message) : undefined,
  );
  // A kernel that cannot filter says so and sends everything.
  return links.filter(
    (link) =>
      (filter.master === undefined || link.master === filter.master) &&
      (filter.kind === undefined || link.kind === filter.kind),
  );
}

/** What every link has carried so far. */
export function listLinkCounters(socket: NetlinkSocket): LinkCounters[] {
  return socket.dump(dumpLinkCounters(), (message) =>
    message.type === linkMessages.new ? decodeLinkCounters(message) : undefined,
  );
}

/** IPv4 addresses of every link, or of one. */
export function listAddresses(socket: NetlinkSocket, linkIndex?: number): LinkAddress[] {
  const addresses = socket.dump(dumpAddresses(linkIndex), (message) =>
    message.type === addressMessages.new ? decodeAddress(message) : undefined,
  );
  return linkIndex === undefined ? addresses : addresses.filter((address) => address.linkIndex === linkIndex);
}

/** IPv4 routes of every table. */
export function listRoutes(socket: NetlinkSocket): Route[] {
  return socket.dump(dumpRoutes(), (message) =>
    message.type === routeMessages.new ? decodeRoute(message) : undefined,
  );
}

/** Routes of every table of a family. */
export function listIpRoutes(socket: NetlinkSocket, family: number): IpRoute[] {
  const routes = socket.dump(dumpIpRoutes(family), (message) =>
    message.type === routeMessages.new ? decodeIpRoute(message) : undefined,
  );
  return routes.filter((route) => route.family === family && !isCached(route));
}

/** Takes what IPv4 addresses a link has; those that are gone already are no failure. */
export function deleteAddresses(socket: NetlinkSocket, linkIndex: number): void {
  const addresses = listAddresses(socket, linkIndex);
  socket.executeEach(
    addresses.map(({ address, prefixLength }) => deleteAddress({ linkIndex, address, prefixLength })),
  );
}
