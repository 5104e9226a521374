/** rtnetlink IPv4 routes. */
import { familyInet } from "./address.ts";
import { ipv4Bytes, ipv4FromBytes, type Prefix } from "./ipv4.ts";
import {
  Attributes,
  messageFlags,
  NetlinkDecodeError,
  type NetlinkMessage,
  type NetlinkRequest,
} from "./message.ts";

export const routeMessages = { new: 24, delete: 25, get: 26 } as const;
const attribute = {
  destination: 1,
  outputLink: 4,
  gateway: 5,
  priority: 6,
  preferredSource: 7,
  table: 15,
} as const;
const headerBytes = 12;
export const routeTables = { main: 254, local: 255 } as const;
const protocolStatic = 4;
const scopes = { universe: 0, link: 253, nowhere: 255 } as const;
export const routeTypes = {
  unspecified: 0,
  unicast: 1,
  local: 2,
  broadcast: 3,
  blackhole: 6,
  unreachable: 7,
} as const;

export interface Route {
  readonly destination: Prefix;
  /** Absent: the destination is on the link itself. */
  readonly gateway?: number;
  readonly linkIndex?: number;
  readonly table: number;
  /** RTN_*. */
  readonly type: number;
}

/** struct rtmsg */
function header(length: number, table: number, scope: number, type: number): Uint8Array {
  // Tables above 255 travel in RTA_TABLE only.
  return Uint8Array.of(familyInet, length, 0, 0, table & 0xff, protocolStatic, scope, type, 0, 0, 0, 0);
}

function routeRequest(type: number, flags: number, route: Omit<Route, "table" | "type">): NetlinkRequest {
  return {
    type,
    flags: messageFlags.request | messageFlags.ack | flags,
    object: route.destination.length === 0 ? "default route" : "route",
    body(writer) {
      const deleting = type === routeMessages.delete;
      const scope = deleting ? scopes.nowhere : route.gateway === undefined ? scopes.link : scopes.universe;
      const routeType = deleting ? routeTypes.unspecified : routeTypes.unicast;
      writer.raw(header(route.destination.length, routeTables.main, scope, routeType));
      if (route.destination.length > 0)
        writer.bytes(attribute.destination, ipv4Bytes(route.destination.network));
      if (route.gateway !== undefined) writer.bytes(attribute.gateway, ipv4Bytes(route.gateway));
      if (route.linkIndex !== undefined) writer.u32(attribute.outputLink, route.linkIndex);
    },
  };
}

/** RTM_NEWROUTE in the main table; EEXIST when it is there, ENETUNREACH when the gateway is not on a link. */
export function addRoute(route: Omit<Route, "table" | "type">): NetlinkRequest {
  return routeRequest(routeMessages.new, messageFlags.create | messageFlags.excl, route);
}

/** RTM_NEWROUTE in the main table, in the place of the one to the same destination; ENETUNREACH when the gateway is not on a link. */
export function replaceRoute(route: Omit<Route, "table" | "type">): NetlinkRequest {
  return routeRequest(routeMessages.new, messageFlags.create | messageFlags.replace, route);
}

/** RTM_DELROUTE in the main table; ESRCH when there is none. */
export function deleteRoute(route: Omit<Route, "table" | "type">): NetlinkRequest {
  return routeRequest(routeMessages.delete, 0, route);
}

/** RTM_GETROUTE dump of every IPv4 table. */
export function dumpRoutes(): NetlinkRequest {
  return {
    type: routeMessages.get,
    flags: messageFlags.request | messageFlags.dump,
    object: "routes",
    body: (writer) => writer.raw(Uint8Array.of(familyInet, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
  };
}

/** Decodes RTM_NEWROUTE; undefined for a family other than IPv4. */
export function decodeRoute(message: NetlinkMessage): Route | undefined {
  const { payload } = message;
  if (payload.length < headerBytes) {
    throw new NetlinkDecodeError(`route message has ${payload.length} bytes, wanted at least ${headerBytes}`);
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  if (view.getUint8(0) !== familyInet) return undefined;
  const attributes = new Attributes(payload.subarray(headerBytes));
  const gateway = ipv4FromBytes(attributes.bytes(attribute.gateway));
  const linkIndex = attributes.u32(attribute.outputLink);
  const length = view.getUint8(1);
  if (length > 32) throw new NetlinkDecodeError(`IPv4 route has a prefix of ${length} bits`);
  return {
    destination: { network: ipv4FromBytes(attributes.bytes(attribute.destination)) ?? 0, length },
    ...(gateway === undefined ? {} : { gateway }),
    ...(linkIndex === undefined ? {} : { linkIndex }),
    table: attributes.u32(attribute.table) ?? view.getUint8(4),
    type: view.getUint8(7),
  };
}
