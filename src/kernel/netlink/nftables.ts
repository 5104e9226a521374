/** nftables operations on a netfilter socket. */
import type { NetlinkRequest } from "../../linux/netlink/message.ts";
import {
  type ChainState,
  decodeChain,
  decodeElements,
  decodeRule,
  type ElementState,
  type RuleState,
} from "../../linux/netlink/nftables/decode.ts";
import {
  batch,
  dumpChains,
  dumpElements,
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
