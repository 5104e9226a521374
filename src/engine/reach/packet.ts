/** The packet that is followed: the first one of a connection. It exists as bytes, because rules look at bytes. Pure. */
import { addressFamilies, familyOf } from "../../linux/netlink/ip-address.ts";

export const protocols = { tcp: 6, udp: 17 } as const;
export type Protocol = keyof typeof protocols;

/** A port that the kernel would give a client; any will do. */
export const clientPort = 40_000;
const ip4Bytes = 20;
const ip6Bytes = 40;

export interface Packet {
  readonly protocol: Protocol;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  readonly port: number;
  /** Its destination was rewritten. */
  readonly isRewritten: boolean;
  readonly mark: number;
}

export interface PacketLink {
  readonly index: number;
  readonly name: string;
  readonly kind: string;
}

export function isIpv4({ destination }: Packet): boolean {
  return familyOf(destination) === addressFamilies.inet;
}

export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

/** The header that rules of base `network` read. */
export function networkHeader(packet: Packet): Uint8Array {
  const { source, destination, protocol } = packet;
  if (isIpv4(packet)) {
    const bytes = new Uint8Array(ip4Bytes);
    // Version and length; do not fragment; time to live.
    bytes.set([0x45, 0, 0, 60, 0, 0, 0x40, 0, 64, protocols[protocol]]);
    bytes.set(source, 12);
    bytes.set(destination, 16);
    return bytes;
  }
  const bytes = new Uint8Array(ip6Bytes);
  bytes.set([0x60, 0, 0, 0, 0, 40, protocols[protocol], 64]);
  bytes.set(source, 8);
  bytes.set(destination, 24);
  return bytes;
}

/** That of base `transport`: a SYN, or a datagram of eight bytes. */
export function transportHeader({ sourcePort, port, protocol }: Packet): Uint8Array {
  const bytes = new Uint8Array(protocol === "tcp" ? 20 : 8);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, sourcePort);
  view.setUint16(2, port);
  if (protocol === "tcp") bytes.set([0x50, 0x02], 12);
  else view.setUint16(4, 8);
  return bytes;
}
