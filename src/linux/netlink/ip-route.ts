/** rtnetlink routes of any IP family, with all that a person asks a routing table about. rtnetlink(7) */
import { addressFamilies, familyOf } from "./ip-address.ts";
import {
  Attributes,
  messageFlags,
  NetlinkDecodeError,
  type NetlinkMessage,
  type NetlinkRequest,
} from "./message.ts";
import { routeMessages, routeTables } from "./route.ts";

const attribute = {
  destination: 1,
  source: 2,
  inputLink: 3,
  outputLink: 4,
  gateway: 5,
  metric: 6,
  preferredSource: 7,
  table: 15,
} as const;
const headerBytes = 12;
const protocolBoot = 3;
export const routeScopes = { universe: 0, site: 200, link: 253, host: 254, nowhere: 255 } as const;
/** RTPROT_* as iproute2 calls them. */
export const routeProtocols = { redirect: 1, kernel: 2, boot: 3, static: 4, ra: 9, dhcp: 16 } as const;
const unicast = 1;
/** RTM_F_CLONED: an entry of the cache, which no dump of tables wants. */
const clonedFlag = 0x200;

export interface RouteWish {
  /** AF_* */
  readonly family: number;
  /** Absent: the default route. */
  readonly destination?: Uint8Array;
  readonly length: number;
  readonly gateway?: Uint8Array;
  readonly linkIndex?: number;
  readonly source?: Uint8Array;
  readonly metric?: number;
}

export interface IpRoute extends RouteWish {
  readonly table: number;
  readonly protocol: number;
  readonly scope: number;
  /** RTN_* */
  readonly type: number;
  /** RTM_F_* and RTNH_F_* */
  readonly flags: number;
}

function writeRequest(type: number, flags: number, route: RouteWish): NetlinkRequest {
  const deleting = type === routeMessages.delete;
  return {
    type,
    flags: messageFlags.request | messageFlags.ack | flags,
    object: route.destination === undefined ? "default route" : "route",
    body(writer) {
      const onLink = route.gateway === undefined && route.family === addressFamilies.inet;
      const scope = deleting ? routeScopes.nowhere : onLink ? routeScopes.link : routeScopes.universe;
      const protocol = deleting ? 0 : protocolBoot;
      const kind = deleting ? 0 : unicast;
      const { family, length } = route;
      writer.raw(Uint8Array.of(family, length, 0, 0, routeTables.main, protocol, scope, kind, 0, 0, 0, 0));
      if (route.destination !== undefined) writer.bytes(attribute.destination, route.destination);
      if (route.gateway !== undefined) writer.bytes(attribute.gateway, route.gateway);
      if (route.source !== undefined) writer.bytes(attribute.preferredSource, route.source);
      if (route.linkIndex !== undefined) writer.u32(attribute.outputLink, route.linkIndex);
      if (route.metric !== undefined) writer.u32(attribute.metric, route.metric);
    },
  };
}

/** RTM_NEWROUTE in the main table, as `ip route add` makes it. */
export function addIpRoute(route: RouteWish): NetlinkRequest {
  return writeRequest(routeMessages.new, messageFlags.create | messageFlags.excl, route);
}

/** The default route of a family by a link alone. */
export function defaultRouteByLink(family: number, linkIndex: number): NetlinkRequest {
  return replaceIpRoute({ family, length: 0, linkIndex });
}

/** RTM_NEWROUTE in the main table, in the place of the one to the same destination. */
export function replaceIpRoute(route: RouteWish): NetlinkRequest {
  return writeRequest(routeMessages.new, messageFlags.create | messageFlags.replace, route);
}

/** RTM_DELROUTE in the main table; ESRCH when there is none. */
export function deleteIpRoute(route: RouteWish): NetlinkRequest {
  return writeRequest(routeMessages.delete, 0, route);
}

/** RTM_GETROUTE: the way that a packet to `destination` would take. */
export function lookUpRoute(destination: Uint8Array): NetlinkRequest {
  const bits = destination.length * 8;
  return {
    type: routeMessages.get,
    flags: messageFlags.request,
    object: "route",
    body(writer) {
      writer.raw(Uint8Array.of(familyOf(destination), bits, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
      writer.bytes(attribute.destination, destination);
    },
  };
}

export interface WayQuestion {
  readonly destination: Uint8Array;
  /** Absent: whatever the kernel would choose. */
  readonly source?: Uint8Array | undefined;
  /** The link that the packet came in by; absent: it is sent here. */
  readonly inputLink?: number | undefined;
}

/** RTM_GETROUTE: where such a packet would go. Its errors are the kernel's reasons why it would go nowhere. */
export function lookUpWay({ destination, source, inputLink }: WayQuestion): NetlinkRequest {
  const bits = destination.length * 8;
  return {
    type: routeMessages.get,
    flags: messageFlags.request,
    object: "route",
    body(writer) {
      const sourceBits = source === undefined ? 0 : bits;
      writer.raw(Uint8Array.of(familyOf(destination), bits, sourceBits, 0, 0, 0, 0, 0, 0, 0, 0, 0));
      writer.bytes(attribute.destination, destination);
      if (source !== undefined) writer.bytes(attribute.source, source);
      if (inputLink !== undefined) writer.u32(attribute.inputLink, inputLink);
    },
  };
}

/** RTM_GETROUTE dump of every table of a family. */
export function dumpIpRoutes(family: number): NetlinkRequest {
  return {
    type: routeMessages.get,
    flags: messageFlags.request | messageFlags.dump,
    object: "routes",
    body: (writer) => writer.raw(Uint8Array.of(family, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
  };
}

/** Decodes RTM_NEWROUTE. */
export function decodeIpRoute({ payload }: NetlinkMessage): IpRoute {
  if (payload.length < headerBytes) {
    throw new NetlinkDecodeError(`route message has ${payload.length} bytes, wanted at least ${headerBytes}`);
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attributes = new Attributes(payload.subarray(headerBytes));
  const [destination, gateway, source] = [
    attribute.destination,
    attribute.gateway,
    attribute.preferredSource,
  ].map((type) => attributes.bytes(type)?.slice());
  const linkIndex = attributes.u32(attribute.outputLink);
  const metric = attributes.u32(attribute.metric);
  return {
    family: view.getUint8(0),
    length: view.getUint8(1),
    ...(destination === undefined ? {} : { destination }),
    ...(gateway === undefined ? {} : { gateway }),
    ...(source === undefined ? {} : { source }),
    ...(linkIndex === undefined ? {} : { linkIndex }),
    ...(metric === undefined ? {} : { metric }),
    table: attributes.u32(attribute.table) ?? view.getUint8(4),
    protocol: view.getUint8(5),
    scope: view.getUint8(6),
    type: view.getUint8(7),
    flags: view.getUint32(8, true),
  };
}

export function isCached(route: IpRoute): boolean {
  return (route.flags & clonedFlag) !== 0;
}
