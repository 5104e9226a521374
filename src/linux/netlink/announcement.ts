/**
 * Ethernet frames by which a link says unasked which MAC an address has, so that neighbours forget the one that had it
 * before: a gratuitous ARP reply (RFC 5227), and an unsolicited neighbour advertisement that overrides (RFC 4861, 7.2.6).
 */
const macBytes = 6;
const ethernetBytes = 14;
const etherTypes = { arp: 0x0806, ipv6: 0x86dd } as const;
const arpBytes = 28;
const ipv6HeaderBytes = 40;
/** Type, code, checksum, flags, target, and the option with the MAC. */
const advertisementBytes = 32;
const icmpv6 = 58;
const neighbourAdvertisement = 136;
const overrideFlag = 0x2000_0000;
const targetMacOption = 2;
/** Only a packet that passed no router counts. */
const hopLimit = 255;
const broadcast = new Uint8Array(macBytes).fill(0xff);
const allNodesMac = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1);
const allNodes = Uint8Array.of(0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

/** `address`: four or sixteen bytes. */
export function announcement(mac: Uint8Array, address: Uint8Array): Uint8Array {
  return address.length === 4 ? gratuitousArp(mac, address) : unsolicitedAdvertisement(mac, address);
}

function frame(destination: Uint8Array, source: Uint8Array, type: number, payloadBytes: number): Uint8Array {
  const bytes = new Uint8Array(ethernetBytes + payloadBytes);
  bytes.set(destination, 0);
  bytes.set(source, macBytes);
  new DataView(bytes.buffer).setUint16(2 * macBytes, type);
  return bytes;
}

function gratuitousArp(mac: Uint8Array, address: Uint8Array): Uint8Array {
  const bytes = frame(broadcast, mac, etherTypes.arp, arpBytes);
  // Ethernet, IPv4, lengths of both, reply.
  bytes.set(Uint8Array.of(0, 1, 0x08, 0, macBytes, 4, 0, 2), ethernetBytes);
  bytes.set(mac, ethernetBytes + 8);
  bytes.set(address, ethernetBytes + 14);
  bytes.set(mac, ethernetBytes + 18);
  bytes.set(address, ethernetBytes + 24);
  return bytes;
}

function unsolicitedAdvertisement(mac: Uint8Array, address: Uint8Array): Uint8Array {
  const bytes = frame(allNodesMac, mac, etherTypes.ipv6, ipv6HeaderBytes + advertisementBytes);
  const view = new DataView(bytes.buffer);
  const header = ethernetBytes;
  view.setUint32(header, 0x6000_0000);
  view.setUint16(header + 4, advertisementBytes);
  view.setUint8(header + 6, icmpv6);
  view.setUint8(header + 7, hopLimit);
  bytes.set(address, header + 8);
  bytes.set(allNodes, header + 24);
  const body = header + ipv6HeaderBytes;
  view.setUint8(body, neighbourAdvertisement);
  view.setUint32(body + 4, overrideFlag);
  bytes.set(address, body + 8);
  view.setUint8(body + 24, targetMacOption);
  view.setUint8(body + 25, 1);
  bytes.set(mac, body + 26);
  view.setUint16(body + 2, checksum(bytes.subarray(header + 8, body), bytes.subarray(body)));
  return bytes;
}

/** Over the addresses, the length, the protocol and the message (RFC 4443, 2.3). */
function checksum(addresses: Uint8Array, message: Uint8Array): number {
  let sum = message.length + icmpv6;
  for (const part of [addresses, message]) {
    for (let at = 0; at < part.length; at += 2) sum += ((part[at] ?? 0) << 8) | (part[at + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
