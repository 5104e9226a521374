/**
 * IPv4 addresses, prefixes and MAC addresses: text, 32-bit numbers and network-order bytes. Pure arithmetic;
 * a number here is always unsigned.
 */

export interface Prefix {
  /** The network's first address as a number. */
  readonly network: number;
  /** 0 to 32. */
  readonly length: number;
}

/** Parses dotted decimal without leading zeros; undefined when it is anything else. */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part)) return undefined;
    const octet = Number(part);
    if (octet > 255) return undefined;
    value = value * 256 + octet;
  }
  return value;
}

export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join(".");
}

export function ipv4Bytes(address: number): Uint8Array {
  return Uint8Array.of(address >>> 24, (address >>> 16) & 0xff, (address >>> 8) & 0xff, address & 0xff);
}

/** The number in the first four bytes; undefined when there are fewer. */
export function ipv4FromBytes(bytes: Uint8Array | undefined): number | undefined {
  if (bytes === undefined || bytes.length < 4) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, false);
}

export function netmask(length: number): number {
  return length === 0 ? 0 : (0xffff_ffff << (32 - length)) >>> 0;
}

/** The prefix that `address` lies in. */
export function prefixOf(address: number, length: number): Prefix {
  return { network: (address & netmask(length)) >>> 0, length };
}

/** Parses `172.30.0.0/16`; undefined when it is malformed or has host bits set. */
export function parsePrefix(text: string): Prefix | undefined {
  const match = /^([^/]+)\/(\d{1,2})$/.exec(text);
  if (match === null) return undefined;
  const address = parseIpv4(match[1] ?? "");
  const length = Number(match[2]);
  if (address === undefined || length > 32) return undefined;
  const prefix = prefixOf(address, length);
  return prefix.network === address ? prefix : undefined;
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatIpv4(prefix.network)}/${prefix.length}`;
}

export function contains(prefix: Prefix, address: number): boolean {
  return (address & netmask(prefix.length)) >>> 0 === prefix.network;
}

/** Do the two prefixes share an address? */
export function overlap(a: Prefix, b: Prefix): boolean {
  return contains(a, b.network) || contains(b, a.network);
}

/** The last address. */
export function broadcastOf(prefix: Prefix): number {
  return (prefix.network | ~netmask(prefix.length)) >>> 0;
}

/** Parses `02:42:ac:1e:00:09`; undefined when it is malformed. */
export function parseMac(text: string): Uint8Array | undefined {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) return undefined;
  return Uint8Array.from(text.split(":"), (octet) => Number.parseInt(octet, 16));
}

export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, (octet) => octet.toString(16).padStart(2, "0")).join(":");
}
