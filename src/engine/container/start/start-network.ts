/** Where a container is in the network: its own endpoints, nobody's, the host's, or another container's. */

import { openFlags } from "../../../kernel/files.ts";
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import { TiffinError } from "../../../lib/errors.ts";
import type { UndoStack } from "../../../lib/undo-stack.ts";
import type { NetworkSource } from "../../../plan/mod.ts";
import { builtInIds, type EndpointRequest, type Network, type PortRequest } from "../../network/mod.ts";
import { meetingEndOf, notRunningError, openOfProcess, refuseRestarting } from "../process/mod.ts";
import { type Container, holdsNothing, isAlive, type NetworkHold } from "../record/mod.ts";
import type { ContainerSpecification, WantedEndpoint, WantedPort } from "../specification/mod.ts";
import { cannotChangeNetwork } from "./cannot-change-network.ts";
import type { StartContext } from "./context.ts";

export interface NetworkPlace {
  readonly source: NetworkSource;
  /** A namespace to hand over. */
  readonly netns: OwnedFd | undefined;
  readonly hold: NetworkHold;
  readonly warnings: readonly string[];
  /** Finishes the wiring once the process's own namespace exists. */
  readonly wire: ((pid: number) => void) | undefined;
}

const nothingHeld = { hold: holdsNothing, warnings: [], wire: undefined } as const;

/** The running container of that name, whose namespaces are shared. Errors: `notFound`, `conflict`. */
export function sharedContainer(
  context: StartContext,
  name: string,
  what: "network" | "PID" | "IPC" = "network",
): Container & { process: object } {
  const other = context.registry.resolve(name);
  const { process } = other;
  if (process !== undefined && isAlive(other.state)) return { ...other, process };
  refuseRestarting(other);
  throw new TiffinError(
    "conflict",
    "container.shared-not-running",
    `cannot join ${what} namespace of a non running container: ${other.id}`,
  );
}

/**
 * Does the work of a start. Errors: `conflict` for whatever fails once a container whose namespaces are joined has ended:
 * it may do so at any step, and each then fails in a way of its own.
 */
export async function meetingEndOfShared<T>(
  context: StartContext,
  { document }: Container,
  work: () => Promise<T>,
): Promise<T> {
  const { network, namespaces } = document.specification;
  const joined = [
    [network, "network"],
    [namespaces.pid, "PID"],
    [namespaces.ipc, "IPC"],
  ] as const;
  let guarded = work;
  for (const [wanted, what] of joined) {
    if (wanted.kind !== "container") continue;
    const { process, id } = sharedContainer(context, wanted.container, what);
    const inner = guarded;
    guarded = () => meetingEndOf(process, (cause) => notRunningError(id, cause), inner);
  }
  return await guarded();
}

/** Acquires the container's place; the undo gives it back. */
export async function attachToNetwork(
  context: StartContext,
  container: Container,
  undo: UndoStack,
): Promise<NetworkPlace> {
  const { network } = container.document.specification;
  switch (network.kind) {
    case "host":
      return { ...nothingHeld, source: { kind: "host" }, netns: undefined };
    case "container":
      return sharedPlace(context, network.container);
    case "none":
      return isolatedPlace(context, container);
    case "networks":
      // It may have left the last one.
      return network.endpoints.length === 0
        ? isolatedPlace(context, container)
        : await acquirePlace(context, container, network, undo);
  }
}

function sharedPlace(context: StartContext, name: string): NetworkPlace {
  const other = sharedContainer(context, name);
  // What this one does there is not the other's alone.
  context.networks.keepOut(other.id);
  const netns = openOfProcess(other, "ns/net", openFlags.readOnly);
  return { ...nothingHeld, source: { kind: "slot" }, netns };
}

function isolatedPlace({ networks }: StartContext, { document }: Container): NetworkPlace {
  // With a user namespace the network namespace must belong to it, so the process makes its own.
  return document.firstHostId === null
    ? { ...nothingHeld, source: { kind: "slot" }, netns: networks.createIsolatedNetns() }
    : {
        ...nothingHeld,
        source: { kind: "new" },
        netns: undefined,
        wire: (pid) => networks.wireIsolated(pid),
      };
}

async function acquirePlace(
  context: StartContext,
  container: Container,
  wanted: Extract<ContainerSpecification["network"], { kind: "networks" }>,
  undo: UndoStack,
): Promise<NetworkPlace> {
  const { networks } = context;
  const request = {
    endpoints: wanted.endpoints.map((each) => endpointRequest(context, each)),
    ports: wanted.ports.map(portRequest),
    cannotChange: cannotChangeNetwork(container.document.specification),
  };
  undo.push("place in networks", () => networks.release(container.id));
  if (container.document.firstHostId !== null) {
    const { endpoints, ports, warnings, wire } = await networks.acquireUnwired(container.id, request);
    return { source: { kind: "new" }, netns: undefined, hold: { endpoints, ports }, warnings, wire };
  }
  const { endpoints, ports, warnings, netns } = await networks.acquire(container.id, request);
  return { source: { kind: "slot" }, netns, hold: { endpoints, ports }, warnings, wire: undefined };
}

/** What is asked of the network that `wanted` names. Errors: `notFound`, and invalid for an address that it cannot give. */
export function endpointRequest(context: StartContext, wanted: WantedEndpoint): EndpointRequest {
  const network = context.networks.resolve(wanted.network);
  refuseAddress(network, wanted);
  const { address, address6 = "", mac, gatewayPriority = 0 } = wanted;
  return {
    network: network.id,
    ...(address !== "" && { address }),
    ...(address6 !== "" && { address6 }),
    ...(mac !== "" && { mac: mac.replaceAll("-", ":") }),
    gatewayPriority,
  };
}

/** Those of the default network are the engine's to give, and a subnet that it chose may be another one next time. */
function refuseAddress(
  { id, name, subnetChosen }: Network,
  { address, address6 = "" }: WantedEndpoint,
): void {
  if (address === "" && address6 === "") return;
  if (id !== builtInIds.bridge && subnetChosen) return;
  const [where, remedy] =
    id === builtInIds.bridge
      ? ["on user defined networks only", "make a network with --subnet and run the container there"]
      : [
          "only when connecting to networks with user configured subnets",
          `make network ${name} with --subnet`,
        ];
  throw new TiffinError(
    "invalid",
    "network.address-invalid",
    `invalid endpoint settings: user specified IP address is supported ${where}`,
    { exitCode: 125, remedy },
  );
}

export function portRequest({ hostAddress, hostPortEnd, mode, ...port }: WantedPort): PortRequest {
  return {
    ...port,
    ...(hostAddress !== undefined && { hostAddress }),
    ...(hostPortEnd !== undefined && { hostPortEnd }),
    ...(mode !== undefined && { mode }),
  };
}
