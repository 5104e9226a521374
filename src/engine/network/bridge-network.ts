/** One network with a bridge: what it is, and which of its addresses are in use. A value among many; the host's part is elsewhere. */
import { TiffinError } from "../../lib/errors.ts";
import { formatIpv4, type Prefix, parseIpv4, parsePrefix } from "../../linux/netlink/ipv4.ts";
import { AddressPool } from "./address-pool.ts";
import type { BridgeWish } from "./decide.ts";
import type { Network } from "./model.ts";

export class BridgeNetwork {
  readonly network: Network;
  readonly addresses: AddressPool;
  readonly wish: BridgeWish;

  /** `lastAddress`: the one given out last in an earlier life. */
  constructor(network: Network, lastAddress: string | undefined) {
    this.network = network;
    const subnet = prefixIn(network, network.subnet);
    const gateway = parseIpv4(network.gateway) ?? subnet.network + 1;
    const range = network.ipRange === "" ? undefined : prefixIn(network, network.ipRange);
    this.addresses = new AddressPool(subnet, {
      gateway,
      ...(range !== undefined && { range }),
      reserved: Object.values(network.auxiliary).flatMap((text) => parseIpv4(text) ?? []),
      after: parseIpv4(lastAddress ?? ""),
    });
    const { bridge, internal, openWithin, masquerade, mtu } = network;
    this.wish = {
      link: bridge,
      network: network.name,
      subnet,
      gateway,
      internal,
      openWithin,
      masquerade: masquerade && !internal,
      mtu,
    };
  }

  /** The address is in use from here on. Error: invalid `network.address-invalid` where it cannot be one of ours. */
  tryTake(wanted: number | undefined): number | undefined {
    if (wanted === undefined) return this.addresses.take();
    if (!this.addresses.contains(wanted)) {
      throw invalidAddress(`address ${formatIpv4(wanted)} is not in ${this.network.subnet}`);
    }
    return this.addresses.takeExactly(wanted) ? wanted : undefined;
  }
}

export function invalidAddress(message: string): TiffinError {
  return new TiffinError("invalid", "network.address-invalid", message, { exitCode: 125 });
}

function prefixIn(network: Network, text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix !== undefined) return prefix;
  throw new TiffinError(
    "internal",
    "network.row-damaged",
    `network ${network.name}: ${JSON.stringify(text)} is no IPv4 network`,
  );
}
