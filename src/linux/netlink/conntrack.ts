/**
 * Connection tracking over netlink: listing the flows that match, and deleting them. A flow keeps the NAT decision
 * of its first packet; UDP flows do not end by themselves while packets come, so a changed port mapping reaches
 * them only when the flow is deleted. nf_conntrack, linux/netfilter/nfnetlink_conntrack.h
 */
import { familyInet } from "./address.ts";
import { ipv4FromBytes } from "./ipv4.ts";
import {
  Attributes,
  messageFlags,
  NetlinkDecodeError,
  type NetlinkMessage,
  type NetlinkRequest,
} from "./message.ts";
import { nfHeader } from "./nftables/request.ts";

const subsystem = 1;
export const conntrackMessages = {
  new: subsystem << 8,
  get: (subsystem << 8) | 1,
  delete: (subsystem << 8) | 2,
} as const;
const attribute = { original: 1, reply: 2, id: 12, zone: 18, filter: 25 } as const;
const tupleAttribute = { ip: 1, protocol: 2 } as const;
const ipAttribute = { source: 1, destination: 2 } as const;
const protocolAttribute = { number: 1, sourcePort: 2, destinationPort: 3 } as const;
const headerBytes = 4;
export const protocolNumbers = { tcp: 6, udp: 17, sctp: 132 } as const;

export interface FlowTuple {
  readonly source: number;
  readonly destination: number;
  readonly protocol: number;
  readonly sourcePort: number | undefined;
  readonly destinationPort: number | undefined;
}

export interface Flow {
  /** As the first packet was sent. */
  readonly original: FlowTuple;
  /** As answers come back: its source is where the packets really went. */
  readonly reply: FlowTuple;
  /** What a delete request repeats, so that it hits this very flow. */
  readonly identity: FlowIdentity;
}

export interface FlowIdentity {
  readonly original: Uint8Array;
  readonly id: Uint8Array | undefined;
  readonly zone: number | undefined;
}

/** IPCTNL_MSG_CT_GET dump of all IPv4 flows. */
export function dumpFlows(): NetlinkRequest {
  return {
    type: conntrackMessages.get,
    flags: messageFlags.request | messageFlags.dump,
    object: "conntrack flows",
    body: (writer) => writer.raw(nfHeader(familyInet)),
  };
}

/** Deletes one flow; ENOENT when it has ended meanwhile. */
export function deleteFlow(identity: FlowIdentity): NetlinkRequest {
  return {
    type: conntrackMessages.delete,
    flags: messageFlags.request | messageFlags.ack,
    object: "conntrack flow",
    body(writer) {
      writer.raw(nfHeader(familyInet));
      writer.bytes(attribute.original | 0x8000, identity.original);
      if (identity.id !== undefined) writer.bytes(attribute.id, identity.id);
      if (identity.zone !== undefined) writer.u16be(attribute.zone, identity.zone);
    },
  };
}

/** Decodes IPCTNL_MSG_CT_NEW of a dump; undefined for a flow without IPv4 addresses. */
export function decodeFlow(message: NetlinkMessage): Flow | undefined {
  if (message.payload.length < headerBytes) {
    throw new NetlinkDecodeError(`conntrack message has ${message.payload.length} bytes, wanted at least 4`);
  }
  const attributes = new Attributes(message.payload.subarray(headerBytes));
  const original = tupleOf(attributes.nested(attribute.original));
  const reply = tupleOf(attributes.nested(attribute.reply));
  const raw = attributes.bytes(attribute.original);
  if (original === undefined || reply === undefined || raw === undefined) return undefined;
  return {
    original,
    reply,
    identity: {
      original: raw.slice(),
      id: attributes.bytes(attribute.id)?.slice(),
      zone: attributes.u16be(attribute.zone),
    },
  };
}

function tupleOf(tuple: Attributes | undefined): FlowTuple | undefined {
  const ip = tuple?.nested(tupleAttribute.ip);
  const protocol = tuple?.nested(tupleAttribute.protocol);
  const source = ipv4FromBytes(ip?.bytes(ipAttribute.source));
  const destination = ipv4FromBytes(ip?.bytes(ipAttribute.destination));
  const number = protocol?.u8(protocolAttribute.number);
  if (source === undefined || destination === undefined || number === undefined) return undefined;
  return {
    source,
    destination,
    protocol: number,
    sourcePort: protocol?.u16be(protocolAttribute.sourcePort),
    destinationPort: protocol?.u16be(protocolAttribute.destinationPort),
  };
}
