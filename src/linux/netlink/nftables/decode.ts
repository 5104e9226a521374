/**
 * What the kernel says about nftables objects, as far as Tiffin asks: base chains, rules with their handle,
 * comment and jumps, elements of sets and maps.
 */
import { Attributes, NetlinkDecodeError, type NetlinkMessage } from "../message.ts";

const headerBytes = 4;
const listElement = 1;
const dataValue = 1;
const dataVerdict = 2;
const policyDrop = 0;

function attributesOf(message: NetlinkMessage): Attributes {
  if (message.payload.length < headerBytes) {
    throw new NetlinkDecodeError(`nftables message has ${message.payload.length} bytes, wanted at least 4`);
  }
  return new Attributes(message.payload.subarray(headerBytes));
}

export interface ChainState {
  /** NFPROTO_* */
  readonly family: number;
  readonly table: string;
  readonly name: string;
  readonly base: boolean;
  /** NF_INET_* where a base chain hangs. */
  readonly hook?: number;
  /** What a base chain is for: filter, nat, route. */
  readonly type?: string;
  readonly policy: "accept" | "drop";
}

export function decodeChain(message: NetlinkMessage): ChainState {
  const attributes = attributesOf(message);
  const hook = attributes.nested(4)?.u32be(1);
  const type = attributes.string(7);
  return {
    family: message.payload[0] ?? 0,
    table: attributes.string(1) ?? "",
    name: attributes.string(3) ?? "",
    base: attributes.has(4),
    ...(hook !== undefined && { hook }),
    ...(type !== undefined && { type }),
    policy: attributes.u32be(5) === policyDrop ? "drop" : "accept",
  };
}

export interface RuleState {
  readonly chain: string;
  readonly handle: bigint;
  /** The comment, kept as user data by nft or as a match extension by iptables. */
  readonly comment: string | undefined;
  /** Chains that the rule jumps or goes to. */
  readonly jumpsTo: readonly string[];
}

export function decodeRule(message: NetlinkMessage): RuleState {
  const attributes = attributesOf(message);
  const handle = attributes.u64be(3);
  if (handle === undefined) throw new NetlinkDecodeError("nftables rule without a handle");
  const expressions = attributes.nested(4)?.eachNested(listElement) ?? [];
  return {
    chain: attributes.string(2) ?? "",
    handle,
    comment: commentOf(attributes.bytes(7)) ?? matchComment(expressions),
    jumpsTo: jumpTargets(expressions),
  };
}

/** User data is a list of {u8 type, u8 length, bytes}; type 0 is the comment. */
function commentOf(userData: Uint8Array | undefined): string | undefined {
  if (userData === undefined) return undefined;
  for (let at = 0; at + 2 <= userData.length; ) {
    const type = userData[at];
    const length = userData[at + 1] ?? 0;
    const value = userData.subarray(at + 2, at + 2 + length);
    if (type === 0) return new TextDecoder().decode(value).replace(/\0.*$/s, "");
    at += 2 + length;
  }
  return undefined;
}

/** iptables' own way: the extension `comment`, whose data is the text. */
function matchComment(expressions: readonly Attributes[]): string | undefined {
  for (const expression of expressions) {
    const match = expression.string(1) === "match" ? expression.nested(2) : undefined;
    if (match?.string(1) === "comment") return match.string(3);
  }
  return undefined;
}

function jumpTargets(expressions: readonly Attributes[]): string[] {
  const targets: string[] = [];
  for (const expression of expressions) {
    if (expression.string(1) !== "immediate") continue;
    const chain = expression.nested(2)?.nested(2)?.nested(dataVerdict)?.string(2);
    if (chain !== undefined) targets.push(chain);
  }
  return targets;
}

export interface ElementState {
  readonly key: Uint8Array;
  /** A map's data; absent in sets and verdict maps. */
  readonly data?: Uint8Array;
}

/** The elements in one message of a dump. */
export function decodeElements(message: NetlinkMessage): ElementState[] {
  const list = attributesOf(message).nested(3);
  return (list?.eachNested(listElement) ?? []).map((element) => {
    const key = element.nested(1)?.bytes(dataValue);
    if (key === undefined) throw new NetlinkDecodeError("nftables element without a key");
    const data = element.nested(2)?.bytes(dataValue);
    return data === undefined ? { key: key.slice() } : { key: key.slice(), data: data.slice() };
  });
}
