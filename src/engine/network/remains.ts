/**
 * Takes what an engine instance left of its network off the host when nothing of the instance is there any more to do
 * it: its state was deleted, or its process was killed by a test. Only names of that instance are touched; forwarding
 * stays as it is, because whether it was ours stood in the lost state.
 */
import { applyNetOps } from "./apply.ts";
import { decideRemoval } from "./decide.ts";
import { hostNames } from "./names.ts";
import { endpointLinks, observeNetwork, openSockets } from "./observe.ts";

/** Idempotent. The instance must not be running. */
export function removeNetworkRemains(tag: string): void {
  const names = hostNames(tag);
  using sockets = openSockets();
  const observed = observeNetwork(sockets, names.bridge);
  const links = endpointLinks(sockets.route, names.isEndpointLink);
  applyNetOps(decideRemoval(names, observed, links, false), sockets);
}
