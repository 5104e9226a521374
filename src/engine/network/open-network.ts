/** Opens the default network: chooses its subnet, makes what the host lacks, takes over what is there. */
import { readFileSync } from "node:fs";
import type { NetlinkSocket } from "../../kernel/netlink/mod.ts";
import { formatPrefix, type Prefix, parsePrefix } from "../../linux/netlink/ipv4.ts";
import type { ObservedNetwork } from "./decide.ts";
import { LeaseStore } from "./lease-store.ts";
import type { DefaultNetwork, NetworkOptions } from "./model.ts";
import { hostNames } from "./names.ts";
import { BridgeNetwork } from "./network.ts";
import { observeNetwork, observeTaken, openSockets } from "./observe.ts";
import { decideSubnet, parseSubnet } from "./subnet.ts";

/** Errors: `network.subnet-invalid`, `network.subnet-taken`, `network.no-free-subnet`, and what the kernel refuses. */
export async function openNetwork(options: NetworkOptions): Promise<DefaultNetwork> {
  const names = hostNames(options.tag);
  const sockets = openSockets();
  try {
    const store = new LeaseStore(options.db, names.network, options.writes);
    const observed = observeNetwork(sockets, names.bridge);
    const subnet = chooseSubnet(options, store, sockets.route, observed);
    store.remember(formatPrefix(subnet));
    const report = options.report ?? (() => undefined);
    return new BridgeNetwork({ names, store, sockets, subnet, observed, warnings: legacyWarnings(), report });
  } catch (thrown) {
    sockets[Symbol.dispose]();
    throw thrown;
  }
}

/** The subnet that the bridge has stays while nothing else was asked for: containers may be using it. */
function chooseSubnet(
  options: NetworkOptions,
  store: LeaseStore,
  route: NetlinkSocket,
  { bridge }: ObservedNetwork,
): Prefix {
  const configured = options.subnet === undefined ? undefined : parseSubnet(options.subnet);
  const noted = store.remembered()?.subnet;
  // Where that is lost, the bridge knows: containers of an earlier life may be on it.
  const remembered = noted === undefined ? subnetOf(bridge) : parsePrefix(noted);
  const wanted = configured ?? remembered;
  const inUse = bridge?.addresses.some(
    ({ address, prefixLength }) => address - 1 === wanted?.network && prefixLength === wanted.length,
  );
  if (wanted !== undefined && inUse) return wanted;
  return decideSubnet({ configured, remembered, taken: observeTaken(route, bridge?.index) });
}

/** The subnet whose gateway the bridge is. */
function subnetOf(bridge: ObservedNetwork["bridge"]): Prefix | undefined {
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
