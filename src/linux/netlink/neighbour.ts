/** rtnetlink IPv4 neighbours: which MAC answers for an address on a link. */
import { familyInet } from "./address.ts";
import { ipv4Bytes, ipv4FromBytes } from "./ipv4.ts";
import {
  Attributes,
  messageFlags,
  NetlinkDecodeError,
  type NetlinkMessage,
  type NetlinkRequest,
} from "./message.ts";

export const neighbourMessages = { new: 28, delete: 29, get: 30 } as const;
const attribute = { destination: 1, linkLayerAddress: 2 } as const;
const headerBytes = 12;
export const neighbourStates = {
  incomplete: 0x01,
  reachable: 0x02,
  stale: 0x04,
  failed: 0x20,
  permanent: 0x80,
} as const;

export interface Neighbour {
  readonly linkIndex: number;
  readonly address: number;
  /** Absent while the kernel still asks for it. */
  readonly mac?: Uint8Array;
  /** NUD_* bits. */
  readonly state: number;
}

/** struct ndmsg */
function header(linkIndex: number, state: number): Uint8Array {
  const bytes = new Uint8Array(headerBytes);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, familyInet);
  view.setInt32(4, linkIndex, true);
  view.setUint16(8, state, true);
  return bytes;
}

function request(type: number, flags: number, neighbour: Neighbour): NetlinkRequest {
  return {
    type,
    flags: messageFlags.request | messageFlags.ack | flags,
    object: `neighbour of link ${neighbour.linkIndex}`,
    body(writer) {
      writer.raw(header(neighbour.linkIndex, neighbour.state));
      writer.bytes(attribute.destination, ipv4Bytes(neighbour.address));
      if (neighbour.mac !== undefined) writer.bytes(attribute.linkLayerAddress, neighbour.mac);
    },
  };
}

/** RTM_NEWNEIGH: adds or replaces. */
export function setNeighbour(neighbour: Neighbour): NetlinkRequest {
  return request(neighbourMessages.new, messageFlags.create | messageFlags.replace, neighbour);
}

const familyBridge = 7;
/** NTF_SELF: of the link itself, not of a bridge that it is a port of. */
const ownFlag = 0x02;
const noArpState = 0x40;

/** RTM_NEWNEIGH in a vxlan's forwarding table: frames for everybody go to this host too. EEXIST when they do. */
export function addVxlanPeer(linkIndex: number, peer: Uint8Array): NetlinkRequest {
  return {
    type: neighbourMessages.new,
    flags: messageFlags.request | messageFlags.ack | messageFlags.create | messageFlags.append,
    object: `peer of link ${linkIndex}`,
    body(writer) {
      const bytes = header(linkIndex, neighbourStates.permanent | noArpState);
      bytes[0] = familyBridge;
      bytes[10] = ownFlag;
      writer.raw(bytes);
      writer.bytes(attribute.linkLayerAddress, new Uint8Array(6));
      writer.bytes(attribute.destination, peer);
    },
  };
}

/** RTM_DELNEIGH; ENOENT when there is none. */
export function deleteNeighbour(linkIndex: number, address: number): NetlinkRequest {
  return request(neighbourMessages.delete, 0, { linkIndex, address, state: 0 });
}

/** RTM_GETNEIGH dump of IPv4 neighbours of every link. */
export function dumpNeighbours(): NetlinkRequest {
  return {
    type: neighbourMessages.get,
    flags: messageFlags.request | messageFlags.dump,
    object: "neighbours",
    body: (writer) => writer.raw(header(0, 0)),
  };
}

/** Decodes RTM_NEWNEIGH; undefined for a family other than IPv4. */
export function decodeNeighbour(message: NetlinkMessage): Neighbour | undefined {
  const { payload } = message;
  if (payload.length < headerBytes) {
    throw new NetlinkDecodeError(
      `neighbour message has ${payload.length} bytes, wanted at least ${headerBytes}`,
    );
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  if (view.getUint8(0) !== familyInet) return undefined;
  const attributes = new Attributes(payload.subarray(headerBytes));
  const address = ipv4FromBytes(attributes.bytes(attribute.destination));
  if (address === undefined) return undefined;
  const mac = attributes.bytes(attribute.linkLayerAddress);
  return {
    linkIndex: view.getInt32(4, true),
    address,
    ...(mac === undefined ? {} : { mac: mac.slice() }),
    state: view.getUint16(8, true),
  };
}
