/**
 * Living beside iptables: a base chain that drops (Docker sets `filter FORWARD` to DROP) ends our packets whatever
 * our own table accepts, so our bridge needs accept rules there. They are written the way iptables-nft writes them,
 * carry a comment by which they are found again, and stand right after the jump to DOCKER-USER, so that the
 * administrator's own restrictions come first. The default bridge of Docker stays out of reach, as Docker means it.
 */

import type { RuleState } from "../../linux/netlink/nftables/decode.ts";
import { accept, counter, iifname, notOifname, oifname } from "../../linux/netlink/nftables/phrase.ts";
import type { Rule, RulePlace, TableReference } from "../../linux/netlink/nftables/request.ts";

export const iptablesFilter: TableReference = { family: "ip", table: "filter" };
export const iptablesForward = "FORWARD";
const dockerUserChain = "DOCKER-USER";
const dockerBridge = "docker0";

/** Our rules, in order. */
export function foreignRules(bridge: string): readonly Rule[] {
  return [
    {
      phrases: [iifname(bridge), notOifname(dockerBridge), counter, accept],
      comment: `tiffin ${bridge} out`,
    },
    { phrases: [oifname(bridge), counter, accept], comment: `tiffin ${bridge} in` },
  ];
}

export interface ForeignInsertion {
  readonly rule: Rule;
  readonly place: RulePlace;
}

/** What is missing in the chain as it is now. */
export function decideForeignRules(bridge: string, chain: readonly RuleState[]): ForeignInsertion[] {
  const present = new Set(chain.map((rule) => rule.comment));
  const dockerUser = chain.find((rule) => rule.jumpsTo.includes(dockerUserChain));
  const place: RulePlace = dockerUser === undefined ? "first" : { after: dockerUser.handle };
  return foreignRules(bridge)
    .filter((rule) => !present.has(rule.comment))
    .map((rule) => ({ rule, place }));
}

/** Handles of our rules in the chain. */
export function foreignRuleHandles(bridge: string, chain: readonly RuleState[]): bigint[] {
  const ours = new Set(foreignRules(bridge).map((rule) => rule.comment));
  return chain
    .filter((rule) => rule.comment !== undefined && ours.has(rule.comment))
    .map((rule) => rule.handle);
}
