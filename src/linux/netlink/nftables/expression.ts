/**
 * The nftables virtual machine's instructions that Tiffin uses, as data, and their encoding. Registers are the
 * 32-bit ones; a value wider than that takes the following ones too. linux/netfilter/nf_tables.h
 */
import type { MessageWriter } from "../message.ts";

const element = 1;
const name = 1;
const data = 2;
const dataValue = 1;
const dataVerdict = 2;

/** NFT_REG32_00; register n of an expression is `firstRegister + n`. */
const firstRegister = 8;
const verdictRegister = 0;

export const metaKeys = { iifname: 6, oifname: 7, nfproto: 15, l4proto: 16 } as const;
const traceKey = 12;
export const ctKeys = { state: 0, status: 2 } as const;
export const payloadBases = { network: 1, transport: 2 } as const;
const compareOperators = { eq: 0, neq: 1 } as const;
const fibSource = 1;
const fibDestination = 2;
const fibIncomingLink = 8;
const fibOutgoingLink = 1;
const fibAddressType = 3;
const natDestination = 1;
const verdictCodes = { drop: 0, accept: 1, jump: -3, goto: -4, return: -5 } as const;

export type Verdict =
  | { readonly verdict: "accept" | "drop" | "return" }
  | { readonly verdict: "jump" | "goto"; readonly chain: string };

/** `into`, `from`: register number from 0 to 15. */
export type Expression =
  | { readonly expr: "meta"; readonly key: keyof typeof metaKeys; readonly into: number }
  | { readonly expr: "ct"; readonly key: keyof typeof ctKeys; readonly into: number }
  /** RTN_* type of the destination address. */
  | { readonly expr: "fibDestinationType"; readonly into: number }
  /** The index of the link by which the way back to the source leads, if that is the one the packet came by; else 0. */
  | { readonly expr: "fibSourceLink"; readonly into: number }
  | {
      readonly expr: "payload";
      readonly base: keyof typeof payloadBases;
      readonly offset: number;
      readonly length: number;
      readonly into: number;
    }
  | { readonly expr: "and"; readonly register: number; readonly mask: Uint8Array }
  | {
      readonly expr: "cmp";
      readonly from: number;
      readonly op: keyof typeof compareOperators;
      readonly value: Uint8Array;
    }
  /** Goes on when the key in `from` is in the set; with `into` (a map) its data lands there. */
  | { readonly expr: "lookup"; readonly set: string; readonly from: number; readonly into?: number }
  | { readonly expr: "verdict"; readonly verdict: Verdict }
  /** Puts `value` into a register. */
  | { readonly expr: "value"; readonly into: number; readonly value: Uint8Array }
  /** The kernel tells of the packet's way when the register is 1. */
  | { readonly expr: "trace"; readonly from: number }
  | { readonly expr: "counter" }
  | {
      readonly expr: "dnat";
      readonly family: "ip" | "ip6";
      readonly address: number;
      readonly port: number;
    }
  | { readonly expr: "masquerade" };

/** One list element of NFTA_RULE_EXPRESSIONS. */
export function writeExpression(writer: MessageWriter, expression: Expression): void {
  const [kernelName, fields] = encoding(writer, expression);
  writer.nest(element, () => {
    writer.string(name, kernelName);
    writer.nest(data, fields);
  });
}

