/** rtnetlink neighbours of every family, and the forwarding tables of bridges, which travel in the same messages. */
import {
  Attributes,
  messageFlags,
  NetlinkDecodeError,
  type NetlinkMessage,
  type NetlinkRequest,
} from "./message.ts";
import { neighbourMessages } from "./neighbour.ts";

const attribute = { destination: 1, linkLayerAddress: 2, vlan: 5, master: 9 } as const;
const headerBytes = 12;
const familyBridge = 7;
/** NUD_* in the order of their bits. */
export const neighbourStateNames = [
  "INCOMPLETE",
  "REACHABLE",
  "STALE",
  "DELAY",
  "PROBE",
  "FAILED",
  "NOARP",
  "PERMANENT",
] as const;
export const neighbourFlags = {
  self: 2,
  master: 4,
  learnedOutside: 0x10,
  offloaded: 0x20,
  sticky: 0x40,
} as const;

export interface NeighbourEntry {
  readonly family: number;
  readonly linkIndex: number;
  readonly destination?: Uint8Array;
  readonly mac?: Uint8Array;
  /** NUD_* */
  readonly state: number;
  /** NTF_* */
  readonly flags: number;
  readonly vlan?: number;
  /** Index of the bridge, for an entry of a forwarding table. */
  readonly master?: number;
}

function dump(family: number, object: string): NetlinkRequest {
  return {
    type: neighbourMessages.get,
    flags: messageFlags.request | messageFlags.dump,
    object,
    body(writer) {
      const header = new Uint8Array(headerBytes);
      header[0] = family;
      writer.raw(header);
    },
  };
}

/** RTM_GETNEIGH dump; family 0 is every one. */
export function dumpNeighbourEntries(family = 0): NetlinkRequest {
  return dump(family, "neighbours");
}

/** RTM_GETNEIGH dump of the forwarding tables of all bridges. */
export function dumpForwarding(): NetlinkRequest {
  return dump(familyBridge, "forwarding tables");
}

/** Decodes RTM_NEWNEIGH. */
export function decodeNeighbourEntry({ payload }: NetlinkMessage): NeighbourEntry {
  if (payload.length < headerBytes) {
    throw new NetlinkDecodeError(
      `neighbour message has ${payload.length} bytes, wanted at least ${headerBytes}`,
    );
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attributes = new Attributes(payload.subarray(headerBytes));
  const destination = attributes.bytes(attribute.destination)?.slice();
  const mac = attributes.bytes(attribute.linkLayerAddress)?.slice();
  const vlan = attributes.u16(attribute.vlan);
  const master = attributes.u32(attribute.master);
  return {
    family: view.getUint8(0),
    linkIndex: view.getInt32(4, true),
    state: view.getUint16(8, true),
    flags: view.getUint8(10),
    ...(destination === undefined ? {} : { destination }),
    ...(mac === undefined ? {} : { mac }),
    ...(vlan === undefined ? {} : { vlan }),
    ...(master === undefined ? {} : { master }),
  };
}
