/**
 * rtnetlink links: requests that make, change, find and delete them, and the decoder of what the kernel says
 * about them. A new kind of link is one member of `LinkKind` and one case of `writeKindData`. rtnetlink(7)
 */
import { netlinkLimits } from "./limits.ts";
import {
  Attributes,
  type MessageWriter,
  messageFlags,
  NetlinkDecodeError,
  type NetlinkMessage,
  type NetlinkRequest,
} from "./message.ts";

export const linkMessages = { new: 16, delete: 17, get: 18, set: 19 } as const;

const attribute = {
  address: 1,
  name: 3,
  mtu: 4,
  link: 5,
  master: 10,
  transmitQueueLength: 13,
  operationalState: 16,
  information: 18,
  netnsPid: 19,
  alias: 20,
  counters: 23,
  familySpecific: 26,
  group: 27,
  netnsFd: 28,
  extendedMask: 29,
  linkNetnsId: 37,
  newIndex: 49,
} as const;
const information = { kind: 1, data: 2, portKind: 4, portData: 5 } as const;
const vethPeer = 1;
const bridgeAttribute = {
  forwardDelay: 1,
  ageingTime: 4,
  stpState: 5,
  vlanFiltering: 7,
  multicastSnooping: 23,
} as const;
const vlanAttribute = { id: 1 } as const;
const macvlanAttribute = { mode: 1 } as const;
const ipvlanAttribute = { mode: 1 } as const;
const vxlanAttribute = { id: 1, group: 2, local: 4, port: 15, group6: 16, local6: 17 } as const;
export const macvlanModes = { private: 1, vepa: 2, bridge: 4, passthru: 8, source: 16 } as const;
export const ipvlanModes = { l2: 0, l3: 1, l3s: 2 } as const;
const portAttribute = { hairpin: 4, learning: 8, isolated: 33 } as const;
const familyInet6 = 10;
const addressGenerationMode = 8;
const addressGenerationNone = 1;
const headerBytes = 16;
/** RTEXT_FILTER_SKIP_STATS: counters would double every reply. */
const skipStatistics = 8;

export const linkFlags = { up: 0x1, loopback: 0x8, running: 0x40, lowerUp: 0x10000 } as const;

/** What can be set on any link. Absent means: leave it. */
export interface LinkSettings {
  readonly name?: string;
  /** Six bytes. */
  readonly mac?: Uint8Array;
  readonly mtuBytes?: number;
  readonly up?: boolean;
  /** Index of the bridge that the link becomes a port of; 0 takes it out. */
  readonly master?: number;
  /** A number by which links can be deleted together. */
  readonly group?: number;
  /** A network namespace fd that the link moves into. */
  readonly netnsFd?: number;
  /** Its index after the move into `netnsFd`; EBUSY when that is taken there. Kernels before 5.14 refuse it. */
  readonly newIndex?: number;
  /** True: the kernel makes no IPv6 link-local address. Not honoured by `newLink`, only by `setLink`. */
  readonly noIpv6LinkLocal?: boolean;
  /** Settings of the link as a bridge port; the link must be one already. */
  readonly port?: { readonly hairpin?: boolean; readonly learning?: boolean; readonly isolated?: boolean };
}

/** The kinds of virtual link that can be made. */
export type LinkKind =
  | {
      readonly kind: "bridge";
      readonly stp?: boolean;
      readonly vlanFiltering?: boolean;
      readonly multicastSnooping?: boolean;
    }
  /** The peer cannot be `up` from the start (ENOTCONN): the two are joined only afterwards. */
  | { readonly kind: "veth"; readonly peer: LinkSettings }
  | { readonly kind: "dummy" }
  /** `parent` is the index of the link that carries it. */
  | { readonly kind: "vlan"; readonly parent: number; readonly id: number }
  | { readonly kind: "macvlan"; readonly parent: number; readonly mode: keyof typeof macvlanModes }
  | { readonly kind: "ipvlan"; readonly parent: number; readonly mode: keyof typeof ipvlanModes }
  | {
      readonly kind: "vxlan";
      readonly parent?: number;
      readonly id: number;
      /** Four or sixteen bytes: the other side, or a multicast group. */
      readonly remote?: Uint8Array;
      readonly local?: Uint8Array;
      readonly port?: number;
    };

