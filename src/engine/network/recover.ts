/** After the engine's own end: what is remembered and what lives are made one again. */
import { parseIpv4 } from "../../linux/netlink/ipv4.ts";
import { parseIpv6 } from "../../linux/netlink/ipv6.ts";
import type { ActiveEndpoints } from "./active-endpoints.ts";
import type { LiveContainer } from "./model.ts";
import type { NetworkRegistry } from "./network-registry.ts";
import { type PublishedPorts, portTarget } from "./published-ports.ts";

export interface RecoverParts {
  readonly registry: NetworkRegistry;
  readonly active: ActiveEndpoints;
  readonly published: PublishedPorts;
  readonly release: (containerId: string, network: string) => void;
}

/** False: which links are the containers' own cannot be told. */
export function recoverEndpoints(parts: RecoverParts, live: readonly LiveContainer[]): boolean {
  // Nobody wrote down that a container is in that network: it was being connected or disconnected.
  for (const { containerId, network } of parts.active.strayOf(live)) parts.release(containerId, network);
  let linksKnown = true;
  for (const container of live) linksKnown = recoverContainer(parts, container) && linksKnown;
  return linksKnown;
}

function recoverContainer(parts: RecoverParts, container: LiveContainer): boolean {
  const { registry, active } = parts;
  const { containerId, endpoints } = container;
  let known = true;
  for (const { network, address, ipv6 } of endpoints) {
    const number = parseIpv4(address);
    if (number === undefined) continue;
    const bridge = registry.bridgeOf(network);
    if (bridge === undefined || !bridge.addresses.contains(number)) {
      // Of a network or a subnet that is remembered no more: its link is among those that look like nobody's.
      known = false;
      continue;
    }
    if (active.of(containerId, network)?.address === number) continue;
    // Its row is lost.
    known = false;
    bridge.addresses.takeExactly(number);
    const address6 = parseIpv6(ipv6?.address ?? "");
    if (address6 !== undefined) bridge.addresses6?.takeExactly(address6);
    active.note(containerId, network, { hostLink: "", address: number, address6 });
  }
  adoptPorts(parts, container);
  return known;
}

function adoptPorts({ registry, published }: RecoverParts, container: LiveContainer): void {
  const { containerId, endpoints, ports } = container;
  const target = portTarget(endpoints, registry);
  published.unpublish(containerId);
  if (target !== undefined) published.adopt(containerId, target, ports);
}
