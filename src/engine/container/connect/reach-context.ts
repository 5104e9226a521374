/** Containers and networks as far as it matters who reaches whom. */
import { parseIpAddress } from "../../../linux/netlink/ip-address.ts";
import { hasNameServer } from "../../network/mod.ts";
import type { KnownContainer, ReachContext } from "../../reach/mod.ts";
import { type Container, holdOf, isAlive } from "../record/mod.ts";
import { namesIn, wantedBy } from "../view/mod.ts";
import type { ConnectContext } from "./context.ts";

export function reachContext({
  registry,
  networks,
}: Pick<ConnectContext, "registry" | "networks">): ReachContext {
  return {
    containers: () => [...registry.all()].map((container) => knownOf(container, registry)),
    containerNamed: (reference) => registry.byId(registry.idOf(reference) ?? "")?.name,
    containerCalled(alias, among) {
      for (const container of registry.all()) {
        const isCalledSo = wantedBy(container).some(
          (wanted) => among.includes(wanted.network) && namesIn(container, wanted).includes(alias),
        );
        if (isCalledSo) return container.name;
      }
      return undefined;
    },
    networks: () =>
      networks.all().map(({ id, name, bridge, internal, openWithin, ...network }) => ({
        name,
        bridge,
        internal,
        openWithin,
        hasNames: hasNameServer({ id, name, bridge, internal, openWithin, ...network }),
      })),
  };
}

/** One that lives in another's network namespace has what that one has. */
function knownOf(container: Container, registry: ConnectContext["registry"]): KnownContainer {
  const { id, name, state, document } = container;
  const { network } = document.specification;
  const other =
    network.kind === "container" ? registry.byId(registry.idOf(network.container) ?? "") : undefined;
  const holder = other ?? container;
  const { endpoints, ports } = holdOf(holder.state);
  return {
    id,
    name,
    status: state.status,
    pid: isAlive(state) ? state.pid : undefined,
    livesWith: other?.name,
    networks: wantedBy(holder).map((wanted) => wanted.network),
    addresses: endpoints.flatMap(({ address, ipv6 }) =>
      [address, ipv6?.address ?? ""].flatMap((text) => parseIpAddress(text) ?? []),
    ),
    ports,
  };
}
