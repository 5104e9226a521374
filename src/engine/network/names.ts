/**
 * The names that the default network has on the host. An engine instance (`tag`) finds its own things by them and
 * never takes another instance's: a tag is six hex digits, so `tf<tag>...` and `tf<8 hex>` have different lengths.
 */
import { randomHex } from "../../lib/ids.ts";
import type { TableReference } from "../../linux/netlink/nftables/request.ts";

export interface HostNames {
  readonly bridge: string;
  readonly table: TableReference;
  /** Key of this network's rows in the store. */
  readonly network: string;
  /** Matches the host ends of this instance's veth pairs. */
  isEndpointLink(name: string): boolean;
  /** A new name for one; unique enough, and the kernel refuses a duplicate. */
  newEndpointLink(): string;
}

export function hostNames(tag: string): HostNames {
  if (!/^([0-9a-f]{6})?$/.test(tag))
    throw new RangeError(`engine tag ${JSON.stringify(tag)} is not "" or six hex digits`);
  const digits = tag === "" ? 8 : 7;
  const pattern = new RegExp(`^tf${tag}[0-9a-f]{${digits}}$`);
  return {
    bridge: tag === "" ? "tiffin0" : `tf${tag}br`,
    table: { family: "inet", table: tag === "" ? "tiffin" : `tiffin_${tag}` },
    network: "bridge",
    isEndpointLink: (name) => pattern.test(name),
    newEndpointLink: () => `tf${tag}${randomHex(digits)}`,
  };
}
