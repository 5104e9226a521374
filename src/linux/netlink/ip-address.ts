/** IPv4 and IPv6 addresses as text and as bytes in network order. The text form is that of RFC 5952. */
import { formatIpv4, ipv4Bytes, ipv4FromBytes, parseIpv4 } from "./ipv4.ts";

export const addressFamilies = { inet: 2, inet6: 10 } as const;
const groupCount = 8;

/** Four or sixteen bytes; undefined when it is no address. Without a zone (`%eth0`). */
export function parseIpAddress(text: string): Uint8Array | undefined {
  if (!text.includes(":")) {
    const number = parseIpv4(text);
    return number === undefined ? undefined : ipv4Bytes(number);
  }
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [front, back] = halves.map((half, index) => parseGroups(half, index === halves.length - 1));
  if (front === undefined) return undefined;
  if (halves.length === 1) return front.length === groupCount ? groupBytes(front) : undefined;
  if (back === undefined) return undefined;
  const missing = groupCount - front.length - back.length;
  return missing < 1 ? undefined : groupBytes([...front, ...new Array<number>(missing).fill(0), ...back]);
}

/** 16-bit groups; the last two at the end of an address may be written as an IPv4 address. */
function parseGroups(text: string, isEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    const last = isEnd && index === parts.length - 1 ? parseIpv4(part) : undefined;
    if (last !== undefined) groups.push(last >>> 16, last & 0xffff);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

function groupBytes(groups: readonly number[]): Uint8Array {
  return Uint8Array.from(groups.flatMap((group) => [group >>> 8, group & 0xff]));
}

/** Of four or sixteen bytes. */
export function formatIpAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return formatIpv4(ipv4FromBytes(bytes) ?? 0);
  const groups = Array.from({ length: groupCount }, (_, index) =>
    (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16),
  );
  const [start, length] = longestZeros(groups);
  if (length < 2) return groups.join(":");
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`;
}

function longestZeros(groups: readonly string[]): readonly [start: number, length: number] {
  let best: readonly [number, number] = [0, 0];
  for (let start = 0; start < groups.length; start += 1) {
    let length = 0;
    while (groups[start + length] === "0") length += 1;
    if (length > best[1]) best = [start, length];
  }
  return best;
}

export function familyOf(bytes: Uint8Array): number {
  return bytes.length === 4 ? addressFamilies.inet : addressFamilies.inet6;
}

export interface IpPrefix {
  readonly address: Uint8Array;
  readonly length: number;
}

/** `172.18.0.2/24`; without a length the whole address counts. Host bits are kept. */
export function parseIpPrefix(text: string): IpPrefix | undefined {
  const match = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text);
  const address = parseIpAddress(match?.[1] ?? "");
  if (address === undefined) return undefined;
  const bits = address.length * 8;
  const length = match?.[2] === undefined ? bits : Number(match[2]);
  return length > bits ? undefined : { address, length };
}

/** No bit is set behind the prefix's length. */
export function isNetwork({ address, length }: IpPrefix): boolean {
  return address.every((octet, index) => {
    const kept = Math.max(0, Math.min(8, length - index * 8));
    return (octet & (0xff >> kept)) === 0;
  });
}
