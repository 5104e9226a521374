/**
 * The names that networks have on the host. An engine instance (`tag`) finds its own things by them and never takes
 * another instance's: a tag is six hex digits, so `tf<tag>...` and `tf<8 hex>` have different lengths, and the `n` of a
 * network's bridge and the `x` of what else it stands on are no hex digits.
 */
import { randomHex } from "../../lib/ids.ts";
import type { TableReference } from "../../linux/netlink/nftables/request.ts";

export interface HostNames {
  /** The bridge of the network `bridge`. */
  readonly defaultBridge: string;
  /** How the bridges of all other networks begin, unless somebody chose a name. */
  readonly bridgePrefix: string;
  readonly table: TableReference;
  /** Matches the bridges of this instance. */
  isBridge(name: string): boolean;
  /** The bridge of the network with this id. */
  bridgeOf(networkId: string): string;
  /** The link that the network with this id stands on, where it is ours and nobody named it. */
  underlayOf(networkId: string): string;
  /** Matches such links of this instance. */
  isUnderlay(name: string): boolean;
  /** Matches the host ends of this instance's veth pairs. */
  isEndpointLink(name: string): boolean;
  /** A new name for one; unique enough, and the kernel refuses a duplicate. */
  newEndpointLink(): string;
}

const longestLinkName = 15;

export function hostNames(tag: string): HostNames {
  if (!/^([0-9a-f]{6})?$/.test(tag))
    throw new RangeError(`engine tag ${JSON.stringify(tag)} is not "" or six hex digits`);
  const digits = tag === "" ? 8 : 7;
  const endpoint = new RegExp(`^tf${tag}[0-9a-f]{${digits}}$`);
  const defaultBridge = tag === "" ? "tiffin0" : `tf${tag}br`;
  const bridgePrefix = `tf${tag}n`;
  const bridgeDigits = longestLinkName - bridgePrefix.length;
  const bridge = new RegExp(`^${bridgePrefix}[0-9a-f]{${bridgeDigits}}$`);
  const underlayPrefix = `tf${tag}x`;
  const underlay = new RegExp(`^${underlayPrefix}[0-9a-f]{${bridgeDigits}}$`);
  return {
    underlayOf: (networkId) => `${underlayPrefix}${networkId.slice(0, bridgeDigits)}`,
    isUnderlay: (name) => underlay.test(name),
    defaultBridge,
    bridgePrefix,
    table: { family: "inet", table: tag === "" ? "tiffin" : `tiffin_${tag}` },
    isBridge: (name) => name === defaultBridge || bridge.test(name),
    bridgeOf: (networkId) => `${bridgePrefix}${networkId.slice(0, bridgeDigits)}`,
    isEndpointLink: (name) => endpoint.test(name),
    newEndpointLink: () => `tf${tag}${randomHex(digits)}`,
  };
}
