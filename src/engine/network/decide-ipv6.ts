/** The IPv6 part of a new network: what a client wants of it becomes what it is, or the reason why it cannot be. Pure. */
import { TiffinError } from "../../lib/errors.ts";
import {
  formatIpv6,
  formatIpv6Prefix,
  type Ipv6Prefix,
  ipv6Contains,
  ipv6Overlap,
  parseIpv6,
  parseIpv6Prefix,
} from "../../linux/netlink/ipv6.ts";
import type { Ipv6Settings } from "./model.ts";
import { type Ipv6AddressPool, subnetsOf6 } from "./subnet-pools.ts";

export interface Ipv6Surroundings {
  /** Subnets of the engine's networks. */
  readonly own6: readonly Ipv6Prefix[];
  /** What the host routes or has addresses in. */
  readonly taken6: readonly Ipv6Prefix[];
  readonly pools6: readonly Ipv6AddressPool[];
}

/** A network, its gateway and one container need two bits. */
const longestSubnet = 126;

/** No host is reached by one of these. */
const ofNoHost: readonly (readonly [prefix: string, is: string])[] = [
  ["fe80::/10", "is what every link has for itself"],
  ["ff00::/8", "is for multicast"],
  ["::ffff:0:0/96", "stands for IPv4"],
];

function refuse(code: string, message: string): never {
  throw new TiffinError("invalid", `network.${code}`, message);
}

/** Errors: those of `decideNetwork`. */
export function decideIpv6(
  request: Partial<Ipv6Settings>,
  surroundings: Ipv6Surroundings,
  network: string,
): Ipv6Settings {
  const subnet =
    (request.subnet ?? "") === ""
      ? freeSubnet(surroundings, network)
      : chosenSubnet(request.subnet ?? "", surroundings);
  const gateway = chosenGateway(request.gateway ?? "", subnet);
  return {
    subnet: formatIpv6Prefix(subnet),
    gateway: formatIpv6(gateway),
    ipRange: checkedRange(request.ipRange ?? "", subnet),
    auxiliary: checkedAuxiliary(request.auxiliary ?? {}, subnet, gateway),
  };
}

function freeSubnet({ own6, taken6, pools6 }: Ipv6Surroundings, network: string): Ipv6Prefix {
  const rivals = [...own6, ...taken6];
  for (const pool of pools6) {
    for (const candidate of subnetsOf6(pool)) {
      if (!rivals.some((rival) => ipv6Overlap(candidate, rival))) return candidate;
    }
  }
  const tried = pools6.map(({ base }) => formatIpv6Prefix(base)).join(", ") || "none";
  throw new TiffinError(
    "unavailable",
    "network.no-free-subnet",
    `could not find an available, non-overlapping IPv6 address pool for network ${network} (pools: ${tried})`,
    { remedy: "name a subnet with --subnet, or give the engine more with --default-address-pool" },
  );
}

function chosenSubnet(text: string, { own6, taken6 }: Ipv6Surroundings): Ipv6Prefix {
  const parsed = parseIpv6Prefix(text);
  if (parsed === undefined || parsed.length > longestSubnet) {
    throw new TiffinError(
      "invalid",
      "network.subnet-invalid",
      `subnet ${JSON.stringify(text)} is not an IPv6 network up to /${longestSubnet}`,
      { remedy: "write it like fd00:1::/64, without host bits" },
    );
  }
  for (const [special, is] of ofNoHost) {
    const prefix = parseIpv6Prefix(special);
    if (prefix === undefined || !ipv6Overlap(prefix, parsed)) continue;
    throw new TiffinError(
      "invalid",
      "network.subnet-invalid",
      `subnet ${text} cannot be used: ${special} ${is}`,
      { remedy: "choose one like fd00:1::/64" },
    );
  }
  const rival = [...own6, ...taken6].find((other) => ipv6Overlap(parsed, other));
  if (rival === undefined) return parsed;
  const whose = own6.includes(rival) ? "that of another network" : "which this host routes already";
  throw new TiffinError(
    "forbidden",
    "network.subnet-overlaps",
    `invalid pool request: Pool overlaps with other one on this address space: ${text} overlaps ` +
      `${formatIpv6Prefix(rival)}, ${whose}`,
    { remedy: "choose a subnet that overlaps none of them, or none at all" },
  );
}

function chosenGateway(gateway: string, subnet: Ipv6Prefix): bigint {
  if (gateway === "") return subnet.network + 1n;
  const parsed = parseIpv6(gateway);
  if (parsed === undefined) refuse("gateway-invalid", `invalid gateway address ${JSON.stringify(gateway)}`);
  if (!ipv6Contains(subnet, parsed)) {
    refuse("gateway-invalid", `no matching subnet for gateway ${gateway}`);
  }
  if (parsed === subnet.network) {
    refuse("gateway-invalid", `gateway ${gateway} is no host address of ${formatIpv6Prefix(subnet)}`);
  }
  return parsed;
}

function checkedRange(range: string, subnet: Ipv6Prefix): string {
  if (range === "") return "";
  const parsed = parseIpv6Prefix(range);
  if (parsed === undefined) {
    refuse(
      "range-invalid",
      `invalid range ${range}: wanted an IPv6 network without host bits, like fd00:1::/80`,
    );
  }
  if (!ipv6Contains(subnet, parsed.network) || parsed.length < subnet.length) {
    refuse("range-invalid", `no matching subnet for range ${range}`);
  }
  return formatIpv6Prefix(parsed);
}

function checkedAuxiliary(
  auxiliary: Readonly<Record<string, string>>,
  subnet: Ipv6Prefix,
  gateway: bigint,
): Readonly<Record<string, string>> {
  for (const [name, text] of Object.entries(auxiliary)) {
    const address = parseIpv6(text);
    if (address === undefined) {
      refuse("auxiliary-invalid", `invalid auxiliary address ${JSON.stringify(text)} of ${name}`);
    }
    if (!ipv6Contains(subnet, address)) {
      refuse("auxiliary-invalid", `no matching subnet for aux-address ${text}`);
    }
    if (address === gateway) {
      refuse(
        "auxiliary-invalid",
        `failed to allocate secondary ip address (${name}:${text}): Address already in use by the gateway`,
      );
    }
  }
  return auxiliary;
}