/** The name under which the kernel knows the instruction, and what writes its attributes. */
function encoding(writer: MessageWriter, expression: Expression): [string, () => void] {
  switch (expression.expr) {
    case "meta":
      return ["meta", () => writeLoad(writer, metaKeys[expression.key], expression.into)];
    case "ct":
      return [
        "ct",
        () => {
          writer.u32be(1, register(expression.into));
          writer.u32be(2, ctKeys[expression.key]);
        },
      ];
    case "fibDestinationType":
      return [
        "fib",
        () => {
          writer.u32be(1, register(expression.into));
          writer.u32be(2, fibAddressType);
          writer.u32be(3, fibDestination);
        },
      ];
    case "fibSourceLink":
      return [
        "fib",
        () => {
          writer.u32be(1, register(expression.into));
          writer.u32be(2, fibOutgoingLink);
          writer.u32be(3, fibSource | fibIncomingLink);
        },
      ];
    case "payload":
      return [
        "payload",
        () => {
          writer.u32be(1, register(expression.into));
          writer.u32be(2, payloadBases[expression.base]);
          writer.u32be(3, expression.offset);
          writer.u32be(4, expression.length);
        },
      ];
    case "and":
      return ["bitwise", () => writeAnd(writer, expression.register, expression.mask)];
    case "cmp":
      return [
        "cmp",
        () => {
          writer.u32be(1, register(expression.from));
          writer.u32be(2, compareOperators[expression.op]);
          writer.nest(3, () => writer.bytes(dataValue, expression.value));
        },
      ];
    case "lookup":
      return ["lookup", () => writeLookup(writer, expression)];
    case "verdict":
      return [
        "immediate",
        () => {
          writer.u32be(1, verdictRegister);
          writer.nest(2, () => writeVerdict(writer, expression.verdict));
        },
      ];
    case "value":
      return [
        "immediate",
        () => {
          writer.u32be(1, register(expression.into));
          writer.nest(2, () => writer.bytes(dataValue, expression.value));
        },
      ];
    case "trace":
      return [
        "meta",
        () => {
          writer.u32be(2, traceKey);
          writer.u32be(3, register(expression.from));
        },
      ];
    case "counter":
      return [
        "counter",
        () => {
          writer.u64be(1, 0n);
          writer.u64be(2, 0n);
        },
      ];
    case "dnat":
      return [
        "nat",
        () => {
          writer.u32be(1, natDestination);
          writer.u32be(2, nftFamilies[expression.family]);
          writer.u32be(3, register(expression.address));
          writer.u32be(5, register(expression.port));
        },
      ];
    case "masquerade":
      return ["masq", () => undefined];
  }
}

/** NFPROTO_*: which packets a table sees. */
export const nftFamilies = { inet: 1, ip: 2, bridge: 7, ip6: 10 } as const;
export type NftFamily = keyof typeof nftFamilies;

function register(number: number): number {
  if (!Number.isInteger(number) || number < 0 || number > 15) {
    throw new RangeError(`nftables register ${number} is not from 0 to 15`);
  }
  return firstRegister + number;
}

function writeLoad(writer: MessageWriter, key: number, into: number): void {
  writer.u32be(1, register(into));
  writer.u32be(2, key);
}

function writeAnd(writer: MessageWriter, number: number, mask: Uint8Array): void {
  writer.u32be(1, register(number));
  writer.u32be(2, register(number));
  writer.u32be(3, mask.length);
  writer.nest(4, () => writer.bytes(dataValue, mask));
  writer.nest(5, () => writer.bytes(dataValue, new Uint8Array(mask.length)));
}

function writeLookup(writer: MessageWriter, lookup: Extract<Expression, { expr: "lookup" }>): void {
  writer.string(1, lookup.set);
  writer.u32be(2, register(lookup.from));
  if (lookup.into !== undefined) writer.u32be(3, register(lookup.into));
}

/** The NFTA_DATA_VERDICT attribute, in an immediate and in a verdict map alike. */
export function writeVerdict(writer: MessageWriter, verdict: Verdict): void {
  writer.nest(dataVerdict, () => {
    writer.i32be(1, verdictCodes[verdict.verdict]);
    if (verdict.verdict === "jump" || verdict.verdict === "goto") writer.string(2, verdict.chain);
  });
}

/** The NFTA_DATA_VALUE attribute. */
export function writeValue(writer: MessageWriter, value: Uint8Array): void {
  writer.bytes(dataValue, value);
}
