/** Where a container is in the network: its own endpoint, nobody's, the host's, or another container's. */
import { openFlags } from "../../../kernel/files.ts";
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import { TiffinError } from "../../../lib/errors.ts";
import type { UndoStack } from "../../../lib/undo-stack.ts";
import type { NetworkSource } from "../../../plan/mod.ts";
import type { PortRequest } from "../../network/mod.ts";
import { meetingEndOf, notRunningError, openOfProcess, refuseRestarting } from "../process/mod.ts";
import { type Container, type EndpointRecord, isAlive } from "../record/mod.ts";
import type { ContainerSpecification, WantedPort } from "../specification/mod.ts";
import type { StartContext } from "./context.ts";

export interface NetworkPlace {
  readonly source: NetworkSource;
  /** A namespace to hand over. */
  readonly netns: OwnedFd | undefined;
  readonly endpoint: EndpointRecord | null;
  readonly warnings: readonly string[];
  /** Finishes the wiring once the process's own namespace exists. */
  readonly wire: ((pid: number) => void) | undefined;
}

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
  const { firstHostId, specification } = container.document;
  const { network } = specification;
  switch (network.kind) {
    case "host":
      return { source: { kind: "host" }, netns: undefined, endpoint: null, warnings: [], wire: undefined };
    case "container":
      return {
        source: { kind: "slot" },
        netns: openOfProcess(sharedContainer(context, network.container), "ns/net", openFlags.readOnly),
        endpoint: null,
        warnings: [],
        wire: undefined,
      };
    case "none":
      // With a user namespace the network namespace must belong to it, so the process makes its own.
      return firstHostId === null
        ? {
            source: { kind: "slot" },
            netns: context.network.createIsolatedNetns(),
            endpoint: null,
            warnings: [],
            wire: undefined,
          }
        : { source: { kind: "new" }, netns: undefined, endpoint: null, warnings: [], wire: undefined };
    case "networks":
      return await acquireEndpoint(context, container, network, undo);
  }
}

/** So far in one network, the only one that there is. */
async function acquireEndpoint(
  context: StartContext,
  container: Container,
  wanted: Extract<ContainerSpecification["network"], { kind: "networks" }>,
  undo: UndoStack,
): Promise<NetworkPlace> {
  const { network } = context;
  const { firstHostId } = container.document;
  for (const { network: name } of wanted.endpoints) {
    if (name === network.name) continue;
    throw new TiffinError("notFound", "network.not-found", `network ${name} not found`, { exitCode: 125 });
  }
  const [endpointWanted = { address: "", mac: "" }] = wanted.endpoints;
  const { address, mac } = endpointWanted;
  const request = {
    ports: wanted.ports.map(portRequest),
    ...(address !== "" && { address }),
    ...(mac !== "" && { mac }),
  };
  undo.push("network endpoint", () => network.release(container.id));
  if (firstHostId !== null) {
    const endpoint = await network.acquireUnwired(container.id, request);
    return {
      source: { kind: "new" },
      netns: undefined,
      endpoint: recordOf(endpoint),
      warnings: endpoint.warnings,
      wire: (pid) => endpoint.wire(pid),
    };
  }
  const endpoint = await network.acquire(container.id, request);
  return {
    source: { kind: "slot" },
    netns: endpoint.netns,
    endpoint: recordOf(endpoint),
    warnings: endpoint.warnings,
    wire: undefined,
  };
}

function recordOf(endpoint: EndpointRecord): EndpointRecord {
  const { address, prefixLength, gateway, mac, ports } = endpoint;
  return { address, prefixLength, gateway, mac, ports };
}

function portRequest({ hostAddress, hostPortEnd, ...port }: WantedPort): PortRequest {
  return {
    ...port,
    ...(hostAddress !== undefined && { hostAddress }),
    ...(hostPortEnd !== undefined && { hostPortEnd }),
  };
}
