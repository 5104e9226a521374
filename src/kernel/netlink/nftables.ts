/** nftables operations on a netfilter socket. */
import type { NetlinkMessage, NetlinkRequest } from "../../linux/netlink/message.ts";
import {
  type ChainState,
  decodeChain,
  decodeElements,
  decodeRule,
  type ElementState,
  type RuleState,
} from "../../linux/netlink/nftables/decode.ts";
import {
  type ReadRuleset,
  readChain,
  readElements,
  readRule,
  readSet,
} from "../../linux/netlink/nftables/decode-ruleset.ts";
import {
  batch,
  dumpAll,
  dumpChains,
  dumpElements,
  dumpElementsOf,
  dumpRules,
  getChain,
  getTable,
  nftType,
  type TableReference,
} from "../../linux/netlink/nftables/request.ts";
import { NetlinkError } from "./netlink-error.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";

/** Performs all requests or, throwing `NetlinkError`, none. Nothing to do is fine. */
export function nftTransaction(socket: NetlinkSocket, requests: readonly NetlinkRequest[]): void {
  if (requests.length > 0) socket.transact(batch(requests));
}

function orUndefined<T>(get: () => T): T | undefined {
  try {
    return get();
  } catch (thrown) {
    if (thrown instanceof NetlinkError && thrown.code === "ENOENT") return undefined;
    throw thrown;
  }
}

export function tableExists(socket: NetlinkSocket, table: TableReference): boolean {
  return orUndefined(() => socket.get(getTable(table), () => true)) ?? false;
}

/** The chain, or undefined when it or its table does not exist. */
export function findChain(
  socket: NetlinkSocket,
  table: TableReference,
  name: string,
): ChainState | undefined {
  return orUndefined(() => socket.get(getChain(table, name), decodeChain));
}

/** Every chain that there is. */
export function listChains(socket: NetlinkSocket): ChainState[] {
  const wanted = nftType("newChain");
  return socket.dump(dumpChains(), (message) => (message.type === wanted ? decodeChain(message) : undefined));
}

/** The chain's rules in order; none when it does not exist. */
export function listRules(socket: NetlinkSocket, table: TableReference, chain: string): RuleState[] {
  const wanted = nftType("newRule");
  return (
    orUndefined(() =>
      socket.dump(dumpRules(table, chain), (message) =>
        message.type === wanted ? decodeRule(message) : undefined,
      ),
    ) ?? []
  ).filter((rule) => rule.chain === chain);
}

/** The elements of a set or map. */
export function listElements(socket: NetlinkSocket, table: TableReference, set: string): ElementState[] {
  const wanted = nftType("newSetElement");
  return socket
    .dump(dumpElements(table, set), (message) =>
      message.type === wanted ? decodeElements(message) : undefined,
    )
    .flat();
}

/** All that there is, whoever made it. */
export function listRuleset(socket: NetlinkSocket): ReadRuleset {
  const all = <T>(get: "getChain" | "getRule" | "getSet", decode: (message: NetlinkMessage) => T): T[] => {
    const wanted = nftType(get === "getChain" ? "newChain" : get === "getRule" ? "newRule" : "newSet");
    return socket.dump(dumpAll(get), (message) => (message.type === wanted ? decode(message) : undefined));
  };
  const rules = all("getRule", readRule);
  return {
    chains: all("getChain", readChain).map((chain) => ({
      ...chain,
      rules: rules.filter(
        (rule) => rule.family === chain.family && rule.table === chain.table && rule.chain === chain.name,
      ),
    })),
    sets: all("getSet", readSet).map((set) => ({
      ...set,
      elements:
        orUndefined(() =>
          socket
            .dump(dumpElementsOf(set.family, set.table, set.name), (message) =>
              message.type === nftType("newSetElement") ? readElements(message) : undefined,
            )
            .flat(),
        ) ?? [],
    })),
  };
}
