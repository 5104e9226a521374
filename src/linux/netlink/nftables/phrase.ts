/**
 * Parts of firewall rules: each is its text in nft's language together with the instructions it stands for, so a
 * rule is written, and printed, the way people write it. `ip` phrases in the inet family bring their own check
 * that the packet is IPv4. nft(8)
 */
import { formatIpv4, formatPrefix, ipv4Bytes, netmask, type Prefix } from "../ipv4.ts";
import type { Expression, Verdict } from "./expression.ts";

export interface Phrase {
  readonly text: string;
  readonly expressions: readonly Expression[];
}

const encoder = new TextEncoder();
/** NFPROTO_*, where an address is in the packet and how long it is. */
const families = {
  ip: { number: 2, addressBytes: 4, saddr: 12, daddr: 16 },
  ip6: { number: 10, addressBytes: 16, saddr: 8, daddr: 24 },
} as const;
export type IpFamily = keyof typeof families;
const routeTypeLocal = 2;
const ctStates = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 } as const;
const ctStatusDnatBit = 32;
const linkNameBytes = 16;
const destinationPortOffset = 2;

/** A host-order 32-bit register value. */
function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function linkName(key: "iifname" | "oifname", op: "eq" | "neq", name: string): Phrase {
  // With its NUL the comparison is of the whole name; nft and iptables read it back like that.
  const value = encoder.encode(`${name}\0`);
  return {
    text: `${key} ${op === "neq" ? "!= " : ""}"${name}"`,
    expressions: [
      { expr: "meta", key, into: 0 },
      { expr: "cmp", from: 0, op, value },
    ],
  };
}

export function iifname(name: string): Phrase {
  return linkName("iifname", "eq", name);
}

export function oifname(name: string): Phrase {
  return linkName("oifname", "eq", name);
}

export function notOifname(name: string): Phrase {
  return linkName("oifname", "neq", name);
}

export function notIifname(name: string): Phrase {
  return linkName("iifname", "neq", name);
}

/** A value of type `ifname`, as sets hold it. */
export function linkNameKey(name: string): Uint8Array {
  const bytes = new Uint8Array(linkNameBytes);
  encoder.encodeInto(name, bytes);
  return bytes;
}

/** Every link whose name begins like that. */
function linkNamePrefix(key: "iifname" | "oifname", prefix: string): Phrase {
  return {
    text: `${key} "${prefix}*"`,
    expressions: [
      { expr: "meta", key, into: 0 },
      { expr: "cmp", from: 0, op: "eq", value: encoder.encode(prefix) },
    ],
  };
}

export function iifnamePrefix(prefix: string): Phrase {
  return linkNamePrefix("iifname", prefix);
}

export function oifnamePrefix(prefix: string): Phrase {
  return linkNamePrefix("oifname", prefix);
}

function linkNameIn(key: "iifname" | "oifname", set: string): Phrase {
  return {
    text: `${key} @${set}`,
    expressions: [
      { expr: "meta", key, into: 0 },
      { expr: "lookup", set, from: 0 },
    ],
  };
}

/** The link that the packet came in by is in `set`. */
export function iifnameIn(set: string): Phrase {
  return linkNameIn("iifname", set);
}

export function oifnameIn(set: string): Phrase {
  return linkNameIn("oifname", set);
}

/** The links that the packet came in by and goes out by are a pair in `set`. */
export function linkPairIn(set: string): Phrase {
  return {
    text: `iifname . oifname @${set}`,
    expressions: [
      { expr: "meta", key: "iifname", into: 0 },
      { expr: "meta", key: "oifname", into: linkNameBytes / 4 },
      { expr: "lookup", set, from: 0 },
    ],
  };
}

function isOfFamily(family: IpFamily): readonly Expression[] {
  return [
    { expr: "meta", key: "nfproto", into: 0 },
    { expr: "cmp", from: 0, op: "eq", value: Uint8Array.of(families[family].number) },
  ];
}

function loadAddress(family: IpFamily, field: "saddr" | "daddr", into: number): Expression {
  const { addressBytes: length, [field]: offset } = families[family];
  return { expr: "payload", base: "network", offset, length, into };
}

