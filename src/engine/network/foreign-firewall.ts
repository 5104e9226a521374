/**
 * Living beside iptables and firewalld: a base chain that drops (Docker sets `filter FORWARD` to DROP) ends our packets whatever
 * our own table accepts, so our bridges need accept rules there. They are written the way iptables-nft writes them,
 * carry a comment by which they are found again, and stand right after the jump to DOCKER-USER, so that the
 * administrator's own restrictions come first. The default bridge of Docker stays out of reach, as Docker means it.
 *
 * All bridges whose names we choose share a prefix and one pair of rules, so their number makes no packet's way longer.
 */

import type { RuleState } from "../../linux/netlink/nftables/decode.ts";
import {
  accept,
  counter,
  iifname,
  iifnamePrefix,
  notOifname,
  oifname,
  oifnamePrefix,
} from "../../linux/netlink/nftables/phrase.ts";
import type { Rule, RulePlace, TableReference } from "../../linux/netlink/nftables/request.ts";
import type { HostNames } from "./names.ts";

/** Chains of others that may end what is forwarded. */
const foreignChains = [
  { table: { family: "ip", table: "filter" }, name: "FORWARD" },
  { table: { family: "ip6", table: "filter" }, name: "FORWARD" },
  { table: { family: "inet", table: "firewalld" }, name: "filter_FORWARD" },
] as const satisfies readonly { readonly table: TableReference; readonly name: string }[];

export interface ForeignChain {
  readonly table: TableReference;
  readonly name: string;
  readonly rules: readonly RuleState[];
}

/** Those of them that are there. `rulesOf`: undefined for a chain that is not. */
export function foreignChainsBy(
  rulesOf: (table: TableReference, chain: string) => readonly RuleState[] | undefined,
): ForeignChain[] {
  return foreignChains.flatMap(({ table, name }) => {
    const rules = rulesOf(table, name);
    return rules === undefined ? [] : [{ table, name, rules }];
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

function commentsOf(pattern: LinkPattern): { readonly out: string; readonly in: string } {
  return { out: `tiffin ${pattern} out`, in: `tiffin ${pattern} in` };
}

/** Our rules, in order. */
function foreignRules(pattern: LinkPattern): readonly Rule[] {
  const prefix = pattern.endsWith("*") ? pattern.slice(0, -1) : undefined;
  const comments = commentsOf(pattern);
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
  chain: readonly RuleState[],
): ForeignInsertion[] {
  const present = new Set(chain.map((rule) => rule.comment));
  const dockerUser = chain.find((rule) => rule.jumpsTo.includes(dockerUserChain));
  const place: RulePlace = dockerUser === undefined ? "first" : { after: dockerUser.handle };
  return patterns
    .flatMap(foreignRules)
    .filter((rule) => !present.has(rule.comment))
    .map((rule) => ({ rule, place }));
}

/** Handles of the rules for these patterns. */
export function foreignRuleHandles(patterns: readonly LinkPattern[], chain: readonly RuleState[]): bigint[] {
  const ours = new Set(
    patterns.flatMap((pattern) => {
      const comments = commentsOf(pattern);
      return [comments.out, comments.in];
    }),
  );
  return chain
    .filter((rule) => rule.comment !== undefined && ours.has(rule.comment))
    .map((rule) => rule.handle);
}
