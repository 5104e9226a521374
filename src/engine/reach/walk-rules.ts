/**
 * What a ruleset does to the first packet of a connection at one hook: base chains of all tables by their priority, jumps,
 * sets and maps, rewriting of addresses. What cannot be read counts as no match, and is told. Pure. nft(8)
 */
import type {
  ReadChain,
  ReadElement,
  ReadExpression,
  ReadRule,
  ReadRuleset,
  ReadSet,
  ReadVerdict,
} from "../../linux/netlink/nftables/decode-ruleset.ts";
import { isIpv4, networkHeader, type Packet, type PacketLink, protocols, transportHeader } from "./packet.ts";
import { ruleText } from "./rule-text.ts";

/** NF_INET_*, as base chains have them. */
export const hookNumbers = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;
export type Hook = keyof typeof hookNumbers;
const familyNames: Readonly<Record<number, string>> = {
  1: "inet",
  2: "ip",
  3: "arp",
  5: "netdev",
  7: "bridge",
  10: "ip6",
};
const inet = 1;
const memoryBytes = 80;
const deepestJump = 16;
const stateNew = 8;
const statusRewritten = 32;
const typeUnicast = 1;
const typeLocal = 2;

/** A rule, or a chain's policy when it has no handle, by which people find it. */
export interface RuleName {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly handle: string | undefined;
  readonly comment: string | undefined;
  readonly text: string;
}

export interface Surroundings {
  readonly inputLink?: PacketLink | undefined;
  readonly outputLink?: PacketLink | undefined;
  /** An address of this namespace. */
  isLocal(address: Uint8Array): boolean;
  /** The index of the link that leads back to `address`; 0: none does. */
  linkTo(address: Uint8Array): number;
  /** What masquerading gives a packet as its source. */
  readonly ownAddress?: Uint8Array | undefined;
}

export interface HookOutcome {
  readonly verdict: "accept" | "drop" | "reject";
  /** What decided; absent when nothing looked at it. */
  readonly by: RuleName | undefined;
  readonly packet: Packet;
  /** What rewrote it. */
  readonly rewrittenBy: RuleName | undefined;
  /** Rules that would have ended its way, or may have, and cannot be read. */
  readonly unknown: readonly RuleName[];
}

interface Ended {
  readonly verdict: "accept" | "drop" | "reject";
  readonly by: RuleName;
}

/** The packet on its way through one hook. */
class Walk {
  packet: Packet;
  readonly unknown: RuleName[] = [];
  rewrittenBy: RuleName | undefined;
  readonly #ruleset: ReadRuleset;
  readonly #around: Surroundings;
  #memory = new Uint8Array(memoryBytes);

  constructor(ruleset: ReadRuleset, packet: Packet, around: Surroundings) {
    this.#ruleset = ruleset;
    this.packet = packet;
    this.#around = around;
  }

