/** A rule in words: the kernel's instructions written the way nft writes them, as far as they say the same. Pure. */
import { formatIpAddress } from "../../linux/netlink/ip-address.ts";
import type { ReadExpression, ReadRule, ReadVerdict } from "../../linux/netlink/nftables/decode-ruleset.ts";

const metaNames: Readonly<Record<number, string>> = {
  3: "mark",
  4: "iif",
  5: "oif",
  6: "iifname",
  7: "oifname",
  15: "nfproto",
  16: "l4proto",
};
const ctNames: Readonly<Record<number, string>> = {
  0: "ct state",
  1: "ct direction",
  2: "ct status",
  3: "ct mark",
};
const payloadNames: Readonly<Record<string, string>> = {
  "1/9/1": "ip protocol",
  "1/12/4": "ip saddr",
  "1/16/4": "ip daddr",
  "1/8/16": "ip6 saddr",
  "1/24/16": "ip6 daddr",
  "2/0/2": "th sport",
  "2/2/2": "th dport",
};
const states: readonly (readonly [number, string])[] = [
  [1, "invalid"],
  [2, "established"],
  [4, "related"],
  [8, "new"],
  [64, "untracked"],
];
const operators = ["", "!= ", "< ", "<= ", "> ", ">= "];
const protocolNames: Readonly<Record<number, string>> = { 1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6" };

function number(bytes: Uint8Array, isHostOrder: boolean): number {
  const ordered = isHostOrder ? [...bytes].reverse() : [...bytes];
  return ordered.reduce((sum, byte) => sum * 256 + byte, 0);
}

function valueText(what: string, value: Uint8Array): string {
  if (what.endsWith("ifname")) {
    const end = value.indexOf(0);
    const name = new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
    return `"${name}${end < 0 ? "*" : ""}"`;
  }
  if (what === "l4proto" || what === "ip protocol") {
    const protocol = number(value, true);
    return protocolNames[protocol] ?? String(protocol);
  }
  if (what === "nfproto") return value[0] === 2 ? "ipv4" : value[0] === 10 ? "ipv6" : String(value[0]);
  if (what === "fib daddr type") return number(value, true) === 2 ? "local" : String(number(value, true));
  if (value.length === 16) return formatIpAddress(value);
  if (/addr/.test(what) && value.length <= 4) {
    return `${formatIpAddress(Uint8Array.from({ length: 4 }, (_, at) => value[at] ?? 0))}${value.length < 4 ? `/${value.length * 8}` : ""}`;
  }
  if (/port/.test(what)) return String(number(value, false));
  return `0x${number(value, true).toString(16)}`;
}

function stateNames(bits: number): string {
  return states.flatMap(([bit, name]) => ((bits & bit) === 0 ? [] : [name])).join(",");
}

function prefixLength(mask: Uint8Array): number {
  return [...mask].reduce((sum, byte) => sum + byte.toString(2).split("1").length - 1, 0);
}

export function verdictText({ verdict, chain }: ReadVerdict): string {
  return chain === undefined ? verdict : `${verdict} ${chain}`;
}

/** What is in the registers. The first load after a use begins a new phrase. */
class Held extends Map<number, { readonly what: string; readonly mask?: Uint8Array }> {
  isUsed = false;

  load(into: number, what: string): void {
    if (this.isUsed) this.clear();
    this.isUsed = false;
    this.set(into, { what });
  }
}

/** Of the phrases that need none the kernel's own checks, as of the family, are left out. */
export function ruleText({ expressions, comment }: Pick<ReadRule, "expressions" | "comment">): string {
  const words: string[] = [];
  const held = new Held();
  const text = (from: number): string => {
    const parts = [...held].filter(([at]) => at >= from).sort(([one], [other]) => one - other);
    return parts.map(([, { what }]) => what).join(" . ");
  };
  for (const each of expressions) words.push(...phrasesOf(each, held, text));
  if (comment !== undefined && comment !== "") words.push(`comment "${comment}"`);
  return words.filter((word) => word !== "").join(" ");
}

function phrasesOf(each: ReadExpression, held: Held, text: (from: number) => string): readonly string[] {
  switch (each.expr) {
    case "meta":
      held.load(each.into, metaNames[each.key] ?? `meta ${each.key}`);
      return [];
    case "ct":
      held.load(each.into, ctNames[each.key] ?? `ct ${each.key}`);
      return [];
    case "payload": {
      const { base, offset, length } = each;
      // Part of an address is a network of whole bytes.
      const what =
        payloadNames[`${base}/${offset}/${length}`] ??
        (base === 1 && length < 4 ? payloadNames[`1/${offset}/4`] : undefined) ??
        `@${base},${offset * 8},${length * 8}`;
      held.load(each.into, what);
      return [];
    }
    case "fib":
      held.load(each.into, each.result === 3 ? "fib daddr type" : "fib saddr . iif oif");
      return [];
    case "bits":
      held.set(each.into, { what: held.get(each.from)?.what ?? "?", mask: each.mask });
      return [];
    case "cmp": {
      const { what, mask } = held.get(each.from) ?? { what: "?" };
      held.isUsed = true;
      if (what === "nfproto") return [];
      const operator = operators[each.op] ?? "";
      if (mask !== undefined && what === "ct state") {
        return [`ct state ${stateNames(number(mask, true))}`];
      }
      if (mask !== undefined && what === "ct status") {
        return [number(mask, true) === 32 ? "ct status dnat" : `ct status & ${valueText(what, mask)}`];
      }
      const suffix = mask === undefined ? "" : `/${prefixLength(mask)}`;
      return [`${what} ${operator}${valueText(what, each.value)}${suffix}`];
    }
    case "range": {
      const { what } = held.get(each.from) ?? { what: "?" };
      held.isUsed = true;
      return [
        `${what} ${each.isInverted ? "!= " : ""}${valueText(what, each.low)}-${valueText(what, each.high)}`,
      ];
    }
    case "lookup": {
      const what = text(each.from);
      held.isUsed = true;
      const set = each.set.startsWith("__") ? "{...}" : `@${each.set}`;
      if (each.into !== undefined) held.load(each.into, `${what} map ${set}`);
      return each.into === undefined ? [`${what} ${each.isInverted ? "!= " : ""}${set}`] : [];
    }
    case "load":
      held.set(each.into, {
        what:
          each.value.length === 4 || each.value.length === 16
            ? formatIpAddress(each.value)
            : String(number(each.value, false)),
      });
      return [];
    case "verdict":
      return [verdictText(each.verdict)];
    case "nat": {
      const target = each.address === undefined ? "" : (held.get(each.address)?.what ?? "?");
      const port = each.port === undefined ? undefined : held.get(each.port)?.what;
      const shown = port === undefined ? target : `${target}:${port}`;
      return [`${each.isDestination ? "dnat" : "snat"} to ${shown}`];
    }
    case "masquerade":
    case "redirect":
    case "reject":
      return [each.expr];
    case "aside":
      return each.name === "counter" ? [] : [each.name];
    case "states":
      return [`ct state ${each.isInverted ? "!= " : ""}${stateNames(each.mask)}`];
    case "ports": {
      const what = { source: "th sport", destination: "th dport", either: "th port" }[each.which];
      const shown = each.ranges.map(([first, last]) => (first === last ? first : `${first}-${last}`));
      return [`${what} ${each.isInverted ? "!= " : ""}${shown.join(",")}`];
    }
    case "extension":
      return each.name === "comment" ? [] : [`xt ${each.kind} "${each.name}"`];
    case "unknown":
      return [`(${each.name}: unknown)`];
    case "setMeta":
      return ["meta set"];
  }
}
