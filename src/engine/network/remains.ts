/**
 * Takes what an engine instance left of its networks off the host when nothing of the instance is there any more to do
 * it: its state was deleted, or its process was killed by a test. Only names of that instance are touched; forwarding
 * stays as it is, because whether it was ours stood in the lost state.
 */
import { applyNetOps } from "./apply.ts";
import { decideRemoval } from "./decide.ts";
import { patternsOf } from "./foreign-firewall.ts";
import { hostNames } from "./names.ts";
import { endpointLinks, observeForeign, openSockets, ownBridges, underlayLinks } from "./observe.ts";

/** Idempotent. The instance must not be running. */
export function removeNetworkRemains(tag: string): void {
  const names = hostNames(tag);
  using sockets = openSockets();
  const remains = {
    table: names.table,
    // Rules may be left of bridges that are gone.
    patterns: patternsOf(names, [names.defaultBridge, names.bridgeOf("0".repeat(64))]),
    bridges: ownBridges(sockets.route, names.isBridge),
    endpointLinks: [
      ...endpointLinks(sockets.route, names.isEndpointLink),
      ...underlayLinks(sockets.route, names.isUnderlay),
    ],
    foreignForward: observeForeign(sockets.netfilter),
  };
  applyNetOps(decideRemoval(remains, []), sockets);
}