function writeKindData(writer: MessageWriter, link: LinkKind): void {
  switch (link.kind) {
    case "bridge":
      if (link.stp !== undefined) writer.u32(bridgeAttribute.stpState, Number(link.stp));
      if (link.vlanFiltering !== undefined) {
        writer.u8(bridgeAttribute.vlanFiltering, Number(link.vlanFiltering));
      }
      if (link.multicastSnooping !== undefined) {
        writer.u8(bridgeAttribute.multicastSnooping, Number(link.multicastSnooping));
      }
      break;
    case "veth":
      writer.nest(vethPeer, () => {
        writer.raw(header(0, link.peer));
        writeSettings(writer, link.peer);
      });
      break;
    case "dummy":
      break;
    case "vlan":
      writer.u16(vlanAttribute.id, link.id);
      break;
    case "macvlan":
      writer.u32(macvlanAttribute.mode, macvlanModes[link.mode]);
      break;
    case "ipvlan":
      writer.u16(ipvlanAttribute.mode, ipvlanModes[link.mode]);
      break;
    case "vxlan":
      writer.u32(vxlanAttribute.id, link.id);
      if (link.remote !== undefined) {
        writer.bytes(link.remote.length === 4 ? vxlanAttribute.group : vxlanAttribute.group6, link.remote);
      }
      if (link.local !== undefined) {
        writer.bytes(link.local.length === 4 ? vxlanAttribute.local : vxlanAttribute.local6, link.local);
      }
      if (link.port !== undefined) writer.u16be(vxlanAttribute.port, link.port);
      break;
    default:
      link satisfies never;
  }
}

/** struct ifinfomsg */
function header(index: number, settings: LinkSettings, family = 0): Uint8Array {
  const bytes = new Uint8Array(headerBytes);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, family);
  view.setInt32(4, index, true);
  if (settings.up !== undefined) {
    view.setUint32(8, settings.up ? linkFlags.up : 0, true);
    view.setUint32(12, linkFlags.up, true);
  }
  return bytes;
}

function checkedName(name: string): string {
  const bytes = new TextEncoder().encode(name).length;
  if (bytes === 0 || bytes > netlinkLimits.linkNameBytes || /[/\s]/.test(name)) {
    throw new RangeError(`${JSON.stringify(name)} is no link name: 1 to 15 bytes without "/" and spaces are`);
  }
  return name;
}

function writeSettings(writer: MessageWriter, settings: LinkSettings): void {
  if (settings.name !== undefined) writer.string(attribute.name, checkedName(settings.name));
  if (settings.mac !== undefined) writer.bytes(attribute.address, settings.mac);
  if (settings.mtuBytes !== undefined) writer.u32(attribute.mtu, settings.mtuBytes);
  if (settings.master !== undefined) writer.u32(attribute.master, settings.master);
  if (settings.group !== undefined) writer.u32(attribute.group, settings.group);
  if (settings.netnsFd !== undefined) writer.u32(attribute.netnsFd, settings.netnsFd);
  if (settings.newIndex !== undefined) writer.u32(attribute.newIndex, settings.newIndex);
  if (settings.noIpv6LinkLocal === true) {
    writer.nest(attribute.familySpecific, () => {
      writer.nest(familyInet6, () => writer.u8(addressGenerationMode, addressGenerationNone));
    });
  }
  const port = settings.port;
  if (port !== undefined) {
    writer.nest(attribute.information, () => {
      writer.string(information.portKind, "bridge");
      writer.nest(information.portData, () => {
        if (port.hairpin !== undefined) writer.u8(portAttribute.hairpin, Number(port.hairpin));
        if (port.learning !== undefined) writer.u8(portAttribute.learning, Number(port.learning));
        if (port.isolated !== undefined) writer.u8(portAttribute.isolated, Number(port.isolated));
      });
    });
  }
}

/** RTM_NEWLINK: makes a link; EEXIST when the name is taken. */
export function newLink(settings: LinkSettings & { readonly name: string }, link: LinkKind): NetlinkRequest {
  return {
    type: linkMessages.new,
    flags: messageFlags.request | messageFlags.ack | messageFlags.create | messageFlags.excl,
    object: `new ${link.kind} link ${settings.name}`,
    body(writer) {
      writer.raw(header(0, settings));
      writeSettings(writer, settings);
      if ("parent" in link && link.parent !== undefined) writer.u32(attribute.link, link.parent);
      writer.nest(attribute.information, () => {
        writer.string(information.kind, link.kind);
        writer.nest(information.data, () => writeKindData(writer, link));
      });
    },
  };
}

/** A link by index, or by name (one lookup in the kernel, no dump). */
export type LinkReference = number | string;

function writeReference(
  writer: MessageWriter,
  reference: LinkReference,
  settings: LinkSettings,
  family = 0,
): void {
  writer.raw(header(typeof reference === "number" ? reference : 0, settings, family));
  if (typeof reference === "string") writer.string(attribute.name, checkedName(reference));
}

/** RTM_NEWLINK without NLM_F_CREATE: changes a link. A new `name` needs a reference by index. */
export function setLink(reference: LinkReference, settings: LinkSettings): NetlinkRequest {
  if (typeof reference === "string" && settings.name !== undefined) {
    throw new RangeError(`cannot rename link ${JSON.stringify(reference)} by its name, use its index`);
  }
  return {
    type: linkMessages.new,
    flags: messageFlags.request | messageFlags.ack,
    object: `link ${reference}`,
    body(writer) {
      writeReference(writer, reference, settings);
      writeSettings(writer, settings);
    },
  };
}

/** RTM_DELLINK: both ends of a veth pair go together. */
export function deleteLink(reference: LinkReference): NetlinkRequest {
  return {
    type: linkMessages.delete,
    flags: messageFlags.request | messageFlags.ack,
    object: `link ${reference}`,
    body: (writer) => writeReference(writer, reference, {}),
  };
}

