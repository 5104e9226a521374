/**
 * rtnetlink addresses of any family, as they are carried over when a link changes its network namespace: what was
 * read is written again, without knowing what the bytes mean. rtnetlink(7), linux/if_addr.h
 */
import { addressMessages } from "./address.ts";
import {
  Attributes,
  messageFlags,
  NetlinkDecodeError,
  type NetlinkMessage,
  type NetlinkRequest,
} from "./message.ts";

const attribute = { address: 1, local: 2, broadcast: 4, flags: 8 } as const;
const headerBytes = 8;
const permanentFlag = 0x80;
/** IFA_F_NODAD and IFA_F_NOPREFIXROUTE: how it was set, not what has become of it since. */
const keptFlags = 0x02 | 0x200;
const scopeUniverse = 0;

export interface InterfaceAddress {
  readonly linkIndex: number;
  /** AF_INET, AF_INET6. */
  readonly family: number;
  readonly prefixLength: number;
  /** RT_SCOPE_* */
  readonly scope: number;
  /** IFA_F_* */
  readonly flags: number;
  /** IFA_LOCAL, IFA_ADDRESS, IFA_BROADCAST as they came. */
  readonly values: readonly { readonly type: number; readonly bytes: Uint8Array }[];
}

/** Set by somebody for good, and meant for others: link-local and temporary addresses are not. */
export function isLasting({ flags, scope }: InterfaceAddress): boolean {
  return (flags & permanentFlag) !== 0 && scope === scopeUniverse;
}

/** RTM_GETADDR dump of every family. */
export function dumpInterfaceAddresses(): NetlinkRequest {
  return {
    type: addressMessages.get,
    flags: messageFlags.request | messageFlags.dump,
    object: "addresses",
    body: (writer) => writer.raw(new Uint8Array(headerBytes)),
  };
}

/** Decodes RTM_NEWADDR. */
export function decodeInterfaceAddress({ payload }: NetlinkMessage): InterfaceAddress {
  if (payload.length < headerBytes) {
    throw new NetlinkDecodeError(
      `address message has ${payload.length} bytes, wanted at least ${headerBytes}`,
    );
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attributes = new Attributes(payload.subarray(headerBytes));
  const kept = [attribute.local, attribute.address, attribute.broadcast];
  return {
    linkIndex: view.getUint32(4, true),
    family: view.getUint8(0),
    prefixLength: view.getUint8(1),
    scope: view.getUint8(3),
    flags: attributes.u32(attribute.flags) ?? view.getUint8(2),
    values: kept.flatMap((type) => {
      const bytes = attributes.bytes(type);
      return bytes === undefined ? [] : [{ type, bytes: bytes.slice() }];
    }),
  };
}

/** RTM_NEWADDR: the same address on link `linkIndex`, which may be in another namespace. */
export function addInterfaceAddress(address: InterfaceAddress, linkIndex: number): NetlinkRequest {
  return {
    type: addressMessages.new,
    flags: messageFlags.request | messageFlags.ack | messageFlags.create | messageFlags.excl,
    object: `address of link ${linkIndex}`,
    body(writer) {
      const header = new Uint8Array(headerBytes);
      const view = new DataView(header.buffer);
      view.setUint8(0, address.family);
      view.setUint8(1, address.prefixLength);
      view.setUint8(3, address.scope);
      view.setUint32(4, linkIndex, true);
      writer.raw(header);
      for (const { type, bytes } of address.values) writer.bytes(type, bytes);
      writer.u32(attribute.flags, address.flags & keptFlags);
    },
  };
}

/** RTM_DELADDR; EADDRNOTAVAIL when the link does not have it. */
export function deleteInterfaceAddress(address: InterfaceAddress): NetlinkRequest {
  return {
    ...addInterfaceAddress(address, address.linkIndex),
    type: addressMessages.delete,
    flags: messageFlags.request | messageFlags.ack,
  };
}
