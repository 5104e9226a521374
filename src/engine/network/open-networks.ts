/** Opens the networks of an engine: those it remembers, the built-in ones; makes what the host lacks, takes over what is there. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { nowMs } from "../../lib/clock.ts";
import { formatIpv4, formatPrefix, type Prefix, parsePrefix } from "../../linux/netlink/ipv4.ts";
import { builtInNetworks } from "./built-in-networks.ts";
import type { ObservedBridge } from "./decide.ts";
import type { Network, NetworkOptions, Networks } from "./model.ts";
import { type HostNames, hostNames } from "./names.ts";
import { NetworkStore } from "./network-store.ts";
import { HostNetworks } from "./networks.ts";
import { type NetworkSockets, observeHost, observeTaken, openSockets } from "./observe.ts";
import type { NetworkDecisions } from "./op.ts";
import { decideSubnet, parseSubnet } from "./subnet.ts";
import { parseSubnetPools, type SubnetPools, uniqueLocalPool } from "./subnet-pools.ts";

/** Errors: `network.subnet-invalid`, `network.subnet-taken`, `network.no-free-subnet`, and what the kernel refuses. */
export async function openNetworks(options: NetworkOptions): Promise<Networks & NetworkDecisions> {
  const names = hostNames(options.tag);
  const report = options.report ?? (() => undefined);
  const fail = options.fail ?? (() => undefined);
  const sockets = openSockets();
  try {
    const store = new NetworkStore(options.db, options.writes);
    const networks = rememberedNetworks(options, store, names, sockets, report);
    const pools = poolsOf(options);
    return new HostNetworks({
      names,
      store,
      sockets,
      networks,
      warnings: legacyWarnings(),
      report,
      fail,
      publishMode: options.publishMode ?? "nat",
      pools,
      serveNames: options.serveNames,
      netnsOf: options.netnsOf ?? (() => undefined),
    });
  } catch (thrown) {
    sockets[Symbol.dispose]();
    throw thrown;
  }
}

/** IPv6 networks always have somewhere to come from, as in Docker. */
function poolsOf({ pools = [], tag }: NetworkOptions): SubnetPools {
  const { ipv4, ipv6 } = parseSubnetPools(pools);
  return { ipv4, ipv6: ipv6.length > 0 ? ipv6 : [uniqueLocalPool(ownDigest(tag))] };
}

/** The same for as long as the machine and the engine's directory are the same. */
function ownDigest(tag: string): Uint8Array {
  let machine = hostname();
  try {
    machine = readFileSync("/etc/machine-id", "utf8").trim() || machine;
  } catch {
    // A machine without an id is known by its name.
  }
  return createHash("sha256").update(`${machine} tiffin ${tag}`).digest();
}

/** With the built-in ones as this host and its configuration want them. */
function rememberedNetworks(
  options: NetworkOptions,
  store: NetworkStore,
  names: HostNames,
  sockets: NetworkSockets,
  report: (thrown: unknown) => void,
): Network[] {
  const found = store.networks(report);
  const known = new Set(found.map(({ id }) => id));
  const [bridge, ...others] = builtInNetworks(nowMs());
  for (const network of others) {
    if (known.has(network.id)) continue;
    store.addNetwork(network);
    found.push(network);
  }
  const before = found.find(({ id }) => id === bridge.id);
  const rest = found.filter((network) => network !== before);
  const prefix = chooseSubnet(options, before, rest, names, sockets);
  const subnet = formatPrefix(prefix);
  const gateway = formatIpv4(prefix.network + 1);
  const { openWithin = true } = options;
  const now: Network = { ...(before ?? bridge), subnet, gateway, openWithin, bridge: names.defaultBridge };
  store.addNetwork(now);
  if (before !== undefined && before.subnet !== subnet) store.changeSubnet(now);
  return [now, ...rest];
}

/** The subnet that the default bridge has stays while nothing else was asked for: containers may be using it. */
function chooseSubnet(
  options: NetworkOptions,
  before: Network | undefined,
  others: readonly Network[],
  names: HostNames,
  sockets: NetworkSockets,
): Prefix {
  const own = others.filter(({ driver }) => driver === "bridge");
  const links = [names.defaultBridge, ...own.map(({ bridge }) => bridge)];
  const { bridges } = observeHost(sockets, links);
  const bridge = bridges.get(names.defaultBridge);
  const configured = options.subnet === undefined ? undefined : parseSubnet(options.subnet);
  // The bridge knows it better than a row that is lost or older: containers of an earlier life may be on it.
  const remembered = subnetOf(bridge) ?? (before === undefined ? undefined : parsePrefix(before.subnet));
  const wanted = configured ?? remembered;
  const inUse = bridge?.addresses.some(
    ({ address, prefixLength }) => address - 1 === wanted?.network && prefixLength === wanted.length,
  );
  if (wanted !== undefined && inUse) return wanted;
  const indexes = new Set([...bridges.values()].map(({ index }) => index));
  const taken = [
    ...own.flatMap(({ subnet }) => parsePrefix(subnet) ?? []),
    ...observeTaken(sockets.route, indexes),
  ];
  return decideSubnet({ configured, remembered, taken, pools: poolsOf(options).ipv4 });
}

/** The subnet whose gateway the bridge is. */
function subnetOf(bridge: ObservedBridge | undefined): Prefix | undefined {
  const [first] = bridge?.addresses ?? [];
  return first === undefined ? undefined : { network: first.address - 1, length: first.prefixLength };
}

/** The old iptables keeps its rules where nftables cannot add to them. */
function legacyWarnings(): string[] {
  let tables = "";
  try {
    tables = readFileSync("/proc/net/ip_tables_names", "utf8");
  } catch {
    // The old iptables is not loaded, or not visible from here.
  }
  return tables.split("\n").includes("filter")
    ? [
        "iptables-legacy has a filter table: where its FORWARD chain drops, containers do not reach the network",
      ]
    : [];
}