function inPrefix(field: "saddr" | "daddr", prefix: Prefix): Phrase {
  const mask: Expression[] =
    prefix.length === 32 ? [] : [{ expr: "and", register: 0, mask: ipv4Bytes(netmask(prefix.length)) }];
  return {
    text: `ip ${field} ${formatPrefix(prefix)}`,
    expressions: [
      ...isOfFamily("ip"),
      loadAddress("ip", field, 0),
      ...mask,
      { expr: "cmp", from: 0, op: "eq", value: ipv4Bytes(prefix.network) },
    ],
  };
}

export function ipSource(prefix: Prefix): Phrase {
  return inPrefix("saddr", prefix);
}

export function ipDestination(prefix: Prefix): Phrase {
  return inPrefix("daddr", prefix);
}

/** The same in a table of IPv4 alone, as iptables writes it and is able to read it. */
export function ipDestinationOnly(address: number): Phrase {
  return {
    text: `ip daddr ${formatIpv4(address)}`,
    expressions: [
      loadAddress("ip", "daddr", 0),
      { expr: "cmp", from: 0, op: "eq", value: ipv4Bytes(address) },
    ],
  };
}

/** The source is in one of the ranges of `set`. */
export function ipSourceIn(set: string, family: IpFamily = "ip"): Phrase {
  return {
    text: `${family} saddr @${set}`,
    expressions: [...isOfFamily(family), loadAddress(family, "saddr", 0), { expr: "lookup", set, from: 0 }],
  };
}

/** Source, destination, protocol and destination port are one entry of `set`. */
export function ipFlowIn(set: string): Phrase {
  return {
    text: `ip saddr . ip daddr . meta l4proto . th dport @${set}`,
    expressions: [
      ...isOfFamily("ip"),
      loadAddress("ip", "saddr", 0),
      loadAddress("ip", "daddr", 1),
      { expr: "meta", key: "l4proto", into: 2 },
      { expr: "payload", base: "transport", offset: destinationPortOffset, length: 2, into: 3 },
      { expr: "lookup", set, from: 0 },
    ],
  };
}

function ctBits(key: "state" | "status", bits: number): readonly Expression[] {
  return [
    { expr: "ct", key, into: 0 },
    { expr: "and", register: 0, mask: word(bits) },
    { expr: "cmp", from: 0, op: "neq", value: word(0) },
  ];
}

/** The packet belongs to a connection in one of these states. */
export function ctState(...states: readonly (keyof typeof ctStates)[]): Phrase {
  const bits = states.reduce((sum, state) => sum | ctStates[state], 0);
  return { text: `ct state ${states.join(",")}`, expressions: ctBits("state", bits) };
}

/** The connection's destination was rewritten. */
export const ctStatusDnat: Phrase = {
  text: "ct status dnat",
  expressions: ctBits("status", ctStatusDnatBit),
};

const linkLocalMask = Uint8Array.of(0xff, 0xc0, ...new Uint8Array(14));
const linkLocal = Uint8Array.of(0xfe, 0x80, ...new Uint8Array(14));

/** An IPv6 source that is of its link alone: routes say nothing of it. */
export const ip6SourceLinkLocal: Phrase = {
  text: "ip6 saddr fe80::/10",
  expressions: [
    ...isOfFamily("ip6"),
    loadAddress("ip6", "saddr", 0),
    { expr: "and", register: 0, mask: linkLocalMask },
    { expr: "cmp", from: 0, op: "eq", value: linkLocal },
  ],
};

/** What asks whether an IPv6 address is free has none yet. */
export const ip6SourceNone: Phrase = {
  text: "ip6 saddr ::",
  expressions: [
    ...isOfFamily("ip6"),
    loadAddress("ip6", "saddr", 0),
    { expr: "cmp", from: 0, op: "eq", value: new Uint8Array(16) },
  ],
};

/** The kernel lets nothing with a source of ::1 leave, so no rewriting leads it elsewhere. */
export const ip6DestinationLoopback: Phrase = {
  text: "ip6 daddr ::1",
  expressions: [
    ...isOfFamily("ip6"),
    loadAddress("ip6", "daddr", 0),
    { expr: "cmp", from: 0, op: "eq", value: Uint8Array.of(...new Uint8Array(15), 1) },
  ],
};

