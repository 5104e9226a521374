/**
 * A whole ruleset as the kernel tells it, whoever made it: chains with their hooks, rules with their instructions, sets with
 * their elements. Instructions that are not known here stay as `unknown`, so that nobody takes a rule for less than it is.
 * linux/netfilter/nf_tables.h
 */
import { Attributes, NetlinkDecodeError, type NetlinkMessage } from "../message.ts";
import { decodeRule } from "./decode.ts";
import { type ReadExtension, readExtension } from "./decode-extension.ts";

const headerBytes = 4;
const listElement = 1;
const dataValue = 1;
const dataVerdict = 2;
const policyDrop = 0;
const registerBytes = 4;
/** NFT_REG_1 to 4 are 16 bytes wide, NFT_REG32_00 and the next ones 4 over the same memory. */
const wideRegisters = 4;
const wideBytes = 16;
const firstNarrow = 8;

const verdictNames: Readonly<Record<number, ReadVerdict["verdict"]>> = {
  0: "drop",
  1: "accept",
  3: "queue",
  [-1]: "continue",
  [-3]: "jump",
  [-4]: "goto",
  [-5]: "return",
};

export interface ReadVerdict {
  readonly verdict: "accept" | "drop" | "continue" | "queue" | "jump" | "goto" | "return";
  readonly chain?: string | undefined;
}

/** Registers are offsets in bytes in their memory. */
export type ReadExpression =
  | { readonly expr: "meta" | "ct"; readonly key: number; readonly into: number }
  | { readonly expr: "setMeta"; readonly key: number; readonly from: number }
  | {
      readonly expr: "payload";
      readonly base: number;
      readonly offset: number;
      readonly length: number;
      readonly into: number;
    }
  | { readonly expr: "fib"; readonly flags: number; readonly result: number; readonly into: number }
  | {
      readonly expr: "bits";
      readonly from: number;
      readonly into: number;
      readonly mask: Uint8Array;
      readonly xor: Uint8Array;
    }
  | { readonly expr: "cmp"; readonly from: number; readonly op: number; readonly value: Uint8Array }
  | {
      readonly expr: "range";
      readonly from: number;
      readonly isInverted: boolean;
      readonly low: Uint8Array;
      readonly high: Uint8Array;
    }
  | {
      readonly expr: "lookup";
      readonly set: string;
      readonly from: number;
      readonly into: number | undefined;
      readonly isInverted: boolean;
    }
  | { readonly expr: "load"; readonly into: number; readonly value: Uint8Array }
  | { readonly expr: "verdict"; readonly verdict: ReadVerdict }
  | {
      readonly expr: "nat";
      readonly isDestination: boolean;
      readonly address: number | undefined;
      readonly port: number | undefined;
    }
  | { readonly expr: "masquerade" }
  | { readonly expr: "redirect"; readonly port: number | undefined }
  | { readonly expr: "reject" }
  /** Counts, logs, or limits: no packet's way depends on it alone. */
  | { readonly expr: "aside"; readonly name: string }
  | ReadExtension
  | { readonly expr: "unknown"; readonly name: string };

export interface ReadRule {
  readonly handle: bigint;
  readonly comment: string | undefined;
  readonly expressions: readonly ReadExpression[];
}

export interface ReadChain {
  /** NFPROTO_* */
  readonly family: number;
  readonly table: string;
  readonly name: string;
  readonly base:
    | {
        readonly hook: number;
        readonly priority: number;
        readonly type: string;
        readonly policy: "accept" | "drop";
      }
    | undefined;
  readonly rules: readonly ReadRule[];
}

export interface ReadElement {
  readonly key: Uint8Array;
  /** The last key of a range of several fields. */
  readonly keyEnd: Uint8Array | undefined;
  readonly isEnd: boolean;
  readonly isForAll: boolean;
  readonly data: Uint8Array | undefined;
  readonly verdict: ReadVerdict | undefined;
}

export interface ReadSet {
  readonly family: number;
  readonly table: string;
  readonly name: string;
  readonly isInterval: boolean;
  readonly elements: readonly ReadElement[];
}

export interface ReadRuleset {
  readonly chains: readonly ReadChain[];
  readonly sets: readonly ReadSet[];
}

function attributesOf(message: NetlinkMessage): { readonly family: number; readonly attributes: Attributes } {
  const [family] = message.payload;
  if (family === undefined || message.payload.length < headerBytes) {
    throw new NetlinkDecodeError(`nftables message has ${message.payload.length} bytes, wanted at least 4`);
  }
  return { family, attributes: new Attributes(message.payload.subarray(headerBytes)) };
}

export function readChain(message: NetlinkMessage): Omit<ReadChain, "rules"> {
  const { family, attributes } = attributesOf(message);
  const hook = attributes.nested(4);
  return {
    family,
    table: attributes.string(1) ?? "",
    name: attributes.string(3) ?? "",
    base:
      hook === undefined
        ? undefined
        : {
            hook: hook.u32be(1) ?? 0,
            priority: hook.i32be(2) ?? 0,
            type: attributes.string(7) ?? "filter",
            policy: attributes.u32be(5) === policyDrop ? "drop" : "accept",
          },
  };
}