  /** Undefined: the end of the chain, or a return. */
  chain(chain: ReadChain, depth: number): Ended | undefined {
    for (const rule of chain.rules) {
      const name = nameOf(chain, rule);
      const outcome = this.#rule(chain, rule, name);
      if (outcome === undefined || outcome.verdict === "continue") continue;
      if (outcome.verdict === "return") return undefined;
      if (outcome.verdict === "accept" || outcome.verdict === "drop" || outcome.verdict === "reject") {
        return { verdict: outcome.verdict, by: name };
      }
      if (outcome.verdict === "queue") {
        this.unknown.push(name);
        continue;
      }
      const target = this.#ruleset.chains.find(
        (each) => each.family === chain.family && each.table === chain.table && each.name === outcome.chain,
      );
      const ended = target === undefined || depth >= deepestJump ? undefined : this.chain(target, depth + 1);
      if (ended !== undefined) return ended;
      if (outcome.verdict === "goto") return undefined;
    }
    return undefined;
  }

  #rule(
    chain: ReadChain,
    rule: ReadRule,
    name: RuleName,
  ): (Omit<ReadVerdict, "verdict"> & { readonly verdict: ReadVerdict["verdict"] | "reject" }) | undefined {
    this.#memory.fill(0);
    for (const each of rule.expressions) {
      switch (each.expr) {
        case "verdict":
          return each.verdict;
        case "reject":
          return { verdict: "reject" };
        case "nat":
        case "masquerade":
        case "redirect":
          if (this.#rewrite(each)) this.rewrittenBy = name;
          return { verdict: "accept" };
        case "lookup": {
          const found = this.#lookup(chain, each);
          if (found === undefined) return undefined;
          if (found.verdict !== undefined && found.verdict.verdict !== "continue") return found.verdict;
          break;
        }
        case "extension": {
          if (each.name === "comment" || each.name === "LOG" || each.name === "limit") break;
          if (each.name === "REJECT") return { verdict: "reject" };
          this.unknown.push(name);
          return undefined;
        }
        case "unknown":
          this.unknown.push(name);
          return undefined;
        default:
          if (!this.#step(each)) return undefined;
      }
    }
    return undefined;
  }

  /** False: the rule does not match. */
  #step(each: ReadExpression): boolean {
    switch (each.expr) {
      case "meta":
        return this.#load(each.into, this.#meta(each.key));
      case "ct":
        return this.#load(
          each.into,
          word(each.key === 0 ? stateNew : each.key === 2 && this.packet.isRewritten ? statusRewritten : 0),
        );
      case "setMeta":
        if (each.key === metaKeys.mark) {
          this.packet = {
            ...this.packet,
            mark: new DataView(this.#memory.buffer).getUint32(each.from, true),
          };
        }
        return true;
      case "payload": {
        const header =
          each.base === 1
            ? networkHeader(this.packet)
            : each.base === 2
              ? transportHeader(this.packet)
              : undefined;
        if (header === undefined || each.offset + each.length > header.length) return false;
        return this.#load(each.into, header.subarray(each.offset, each.offset + each.length));
      }
      case "fib":
        return this.#load(each.into, this.#fib(each.flags, each.result));
      case "bits": {
        const bytes = each.mask.map(
          (mask, at) => ((this.#memory[each.from + at] ?? 0) & mask) ^ (each.xor[at] ?? 0),
        );
        this.#memory.set(bytes, each.into);
        return true;
      }
      case "cmp": {
        const order = compare(this.#memory.subarray(each.from, each.from + each.value.length), each.value);
        return [order === 0, order !== 0, order < 0, order <= 0, order > 0, order >= 0][each.op] ?? false;
      }
      case "range": {
        const value = this.#memory.subarray(each.from, each.from + each.low.length);
        return (compare(value, each.low) >= 0 && compare(value, each.high) <= 0) !== each.isInverted;
      }
      case "load":
        return this.#load(each.into, each.value);
      case "states":
        return ((each.mask & stateNew) !== 0) !== each.isInverted;
      case "ports": {
        const { sourcePort, port } = this.packet;
        const asked = { source: [sourcePort], destination: [port], either: [sourcePort, port] }[each.which];
        const isAmong = asked.some((one) => each.ranges.some(([first, last]) => one >= first && one <= last));
        return isAmong !== each.isInverted;
      }
      default:
        return true;
    }
  }

  #load(into: number, value: Uint8Array | undefined): boolean {
    if (value === undefined || into < 0 || into + value.length > memoryBytes) return false;
    // What is shorter than a register is padded in it.
    this.#memory.fill(0, into, Math.min(memoryBytes, (into + value.length + 3) & ~3));
    this.#memory.set(value, into);
    return true;
  }

  #meta(key: number): Uint8Array | undefined {
    const { inputLink, outputLink } = this.#around;
    const name = (link: PacketLink | undefined): Uint8Array => {
      const bytes = new Uint8Array(16);
      if (link !== undefined) new TextEncoder().encodeInto(link.name, bytes);
      return bytes;
    };
    switch (key) {
      case metaKeys.mark:
        return word(this.packet.mark);
      case metaKeys.iif:
        return inputLink === undefined ? undefined : word(inputLink.index);
      case metaKeys.oif:
        return outputLink === undefined ? undefined : word(outputLink.index);
      case metaKeys.iifname:
        return inputLink === undefined ? undefined : name(inputLink);
      case metaKeys.oifname:
        return outputLink === undefined ? undefined : name(outputLink);
      case metaKeys.protocol:
        return isIpv4(this.packet) ? Uint8Array.of(0x08, 0x00) : Uint8Array.of(0x86, 0xdd);
      case metaKeys.nfproto:
        return Uint8Array.of(isIpv4(this.packet) ? 2 : 10);
      case metaKeys.l4proto:
        return Uint8Array.of(protocols[this.packet.protocol]);
      default:
        // Groups, users, packet types: those that are usual are 0.
        return word(0);
    }
  }

  #fib(flags: number, result: number): Uint8Array {
    const source = 1;
    const address = (flags & source) !== 0 ? this.packet.source : this.packet.destination;
    const addressType = 3;
    if (result === addressType) return word(this.#around.isLocal(address) ? typeLocal : typeUnicast);
    const link = this.#around.linkTo(address);
    const sameInput = 8;
    return word((flags & sameInput) !== 0 && link !== this.#around.inputLink?.index ? 0 : link);
  }

  /** Undefined: the rule does not match. */
  #lookup(
    chain: ReadChain,
    each: Extract<ReadExpression, { expr: "lookup" }>,
  ): Partial<ReadElement> | undefined {
    const set = this.#ruleset.sets.find(
      ({ family, table, name }) => family === chain.family && table === chain.table && name === each.set,
    );
    const found = set === undefined ? undefined : findElement(set, this.#memory.subarray(each.from));
    if (each.isInverted) return found === undefined ? {} : undefined;
    if (found === undefined) return undefined;
    if (each.into !== undefined && found.data !== undefined) this.#load(each.into, found.data);
    return found;
  }

  #rewrite(each: Extract<ReadExpression, { expr: "nat" | "masquerade" | "redirect" }>): boolean {
    const view = new DataView(this.#memory.buffer);
    const { packet } = this;
    const own = this.#around.ownAddress;
    if (each.expr === "masquerade") {
      if (own !== undefined) this.packet = { ...packet, source: own };
      return own !== undefined;
    }
    const port = each.port === undefined ? undefined : view.getUint16(each.port);
    if (each.expr === "redirect") {
      this.packet = {
        ...packet,
        ...(port !== undefined && { port }),
        ...(own !== undefined && { destination: own }),
        isRewritten: true,
      };
      return true;
    }
    const length = packet.destination.length;
    const address =
      each.address === undefined ? undefined : this.#memory.slice(each.address, each.address + length);
    this.packet = each.isDestination
      ? {
          ...packet,
          ...(address !== undefined && { destination: address }),
          ...(port !== undefined && { port }),
          isRewritten: true,
        }
      : {
          ...packet,
          ...(address !== undefined && { source: address }),
          ...(port !== undefined && { sourcePort: port }),
        };
    return true;
  }
}

const metaKeys = {
  protocol: 1,
  mark: 3,
  iif: 4,
  oif: 5,
  iifname: 6,
  oifname: 7,
  nfproto: 15,
  l4proto: 16,
} as const;

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function compare(one: Uint8Array, other: Uint8Array): number {
  for (const [at, byte] of other.entries()) {
    const difference = (one[at] ?? 0) - byte;
    if (difference !== 0) return difference;
  }
  return 0;
}

function findElement({ elements, isInterval }: ReadSet, key: Uint8Array): ReadElement | undefined {
  const forAll = elements.find(({ isForAll }) => isForAll);
  if (!isInterval) return elements.find((each) => !each.isForAll && compare(key, each.key) === 0) ?? forAll;
  const ranged = elements.find(({ keyEnd }) => keyEnd !== undefined);
  if (ranged !== undefined) {
    const inside = (each: ReadElement): boolean =>
      each.keyEnd !== undefined && isWithin(key, each.key, each.keyEnd);
    return elements.find(inside) ?? forAll;
  }
  // Starts of ranges and the first keys behind them: the last one that is not after the key says which it is.
  let last: ReadElement | undefined;
  for (const each of elements) {
    if (each.isForAll || compare(key, each.key) < 0) continue;
    if (
      last === undefined ||
      compare(each.key, last.key) > 0 ||
      (compare(each.key, last.key) === 0 && !each.isEnd)
    )
      last = each;
  }
  return last === undefined || last.isEnd ? forAll : last;
}

/** Fields begin at words; each is in its own range. */
function isWithin(key: Uint8Array, low: Uint8Array, high: Uint8Array): boolean {
  for (let at = 0; at < low.length; at += 4) {
    const part = key.subarray(at, at + 4);
    if (compare(part, low.subarray(at, at + 4)) < 0 || compare(part, high.subarray(at, at + 4)) > 0)
      return false;
  }
  return true;
}

function nameOf({ family, table, name }: ReadChain, rule: ReadRule | undefined): RuleName {
  return {
    family: familyNames[family] ?? String(family),
    table,
    chain: name,
    handle: rule === undefined ? undefined : String(rule.handle),
    comment: rule?.comment,
    text: rule === undefined ? "" : ruleText(rule),
  };
}

/** Lets the packet through `hook`. Chains that rewrite addresses come one after the other until one did. */
export function walkHook(
  ruleset: ReadRuleset,
  hook: Hook,
  packet: Packet,
  around: Surroundings,
): HookOutcome {
  const family = isIpv4(packet) ? 2 : 10;
  const chains = ruleset.chains
    .filter(
      (chain) => (chain.family === inet || chain.family === family) && chain.base?.hook === hookNumbers[hook],
    )
    .sort((one, other) => (one.base?.priority ?? 0) - (other.base?.priority ?? 0));
  const walk = new Walk(ruleset, packet, around);
  let by: RuleName | undefined;
  for (const chain of chains) {
    if (chain.base?.type === "nat" && walk.rewrittenBy !== undefined) continue;
    const ended = walk.chain(chain, 0);
    if (ended?.verdict === "drop" || ended?.verdict === "reject")
      return outcome(walk, ended.verdict, ended.by);
    if (ended !== undefined && chain.base?.type !== "nat") by = ended.by;
    if (ended === undefined && chain.base?.policy === "drop") {
      return outcome(walk, "drop", { ...nameOf(chain, undefined), text: "policy drop" });
    }
  }
  return outcome(walk, "accept", by);
}

function outcome(walk: Walk, verdict: HookOutcome["verdict"], by: RuleName | undefined): HookOutcome {
  const { packet, rewrittenBy, unknown } = walk;
  return { verdict, by, packet, rewrittenBy, unknown };
}
