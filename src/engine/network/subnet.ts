/** Which subnet a network gets: pure. */
import { TiffinError } from "../../lib/errors.ts";
import { formatPrefix, overlap, type Prefix, parsePrefix } from "../../linux/netlink/ipv4.ts";

import { type Ipv4AddressPool, subnetsOf } from "./subnet-pools.ts";

/** Tried in order. Docker hands out 172.17 upwards, so the upper end comes first. */
export const subnetCandidates: readonly Prefix[] = [
  ...[30, 31, 29, 28, 27, 26, 25, 24].map((second) => prefix(172, second, 0, 16)),
  ...Array.from({ length: 40 }, (_, index) => prefix(10, index < 20 ? 230 + index : 190 + index, 0, 16)),
  ...[208, 224, 240].map((third) => prefix(192, 168, third, 20)),
];

/** Smaller ones, for when all of these are taken: a host may have hundreds of networks. */
const smallerCandidates: readonly Prefix[] = Array.from({ length: 320 }, (_, index) =>
  prefix(10, 170 + Math.floor(index / 16), (index % 16) * 16, 20),
);

function prefix(first: number, second: number, third: number, length: number): Prefix {
  return { network: first * 2 ** 24 + second * 2 ** 16 + third * 2 ** 8, length };
}

const allCandidates = [...subnetCandidates, ...smallerCandidates];

/** Shortest prefix (largest network) and longest one (network, gateway, broadcast and one container). */
const lengthRange = { shortest: 8, longest: 30 } as const;

/** A subnet that somebody wrote down. Error: invalid `network.subnet-invalid`. */
export function parseSubnet(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined || parsed.length < lengthRange.shortest || parsed.length > lengthRange.longest) {
    throw new TiffinError(
      "invalid",
      "network.subnet-invalid",
      `subnet ${JSON.stringify(text)} is not an IPv4 network from /${lengthRange.shortest} to /${lengthRange.longest}`,
      { remedy: "write it like 172.30.0.0/16, without host bits" },
    );
  }
  const special = ofNoHost.find(({ prefix }) => overlap(prefix, parsed));
  if (special === undefined) return parsed;
  throw new TiffinError(
    "invalid",
    "network.subnet-invalid",
    `subnet ${text} cannot be used: ${formatPrefix(special.prefix)} ${special.is}`,
    { remedy: "choose one like 172.30.0.0/16" },
  );
}

/** The kernel sends nothing to a host that has one of these. */
const ofNoHost: readonly { readonly prefix: Prefix; readonly is: string }[] = [
  { prefix: prefix(0, 0, 0, 8), is: 'means "this network"' },
  { prefix: prefix(224, 0, 0, 4), is: "is for multicast" },
];

export interface SubnetWish {
  /** From the configuration: taken as it is or refused. */
  readonly configured: Prefix | undefined;
  /** That of last time: kept while it is free. */
  readonly remembered: Prefix | undefined;
  /** Destinations of the host's routes and networks of its addresses, without our own bridge's. */
  readonly taken: readonly Prefix[];
  /** Where it comes from when none is named; empty and absent: the engine's own choice. */
  readonly pools?: readonly Ipv4AddressPool[];
  /** For the error; absent: the default one. */
  readonly network?: string;
}

/** Errors: conflict `network.subnet-taken`, unavailable `network.no-free-subnet`. */
export function decideSubnet(wish: SubnetWish): Prefix {
  const { configured, remembered, taken, pools = [], network = "bridge" } = wish;
  const rival = (candidate: Prefix) => taken.find((other) => overlap(candidate, other));
  if (configured !== undefined) {
    const other = rival(configured);
    if (other === undefined) return configured;
    throw new TiffinError(
      "conflict",
      "network.subnet-taken",
      `subnet ${formatPrefix(configured)} overlaps ${formatPrefix(other)}, which this host routes already`,
      { remedy: "choose a subnet that overlaps no route of the host" },
    );
  }
  const candidates = pools.length === 0 ? allCandidates : pools.flatMap(subnetsOf);
  const free = [...(remembered === undefined ? [] : [remembered]), ...candidates].find(
    (candidate) => rival(candidate) === undefined,
  );
  if (free !== undefined) return free;
  throw new TiffinError(
    "unavailable",
    "network.no-free-subnet",
    `all predefined address pools have been fully subnetted: for network ${network} ${candidates.length} were tried, ` +
      "and each overlaps a route of this host or another network",
    {
      remedy:
        "name a subnet that is in no route of the host, remove networks (network prune), " +
        "or give the engine more with --default-address-pool",
    },
  );
}