/** RTM_DELLINK for every link of a group: the kernel waits once for all of them. ENODEV when there is none. */
export function deleteLinkGroup(group: number): NetlinkRequest {
  return {
    type: linkMessages.delete,
    flags: messageFlags.request | messageFlags.ack,
    object: `links of group ${group}`,
    body(writer) {
      writer.raw(header(0, {}));
      writer.u32(attribute.group, group);
    },
  };
}

/** RTM_GETLINK for one link; ENODEV when there is none. */
export function getLink(reference: LinkReference): NetlinkRequest {
  return {
    type: linkMessages.get,
    flags: messageFlags.request,
    object: `link ${reference}`,
    body(writer) {
      writeReference(writer, reference, {});
      writer.u32(attribute.extendedMask, skipStatistics);
    },
  };
}

/** RTM_GETLINK dump; the kernel itself filters by kind and master where it can, callers check again. */
export function dumpLinks(
  filter: { readonly master?: number; readonly kind?: LinkKind["kind"] } = {},
): NetlinkRequest {
  return {
    type: linkMessages.get,
    flags: messageFlags.request | messageFlags.dump,
    object: "links",
    body(writer) {
      writer.raw(header(0, {}));
      if (filter.master !== undefined) writer.u32(attribute.master, filter.master);
      const kind = filter.kind;
      if (kind !== undefined) {
        writer.nest(attribute.information, () => writer.string(information.kind, kind));
      }
      writer.u32(attribute.extendedMask, skipStatistics);
    },
  };
}

export interface Link {
  readonly index: number;
  readonly name: string;
  /** IFF_* bits. */
  readonly flags: number;
  readonly up: boolean;
  readonly mtuBytes: number;
  readonly mac: Uint8Array;
  /** Index of the bridge it is a port of; 0: none. */
  readonly master: number;
  /** Index of the other end (in the namespace `peerNetnsId` when that is set); 0: none. */
  readonly peerIndex: number;
  readonly peerNetnsId: number | undefined;
  /** IFLA_INFO_KIND: `veth`, `bridge`...; "" for hardware and loopback. */
  readonly kind: string;
  /** The bridge port has hairpin mode on. */
  readonly hairpin: boolean;
}

/** Decodes RTM_NEWLINK. */
export function decodeLink(message: NetlinkMessage): Link {
  const { payload } = message;
  if (payload.length < headerBytes) {
    throw new NetlinkDecodeError(`link message has ${payload.length} bytes, wanted at least ${headerBytes}`);
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const flags = view.getUint32(8, true);
  const attributes = new Attributes(payload.subarray(headerBytes));
  const info = attributes.nested(attribute.information);
  const portData =
    info?.string(information.portKind) === "bridge" ? info.nested(information.portData) : undefined;
  return {
    index: view.getInt32(4, true),
    name: attributes.string(attribute.name) ?? "",
    flags,
    up: (flags & linkFlags.up) !== 0,
    mtuBytes: attributes.u32(attribute.mtu) ?? 0,
    mac: (attributes.bytes(attribute.address) ?? new Uint8Array(0)).slice(),
    master: attributes.u32(attribute.master) ?? 0,
    peerIndex: attributes.u32(attribute.link) ?? 0,
    peerNetnsId: attributes.u32(attribute.linkNetnsId),
    kind: info?.string(information.kind) ?? "",
    hairpin: portData?.u8(portAttribute.hairpin) === 1,
  };
}

/** What a link has carried, as seen from its namespace. */
export interface LinkCounters {
  readonly name: string;
  readonly kind: string;
  readonly received: TrafficCounters;
  readonly sent: TrafficCounters;
}
export interface TrafficCounters {
  readonly packets: bigint;
  readonly bytes: bigint;
  readonly errors: bigint;
  readonly dropped: bigint;
}

/** RTM_GETLINK dump with the counters of every link. */
export function dumpLinkCounters(): NetlinkRequest {
  return {
    type: linkMessages.get,
    flags: messageFlags.request | messageFlags.dump,
    object: "counters of links",
    body: (writer) => writer.raw(header(0, {})),
  };
}

/** struct rtnl_link_stats64: eight counters, received and sent by turns, and more behind them. */
const countersBytes = 64;

/** The counters in RTM_NEWLINK; undefined for a link without any. */
export function decodeLinkCounters(message: NetlinkMessage): LinkCounters | undefined {
  const attributes = new Attributes(message.payload.subarray(headerBytes));
  const bytes = attributes.bytes(attribute.counters);
  if (bytes === undefined || bytes.length < countersBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, countersBytes);
  const traffic = (first: number): TrafficCounters => {
    const at = (index: number): bigint => view.getBigUint64((first + 2 * index) * 8, true);
    return { packets: at(0), bytes: at(1), errors: at(2), dropped: at(3) };
  };
  return {
    name: attributes.string(attribute.name) ?? "",
    kind: attributes.nested(attribute.information)?.string(information.kind) ?? "",
    received: traffic(0),
    sent: traffic(1),
  };
}
