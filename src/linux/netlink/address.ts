/** rtnetlink addresses of links. What is read is IPv4 alone. */
import { ipv4Bytes, ipv4FromBytes } from "./ipv4.ts";
import {
  Attributes,
  messageFlags,
  NetlinkDecodeError,
  type NetlinkMessage,
  type NetlinkRequest,
} from "./message.ts";

export const addressMessages = { new: 20, delete: 21, get: 22 } as const;
const attribute = { address: 1, local: 2, label: 3, broadcast: 4, flags: 8 } as const;
const headerBytes = 8;
export const familyInet = 2;
const familyInet6 = 10;
/** IFA_F_NODAD */
const noDuplicateDetection = 0x02;

export interface LinkAddress {
  readonly linkIndex: number;
  /** IPv4 as a number. */
  readonly address: number;
  readonly prefixLength: number;
}

function request(type: number, flags: number, target: LinkAddress, broadcast?: number): NetlinkRequest {
  return {
    type,
    flags: messageFlags.request | messageFlags.ack | flags,
    object: `address of link ${target.linkIndex}`,
    body(writer) {
      writer.raw(header(target.linkIndex, target.prefixLength));
      writer.bytes(attribute.local, ipv4Bytes(target.address));
      writer.bytes(attribute.address, ipv4Bytes(target.address));
      if (broadcast !== undefined) writer.bytes(attribute.broadcast, ipv4Bytes(broadcast));
    },
  };
}

/** struct ifaddrmsg; scope universe. */
function header(linkIndex: number, prefixLength: number, family = familyInet): Uint8Array {
  const bytes = new Uint8Array(headerBytes);
  bytes[0] = family;
  bytes[1] = prefixLength;
  new DataView(bytes.buffer).setUint32(4, linkIndex, true);
  return bytes;
}

/** RTM_NEWADDR of an IPv6 address, usable at once: without duplicate address detection. EEXIST when the link has it. */
export function addIpv6Address(linkIndex: number, address: Uint8Array, prefixLength: number): NetlinkRequest {
  return {
    type: addressMessages.new,
    flags: messageFlags.request | messageFlags.ack | messageFlags.create | messageFlags.excl,
    object: `address of link ${linkIndex}`,
    body(writer) {
      writer.raw(header(linkIndex, prefixLength, familyInet6));
      writer.bytes(attribute.local, address);
      writer.bytes(attribute.address, address);
      writer.u32(attribute.flags, noDuplicateDetection);
    },
  };
}

/** RTM_NEWADDR; EEXIST when the link has it. */
export function addAddress(target: LinkAddress, broadcast?: number): NetlinkRequest {
  return request(addressMessages.new, messageFlags.create | messageFlags.excl, target, broadcast);
}

/** RTM_DELADDR; EADDRNOTAVAIL when the link does not have it. */
export function deleteAddress(target: LinkAddress): NetlinkRequest {
  return request(addressMessages.delete, 0, target);
}

/** RTM_GETADDR dump of IPv4 addresses, of one link when `linkIndex` is given. */
export function dumpAddresses(linkIndex = 0): NetlinkRequest {
  return {
    type: addressMessages.get,
    flags: messageFlags.request | messageFlags.dump,
    object: "addresses",
    body: (writer) => writer.raw(header(linkIndex, 0)),
  };
}

/** Decodes RTM_NEWADDR; undefined for a family other than IPv4. */
export function decodeAddress(message: NetlinkMessage): LinkAddress | undefined {
  const { payload } = message;
  if (payload.length < headerBytes) {
    throw new NetlinkDecodeError(
      `address message has ${payload.length} bytes, wanted at least ${headerBytes}`,
    );
  }
  if (payload[0] !== familyInet) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attributes = new Attributes(payload.subarray(headerBytes));
  // On point-to-point links IFA_ADDRESS is the peer, so the own address is IFA_LOCAL where present.
  const own = ipv4FromBytes(attributes.bytes(attribute.local) ?? attributes.bytes(attribute.address));
  if (own === undefined) return undefined;
  return { linkIndex: view.getUint32(4, true), address: own, prefixLength: view.getUint8(1) };
}
