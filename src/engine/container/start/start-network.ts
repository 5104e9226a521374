/** Where a container is in the network: its own endpoint, nobody's, the host's, or another container's. */
import { openFlags } from "../../../kernel/files.ts";
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import { TiffinError } from "../../../lib/errors.ts";
import type { UndoStack } from "../../../lib/undo-stack.ts";
import type { NetworkSource } from "../../../plan/mod.ts";
import type { ContainerContext } from "../context.ts";
import { openOfProcess } from "../process/mod.ts";
import { type Container, type EndpointRecord, isAlive } from "../record/mod.ts";
import { decodePorts } from "../specification/mod.ts";

export interface NetworkPlace {
  readonly source: NetworkSource;
  /** A namespace to hand over. */
  readonly netns: OwnedFd | undefined;
  readonly endpoint: EndpointRecord | null;
  readonly warnings: readonly string[];
  /** Finishes the wiring once the process's own namespace exists. */
  readonly wire: ((pid: number) => void) | undefined;
}

/** The running container that a mode such as `container:<name>` means. Errors: `notFound`, `conflict`. */
export function sharedContainer(context: ContainerContext, mode: string): Container & { process: object } {
  const other = context.registry.resolve(mode.slice("container:".length));
  const { process } = other;
  if (process !== undefined && isAlive(other.state)) return { ...other, process };
  throw new TiffinError(
    "conflict",
    "container.shared-not-running",
    `cannot join network namespace of a non running container: ${other.id}`,
  );
}

/** Acquires the container's place; the undo gives it back. */
export async function attachToNetwork(
  context: ContainerContext,
  container: Container,
  undo: UndoStack,
): Promise<NetworkPlace> {
  const { network } = context;
  const { host, firstHostId } = container.document;
  const mode = host.NetworkMode;
  if (mode === "host") {
    return { source: { kind: "host" }, netns: undefined, endpoint: null, warnings: [], wire: undefined };
  }
  if (mode.startsWith("container:")) {
    const shared = sharedContainer(context, mode);
    return {
      source: { kind: "slot" },
      netns: openOfProcess(shared, "ns/net", openFlags.readOnly),
      endpoint: null,
      warnings: [],
      wire: undefined,
    };
  }
  if (mode === "none" || container.document.config.NetworkDisabled === true) {
    // With a user namespace the network namespace must belong to it, so the process makes its own.
    return firstHostId === null
      ? {
          source: { kind: "slot" },
          netns: network.createIsolatedNetns(),
          endpoint: null,
          warnings: [],
          wire: undefined,
        }
      : { source: { kind: "new" }, netns: undefined, endpoint: null, warnings: [], wire: undefined };
  }
  if (mode === network.name) return await acquireEndpoint(context, container, undo);
  throw new TiffinError("notFound", "network.not-found", `network ${mode} not found`, { exitCode: 125 });
}

async function acquireEndpoint(
  context: ContainerContext,
  container: Container,
  undo: UndoStack,
): Promise<NetworkPlace> {
  const { network } = context;
  const { host, config, firstHostId, network: wanted } = container.document;
  const exposed = Object.keys(config.ExposedPorts ?? {});
  const request = {
    ports: decodePorts(host.PortBindings ?? {}, exposed, host.PublishAllPorts ?? false),
    ...(wanted.address !== "" && { address: wanted.address }),
    ...(wanted.mac !== "" && { mac: wanted.mac }),
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
