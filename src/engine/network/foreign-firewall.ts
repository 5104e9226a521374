/**
 * Living beside iptables and firewalld: a base chain that drops (Docker sets `filter FORWARD` to DROP) ends our packets whatever
 * our own table accepts, so our bridges need accept rules there. They are written the way iptables-nft writes them,
 * carry a comment by which they are found again, and stand right after the jump to DOCKER-USER, so that the
 * administrator's own restrictions come first. The default bridge of Docker stays out of reach, as Docker means it.
 *
 * What asks for names comes in at the host's own address, where ufw drops what it does not know: it is let through INPUT to the
 * one address at which nothing but name servers listens.
 *
 * All bridges whose names we choose share a prefix and one pair of rules, so their number makes no packet's way longer.
 */

import type { RuleState } from "../../linux/netlink/nftables/decode.ts";
import {
  accept,
  counter,
  iifname,
  iifnamePrefix,
  ipDestinationOnly,
  notOifname,
  oifname,
  oifnamePrefix,
} from "../../linux/netlink/nftables/phrase.ts";
import type { Rule, RulePlace, TableReference } from "../../linux/netlink/nftables/request.ts";
import { nameServerAddress } from "./name-server-address.ts";
import type { HostNames } from "./names.ts";

/** Chains of others that may end what is forwarded, or what comes to the host. */
const foreignChains = [
  { table: { family: "ip", table: "filter" }, name: "FORWARD", way: "through" },
  { table: { family: "ip", table: "filter" }, name: "INPUT", way: "names" },
  { table: { family: "ip6", table: "filter" }, name: "FORWARD", way: "through" },
  // What it drops of what comes to the host is not what was led elsewhere.
  { table: { family: "inet", table: "firewalld" }, name: "filter_FORWARD", way: "through" },
] as const satisfies readonly Omit<ForeignChain, "rules">[];

export interface ForeignChain {
  readonly table: TableReference;
  readonly name: string;
  /** What of ours passes there. */
  readonly way: "through" | "names";
  readonly rules: readonly RuleState[];
}

/** Those of them that are there. `rulesOf`: undefined for a chain that is not. */
export function foreignChainsBy(
  rulesOf: (table: TableReference, chain: string) => readonly RuleState[] | undefined,
): ForeignChain[] {
  return foreignChains.flatMap(({ table, name, way }) => {
    const rules = rulesOf(table, name);
    return rules === undefined ? [] : [{ table, name, way, rules }];
  });
}

/** Whether rules of ours may be in that table. */
export function isForeignTable(family: TableReference["family"], table: string): boolean {
  return foreignChains.some((each) => each.table.family === family && each.table.table === table);
}
const dockerUserChain = "DOCKER-USER";
const dockerBridge = "docker0";

/** A link's name, or with `*` at its end how names begin. */
export type LinkPattern = string;

/** The patterns that cover these bridges. */
export function patternsOf(names: HostNames, bridges: Iterable<string>): LinkPattern[] {
  const patterns = new Set<LinkPattern>();
  for (const bridge of bridges) {
    const chosenByUs = names.isBridge(bridge) && bridge !== names.defaultBridge;
    patterns.add(chosenByUs ? `${names.bridgePrefix}*` : bridge);
  }
  return [...patterns];
}

function commentsOf(pattern: LinkPattern): Readonly<Record<"out" | "in" | "names", string>> {
  return { out: `tiffin ${pattern} out`, in: `tiffin ${pattern} in`, names: `tiffin ${pattern} names` };
}

/** Our rules, in order. */
function foreignRules(pattern: LinkPattern, way: ForeignChain["way"]): readonly Rule[] {
  const prefix = pattern.endsWith("*") ? pattern.slice(0, -1) : undefined;
  const comments = commentsOf(pattern);
  if (way === "names") {
    const from = prefix === undefined ? iifname(pattern) : iifnamePrefix(prefix);
    return [
      { phrases: [from, ipDestinationOnly(nameServerAddress), counter, accept], comment: comments.names },
    ];
  }
  return [
    {
      phrases: [
        prefix === undefined ? iifname(pattern) : iifnamePrefix(prefix),
        notOifname(dockerBridge),
        counter,
        accept,
      ],
      comment: comments.out,
    },
    {
      phrases: [prefix === undefined ? oifname(pattern) : oifnamePrefix(prefix), counter, accept],
      comment: comments.in,
    },
  ];
}

export interface ForeignInsertion {
  readonly rule: Rule;
  readonly place: RulePlace;
}

/** What is missing in the chain as it is now. */
export function decideForeignRules(
  patterns: readonly LinkPattern[],
  { rules: chain, way }: Pick<ForeignChain, "rules" | "way">,
): ForeignInsertion[] {
  const present = new Set(chain.map((rule) => rule.comment));
  const dockerUser = chain.find((rule) => rule.jumpsTo.includes(dockerUserChain));
  const place: RulePlace = dockerUser === undefined ? "first" : { after: dockerUser.handle };
  return patterns
    .flatMap((pattern) => foreignRules(pattern, way))
    .filter((rule) => !present.has(rule.comment))
    .map((rule) => ({ rule, place }));
}

/** Handles of the rules for these patterns. */
export function foreignRuleHandles(patterns: readonly LinkPattern[], chain: readonly RuleState[]): bigint[] {
  const ours = new Set(
    patterns.flatMap((pattern) => {
      const comments = commentsOf(pattern);
      return [comments.out, comments.in, comments.names];
    }),
  );
  return chain
    .filter((rule) => rule.comment !== undefined && ours.has(rule.comment))
    .map((rule) => rule.handle);
}
