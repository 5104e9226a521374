/** IPv6 addresses and prefixes as 128-bit numbers. Pure arithmetic; the text form is that of RFC 5952. */
import { formatIpAddress, parseIpAddress } from "./ip-address.ts";

export interface Ipv6Prefix {
  /** The network's first address as a number. */
  readonly network: bigint;
  /** 0 to 128. */
  readonly length: number;
}

const bits = 128;
const bytesOfAddress = 16;
const allOnes = (1n << BigInt(bits)) - 1n;

/** Undefined when it is anything else, an IPv4 address or one with a zone too. */
export function parseIpv6(text: string): bigint | undefined {
  if (!text.includes(":")) return undefined;
  return ipv6FromBytes(parseIpAddress(text));
}

export function formatIpv6(address: bigint): string {
  return formatIpAddress(ipv6Bytes(address));
}

/** In network order. */
export function ipv6Bytes(address: bigint): Uint8Array {
  const bytes = new Uint8Array(bytesOfAddress);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, address >> 64n);
  view.setBigUint64(8, address & 0xffff_ffff_ffff_ffffn);
  return bytes;
}

export function ipv6FromBytes(bytes: Uint8Array | undefined): bigint | undefined {
  if (bytes === undefined || bytes.length !== bytesOfAddress) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytesOfAddress);
  return (view.getBigUint64(0) << 64n) | view.getBigUint64(8);
}

function hostMask(length: number): bigint {
  return allOnes >> BigInt(length);
}

/** The prefix that `address` lies in. */
export function ipv6PrefixOf(address: bigint, length: number): Ipv6Prefix {
  return { network: address & (allOnes ^ hostMask(length)), length };
}

/** Parses `fd00:1::/64`; undefined when it is malformed or has host bits set. */
export function parseIpv6Prefix(text: string): Ipv6Prefix | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const address = parseIpv6(match?.[1] ?? "");
  const length = Number(match?.[2]);
  if (address === undefined || length > bits) return undefined;
  const prefix = ipv6PrefixOf(address, length);
  return prefix.network === address ? prefix : undefined;
}

export function formatIpv6Prefix({ network, length }: Ipv6Prefix): string {
  return `${formatIpv6(network)}/${length}`;
}

export function ipv6Contains(prefix: Ipv6Prefix, address: bigint): boolean {
  return ipv6PrefixOf(address, prefix.length).network === prefix.network;
}

/** Do the two prefixes share an address? */
export function ipv6Overlap(one: Ipv6Prefix, other: Ipv6Prefix): boolean {
  return ipv6Contains(one, other.network) || ipv6Contains(other, one.network);
}

/** The last address. */
export function ipv6LastOf({ network, length }: Ipv6Prefix): bigint {
  return network | hostMask(length);
}