/** The destination is an address of this host. */
export const fibDestinationLocal: Phrase = {
  text: "fib daddr type local",
  expressions: [
    { expr: "fibDestinationType", into: 0 },
    { expr: "cmp", from: 0, op: "eq", value: word(routeTypeLocal) },
  ],
};

/** Answers to the source would not leave by the link that the packet came by: the source is not its own. */
export const fibSourceElsewhere: Phrase = {
  text: "fib saddr . iif oif 0",
  expressions: [
    { expr: "fibSourceLink", into: 0 },
    { expr: "cmp", from: 0, op: "eq", value: word(0) },
  ],
};

/** Rewrites address and port to what `map` (protocol . port : address . port) says; no entry, no change. */
export function dnatByPort(map: string, family: IpFamily = "ip"): Phrase {
  return {
    text: `dnat ${family} to meta l4proto . th dport map @${map}`,
    expressions: [
      // The kernel rewrites packets of that family alone; nft shows the check where it is not needed for IPv6.
      ...(family === "ip" ? isOfFamily(family) : []),
      { expr: "meta", key: "l4proto", into: 0 },
      { expr: "payload", base: "transport", offset: destinationPortOffset, length: 2, into: 1 },
      { expr: "lookup", set: map, from: 0, into: 0 },
      { expr: "dnat", family, address: 0, port: registersOf(family) },
    ],
  };
}

/** The same for a `map` of protocol . address . port : address . port. */
export function dnatByAddressAndPort(map: string, family: IpFamily = "ip"): Phrase {
  const port = 1 + registersOf(family);
  return {
    text: `dnat ${family} to meta l4proto . ${family} daddr . th dport map @${map}`,
    expressions: [
      ...isOfFamily(family),
      { expr: "meta", key: "l4proto", into: 0 },
      loadAddress(family, "daddr", 1),
      { expr: "payload", base: "transport", offset: destinationPortOffset, length: 2, into: port },
      { expr: "lookup", set: map, from: 0, into: 0 },
      { expr: "dnat", family, address: 0, port: registersOf(family) },
    ],
  };
}

/** How many registers an address takes. */
function registersOf(family: IpFamily): number {
  return families[family].addressBytes / 4;
}

function verdictText(verdict: Verdict): string {
  return "chain" in verdict ? `${verdict.verdict} ${verdict.chain}` : verdict.verdict;
}

function verdictPhrase(verdict: Verdict): Phrase {
  return { text: verdictText(verdict), expressions: [{ expr: "verdict", verdict }] };
}

export const accept: Phrase = verdictPhrase({ verdict: "accept" });
export const drop: Phrase = verdictPhrase({ verdict: "drop" });
export const returnToCaller: Phrase = verdictPhrase({ verdict: "return" });
export const counter: Phrase = { text: "counter", expressions: [{ expr: "counter" }] };
export const masquerade: Phrase = { text: "masquerade", expressions: [{ expr: "masquerade" }] };

export function jump(chain: string): Phrase {
  return verdictPhrase({ verdict: "jump", chain });
}

export interface TracedFlow {
  /** IPPROTO_* */
  readonly protocol: number;
  readonly port: number;
  /** Four or sixteen bytes; absent: whichever. */
  readonly destination?: Uint8Array | undefined;
}

/** The kernel tells of the way of packets to that port. */
export function traceFlow({ protocol, port, destination }: TracedFlow): Phrase {
  const family: IpFamily = destination?.length === 16 ? "ip6" : "ip";
  return {
    text: `meta l4proto ${protocol} th dport ${port} meta nftrace set 1`,
    expressions: [
      { expr: "meta", key: "l4proto", into: 0 },
      { expr: "cmp", from: 0, op: "eq", value: Uint8Array.of(protocol) },
      ...(destination === undefined
        ? []
        : ([
            ...isOfFamily(family),
            loadAddress(family, "daddr", 0),
            { expr: "cmp", from: 0, op: "eq", value: destination },
          ] as const)),
      { expr: "payload", base: "transport", offset: destinationPortOffset, length: 2, into: 0 },
      { expr: "cmp", from: 0, op: "eq", value: Uint8Array.of(port >>> 8, port & 0xff) },
      { expr: "value", into: 0, value: Uint8Array.of(1) },
      { expr: "trace", from: 0 },
    ],
  };
}
