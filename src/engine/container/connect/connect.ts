/**
 * A container joins or leaves a network. The kernel first and then the row when it joins, the row first and then the kernel
 * when it leaves: an engine that dies in between leaves something in the kernel that no row knows, which the next one
 * takes away. So after a crash the container is in the network wholly or not at all.
 */
import type { EndpointSettings } from "../../../docker/types/networking.ts";
import { openFlags } from "../../../kernel/files.ts";
import { TiffinError } from "../../../lib/errors.ts";
import type { Network } from "../../network/mod.ts";
import { enqueue, tellNetworks } from "../context.ts";
import { checkConnection, wantedEndpointOf } from "../docker/mod.ts";
import { openOfProcess } from "../process/mod.ts";
import { type Container, holdOf, isAlive } from "../record/mod.ts";
import { checkEndpoint, type WantedEndpoint } from "../specification/mod.ts";
import { endpointRequest, followNetworks } from "../start/mod.ts";
import { wantedBy } from "../view/mod.ts";
import type { ConnectContext } from "./context.ts";

/** Errors: `invalid` for a container without networks, `forbidden` when it is in that one already, and those of addresses. */
export async function connectContainer(
  context: ConnectContext,
  container: Container,
  network: Network,
  settings: EndpointSettings | null | undefined,
): Promise<void> {
  checkConnection(settings);
  const wanted = wantedEndpointOf(network.name, settings);
  checkEndpoint(wanted);
  await enqueue(container, async () => {
    const endpoints = connectableEndpoints(container, network);
    if (endpoints.some((each) => each.network === network.name)) {
      throw new TiffinError(
        "forbidden",
        "network.already-connected",
        `endpoint with name ${container.name} already exists in network ${network.name}`,
      );
    }
    join(context, container, wanted, endpoints);
    tellNetworks(context, container, "connect", [network.id]);
  });
}

function join(
  context: ConnectContext,
  container: Container,
  wanted: WantedEndpoint,
  before: readonly WantedEndpoint[],
): void {
  const { networks, registry, store } = context;
  const request = endpointRequest(context, wanted);
  const { state, process, id } = container;
  const after = [...before, wanted];
  if (!isAlive(state) || process === undefined) {
    registry.setNetworks(container, after);
    return;
  }
  using netns = openOfProcess({ ...container, process }, "ns/net", openFlags.readOnly);
  const now = { containerId: id, ...holdOf(state) };
  const hold = networks.connect(id, request, now, netns);
  try {
    store.transaction(() => {
      registry.setNetworks(container, after);
      registry.setHold(container, hold);
    });
  } catch (thrown) {
    networks.disconnect(id, request.network, { containerId: id, ...hold }, netns);
    throw thrown;
  }
  followNetworks(context, container, now.endpoints);
}

/** Errors: `forbidden` when it is not in that network. `force`: it is no error when the kernel has nothing of it any more. */
export async function disconnectContainer(
  context: ConnectContext,
  container: Container,
  network: Network,
  force: boolean,
): Promise<void> {
  await enqueue(container, async () => {
    if (leaveNone(context, container, network)) return;
    if (!wantedBy(container).some((each) => each.network === network.name)) {
      throw new TiffinError(
        "forbidden",
        "network.not-connected",
        `container ${container.id} is not connected to ${isAlive(container.state) ? "" : "the "}network ${network.name}`,
      );
    }
    const before = connectableEndpoints(container, network);
    const after = before.filter((each) => each.network !== network.name);
    leave(context, container, network, { before, after }, force);
    tellNetworks(context, container, "disconnect", [network.id]);
  });
}

/** Who leaves `none` has no network, and may then join others, which it could not from there. */
function leaveNone(context: ConnectContext, container: Container, network: Network): boolean {
  const { specification } = container.document;
  if (network.driver !== "null" || specification.network.kind !== "none") return false;
  context.registry.setDocument(
    container,
    {
      ...container.document,
      specification: { ...specification, network: { kind: "networks", endpoints: [], ports: [] } },
    },
    "networks",
  );
  tellNetworks(context, container, "disconnect", [network.id]);
  return true;
}

function leave(
  context: ConnectContext,
  container: Container,
  network: Network,
  {
    before,
    after,
  }: { readonly before: readonly WantedEndpoint[]; readonly after: readonly WantedEndpoint[] },
  force: boolean,
): void {
  const { networks, registry, store, report } = context;
  const { state, process, id } = container;
  if (!isAlive(state) || process === undefined) {
    registry.setNetworks(container, after);
    return;
  }
  using netns = openOfProcess({ ...container, process }, "ns/net", openFlags.readOnly);
  const held = holdOf(state);
  const change = (wanted: readonly WantedEndpoint[], hold: typeof held): void => {
    store.transaction(() => {
      registry.setNetworks(container, wanted);
      registry.setHold(container, hold);
    });
  };
  change(after, { ...held, endpoints: held.endpoints.filter((each) => each.network !== network.id) });
  try {
    const hold = networks.disconnect(id, network.id, { containerId: id, ...held }, netns);
    if (hold.ports.length !== held.ports.length) registry.setHold(container, hold);
    followNetworks(context, container, held.endpoints);
  } catch (thrown) {
    if (!force) {
      change(before, held);
      throw thrown;
    }
    report(thrown);
  }
}

/** Where it is to be so far. Errors: `forbidden` where the container, or the network, is not one for that. */
export function connectableEndpoints({ document }: Container, network: Network): readonly WantedEndpoint[] {
  const own = document.specification.network;
  if (network.driver === "host" || own.kind === "host") {
    throw refusal("container cannot be disconnected from host network or connected to host network");
  }
  if (own.kind === "container") {
    throw refusal(
      "container sharing network namespace with another container or host cannot be connected to any other network",
    );
  }
  if (network.driver === "null" || own.kind === "none") {
    throw refusal(
      "container cannot be connected to multiple networks with one of the networks in private (none) mode",
    );
  }
  return own.endpoints;
}

function refusal(message: string): TiffinError {
  return new TiffinError("forbidden", "network.mode", message);
}
