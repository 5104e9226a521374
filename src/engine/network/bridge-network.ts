/** One network with a bridge: what it is, and which of its addresses are in use. A value among many; the host's part is elsewhere. */
import { TiffinError } from "../../lib/errors.ts";
import { formatIpv4, type Prefix, parseIpv4, parsePrefix } from "../../linux/netlink/ipv4.ts";
import { formatIpv6, type Ipv6Prefix, parseIpv6, parseIpv6Prefix } from "../../linux/netlink/ipv6.ts";
import { AddressPool } from "./address-pool.ts";
import type { BridgeWish } from "./decide.ts";
import { Ipv6Pool } from "./ipv6-pool.ts";
import type { Ipv6Settings, Network } from "./model.ts";

import { isParent } from "./underlay.ts";

export class BridgeNetwork {
  readonly network: Network;
  readonly addresses: AddressPool;
  /** Undefined: the network has no IPv6. */
  readonly addresses6: Ipv6Pool | undefined;
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
    const ipv6 = network.ipv6 === undefined ? undefined : ipv6Of(network, network.ipv6);
    this.addresses6 = ipv6?.pool;
    const { attachment } = network;
    this.wish = {
      link: attachment !== undefined && isParent(attachment) ? attachment.link : bridge,
      ...(attachment !== undefined && { attachment }),
      ...(network.adopted !== undefined && { adopted: network.adopted }),
      network: network.name,
      subnet,
      gateway,
      ...(ipv6 !== undefined && { ipv6: ipv6.wish }),
      internal,
      openWithin,
      masquerade: masquerade && !internal,
      mtu,
    };
  }

  /** Its containers have links on a parent; the host has nothing in it. */
  get isOnParent(): boolean {
    return isParent(this.network.attachment);
  }

  /** The address is in use from here on. Error: invalid `network.address-invalid` where it cannot be one of ours. */
  tryTake(wanted: number | undefined): number | undefined {
    if (wanted === undefined) return this.addresses.take();
    if (!this.addresses.contains(wanted)) {
      throw invalidAddress(`address ${formatIpv4(wanted)} is not in ${this.network.subnet}`);
    }
    return this.addresses.takeExactly(wanted) ? wanted : undefined;
  }

  /** The same of the IPv6 subnet, which the network has. */
  tryTake6(wanted: bigint | undefined): bigint | undefined {
    if (wanted === undefined) return this.addresses6?.take();
    if (this.addresses6?.contains(wanted) !== true) {
      const { ipv6, name } = this.network;
      const where = ipv6 === undefined ? `network ${name} has no IPv6` : `it is not in ${ipv6.subnet}`;
      throw invalidAddress(`address ${formatIpv6(wanted)} cannot be given: ${where}`);
    }
    return this.addresses6.takeExactly(wanted) ? wanted : undefined;
  }

  give({ address, address6 }: { readonly address: number; readonly address6?: bigint | undefined }): void {
    this.addresses.give(address);
    if (address6 !== undefined) this.addresses6?.give(address6);
  }
}

export function invalidAddress(message: string): TiffinError {
  return new TiffinError("invalid", "network.address-invalid", message, { exitCode: 125 });
}

function ipv6Of(network: Network, settings: Ipv6Settings) {
  const subnet = prefix6In(network, settings.subnet);
  const gateway = parseIpv6(settings.gateway) ?? subnet.network + 1n;
  const range = settings.ipRange === "" ? undefined : prefix6In(network, settings.ipRange);
  const reserved = Object.values(settings.auxiliary).flatMap((text) => parseIpv6(text) ?? []);
  return { pool: new Ipv6Pool(subnet, { gateway, range, reserved }), wish: { subnet, gateway } };
}

function prefix6In(network: Network, text: string): Ipv6Prefix {
  const prefix = parseIpv6Prefix(text);
  if (prefix !== undefined) return prefix;
  throw damaged(network, text, "IPv6");
}

function damaged(network: Network, text: string, family: "IPv4" | "IPv6"): TiffinError {
  return new TiffinError(
    "internal",
    "network.row-damaged",
    `network ${network.name}: ${JSON.stringify(text)} is no ${family} network`,
  );
}

function prefixIn(network: Network, text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix !== undefined) return prefix;
  throw damaged(network, text, "IPv4");
}