export interface PlacedRule extends ReadRule {
  readonly family: number;
  readonly table: string;
  readonly chain: string;
}

export function readRule(message: NetlinkMessage): PlacedRule {
  const { family, attributes } = attributesOf(message);
  const { handle, comment, chain } = decodeRule(message);
  return {
    family,
    table: attributes.string(1) ?? "",
    chain,
    handle,
    comment,
    expressions: (attributes.nested(4)?.eachNested(listElement) ?? []).map(readExpression),
  };
}

export function readSet(message: NetlinkMessage): Omit<ReadSet, "elements"> {
  const { family, attributes } = attributesOf(message);
  const interval = 4;
  return {
    family,
    table: attributes.string(1) ?? "",
    name: attributes.string(2) ?? "",
    isInterval: ((attributes.u32be(3) ?? 0) & interval) !== 0,
  };
}

export function readElements(message: NetlinkMessage): ReadElement[] {
  const list = attributesOf(message).attributes.nested(3);
  return (list?.eachNested(listElement) ?? []).map((element): ReadElement => {
    const flags = element.u32be(3) ?? 0;
    const data = element.nested(2);
    const verdict = data?.nested(dataVerdict);
    return {
      key: (element.nested(1)?.bytes(dataValue) ?? new Uint8Array(0)).slice(),
      keyEnd: element.nested(10)?.bytes(dataValue)?.slice(),
      isEnd: (flags & 1) !== 0,
      isForAll: (flags & 2) !== 0,
      data: data?.bytes(dataValue)?.slice(),
      verdict: verdict === undefined ? undefined : readVerdict(verdict),
    };
  });
}

function readVerdict(attributes: Attributes): ReadVerdict {
  return {
    verdict: verdictNames[attributes.i32be(1) ?? 0] ?? "continue",
    chain: attributes.string(2),
  };
}

function offsetOf(register: number): number {
  if (register <= wideRegisters) return (register - 1) * wideBytes;
  return (register - firstNarrow) * registerBytes;
}

const asides = ["counter", "log", "limit", "quota", "last", "connlimit", "notrack", "synproxy", "ctHelper"];

function readExpression(element: Attributes): ReadExpression {
  const name = element.string(1) ?? "";
  const data = element.nested(2) ?? new Attributes(new Uint8Array(0));
  const register = (type: number): number => offsetOf(data.u32be(type) ?? 1);
  const optional = (type: number): number | undefined => (data.has(type) ? register(type) : undefined);
  const value = (type: number): Uint8Array =>
    (data.nested(type)?.bytes(dataValue) ?? new Uint8Array(0)).slice();
  const word = (type: number): number => data.u32be(type) ?? 0;
  switch (name) {
    case "meta":
      if (data.has(3)) return { expr: "setMeta", key: word(2), from: register(3) };
      return { expr: "meta", key: word(2), into: register(1) };
    case "ct":
      if (!data.has(1)) return { expr: "aside", name };
      // A direction is asked of what the first packet has not got.
      if (data.has(3)) return { expr: "unknown", name };
      return { expr: "ct", key: word(2), into: register(1) };
    case "payload":
      if (!data.has(1)) return { expr: "unknown", name };
      return { expr: "payload", base: word(2), offset: word(3), length: word(4), into: register(1) };
    case "fib":
      return { expr: "fib", result: word(2), flags: word(3), into: register(1) };
    case "bitwise":
      if (word(6) !== 0) return { expr: "unknown", name };
      return { expr: "bits", from: register(1), into: register(2), mask: value(4), xor: value(5) };
    case "cmp":
      return { expr: "cmp", from: register(1), op: word(2), value: value(3) };
    case "range":
      return { expr: "range", from: register(1), isInverted: word(2) === 1, low: value(3), high: value(4) };
    case "lookup":
      return {
        expr: "lookup",
        set: data.string(1) ?? "",
        from: register(2),
        into: data.has(3) && word(3) !== 0 ? register(3) : undefined,
        isInverted: (word(5) & 1) !== 0,
      };
    case "immediate": {
      const verdict = data.nested(2)?.nested(dataVerdict);
      if (verdict !== undefined) return { expr: "verdict", verdict: readVerdict(verdict) };
      return { expr: "load", into: register(1), value: value(2) };
    }
    case "nat":
      return { expr: "nat", isDestination: word(1) === 1, address: optional(3), port: optional(5) };
    case "masq":
      return { expr: "masquerade" };
    case "redir":
      return { expr: "redirect", port: optional(1) };
    case "reject":
      return { expr: "reject" };
    case "match":
    case "target":
      return readExtension(name, data.string(1) ?? "", word(2), data.bytes(3));
    default:
      return asides.includes(name) ? { expr: "aside", name } : { expr: "unknown", name };
  }
}
