/**
 * Networks that a container joins and leaves as parts of an update. Joins come before all that may still fail, as they can be taken
 * back without a trace; leaves come after it, as what is left gives its address away.
 */
import { openFlags } from "../../../kernel/files.ts";
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import { TiffinError } from "../../../lib/errors.ts";
import type { UndoStack } from "../../../lib/undo-stack.ts";
import type { EndpointRequest, Leave, Reconnected } from "../../network/mod.ts";
import { connectableEndpoints } from "../connect/mod.ts";
import { openOfProcess } from "../process/mod.ts";
import { type Container, holdOf, isAlive } from "../record/mod.ts";
import { checkEndpoint, type WantedEndpoint } from "../specification/mod.ts";
import { endpointRequest } from "../start/mod.ts";
import type { UpdateContext } from "./context.ts";

export interface WantedNetworkChange {
  readonly add: readonly WantedEndpoint[];
  /** Names or ids. */
  readonly remove: readonly string[];
}

/** Networks are their ids. `endpoints`: all that the container is to have afterwards. */
export interface NetworkChange {
  readonly endpoints: readonly WantedEndpoint[];
  readonly joined: readonly EndpointRequest[];
  readonly left: readonly string[];
}

/** Errors: those of joining and leaving a network by commands of their own. */
export function decideNetworks(
  context: UpdateContext,
  container: Container,
  { add, remove }: WantedNetworkChange,
): NetworkChange {
  let endpoints: readonly WantedEndpoint[] = [];
  const before = (reference: string) => {
    const network = context.networks.resolve(reference);
    endpoints = [...connectableEndpoints(container, network)];
    return network;
  };
  const joining = add.map((wanted) => ({ wanted, network: before(wanted.network) }));
  const leaving = remove.map(before);
  const there = new Set(endpoints.map(({ network }) => network));
  for (const { name } of leaving) {
    if (there.delete(name)) continue;
    throw refusal("network.not-connected", `container ${container.id} is not connected to network ${name}`);
  }
  const left = new Set(leaving.map(({ name }) => name));
  const joined = joining.map(({ wanted, network }) => {
    if (there.has(network.name) || left.has(network.name)) {
      throw refusal(
        "network.already-connected",
        `endpoint with name ${container.name} already exists in network ${network.name}`,
      );
    }
    there.add(network.name);
    const endpoint = { ...wanted, network: network.name };
    checkEndpoint(endpoint);
    return endpoint;
  });
  return {
    endpoints: [...endpoints.filter(({ network }) => !left.has(network)), ...joined],
    joined: joined.map((endpoint) => endpointRequest(context, endpoint)),
    left: leaving.map(({ id }) => id),
  };
}

function refusal(code: string, message: string): TiffinError {
  return new TiffinError("forbidden", code, message);
}

/** Where a running container is, as the changes of an update go forth and back. */
export class LiveNetworks implements Disposable {
  readonly #context: UpdateContext;
  readonly #id: string;
  readonly #netns: OwnedFd;
  #hold: Reconnected;
  readonly #left: Leave[] = [];

  private constructor(context: UpdateContext, container: Container, netns: OwnedFd) {
    this.#context = context;
    this.#id = container.id;
    this.#netns = netns;
    this.#hold = holdOf(container.state);
  }

  /** Undefined: it does not run. */
  static of(context: UpdateContext, container: Container): LiveNetworks | undefined {
    const { state, process } = container;
    if (!isAlive(state) || process === undefined) return undefined;
    return new LiveNetworks(
      context,
      container,
      openOfProcess({ ...container, process }, "ns/net", openFlags.readOnly),
    );
  }

  get hold(): Reconnected {
    return this.#hold;
  }

  /** As a row has it before the kernel does it. */
  without(networks: readonly string[]): Reconnected {
    const { endpoints, ports } = this.#hold;
    return { endpoints: endpoints.filter(({ network }) => !networks.includes(network)), ports };
  }

  /** Ports that are others by now. */
  setPorts(ports: Reconnected["ports"]): void {
    this.#hold = { ...this.#hold, ports };
  }

  join(requests: readonly EndpointRequest[], undo: UndoStack): void {
    for (const request of requests) {
      this.#connect(request);
      undo.push(`not in network ${request.network}`, () => this.#disconnect(request.network));
      this.#context.fail("update.join");
    }
  }

  leave(networks: readonly string[], undo: UndoStack): void {
    for (const network of networks) {
      const before = this.#hold;
      const left = this.#context.networks.leave(
        this.#id,
        network,
        { containerId: this.#id, ...before },
        this.#netns,
      );
      this.#hold = { endpoints: left.endpoints, ports: left.ports };
      this.#left.push(left);
      undo.push(`in network ${network}`, () => {
        left.revert();
        this.#hold = before;
      });
      this.#context.fail("update.leave");
    }
  }

  /** What was left is left for good. */
  keep(): void {
    for (const left of this.#left.splice(0)) left.keep();
  }

  #connect(request: EndpointRequest): void {
    const { networks } = this.#context;
    this.#hold = networks.connect(this.#id, request, { containerId: this.#id, ...this.#hold }, this.#netns);
  }

  #disconnect(network: string): void {
    const { networks } = this.#context;
    this.#hold = networks.disconnect(
      this.#id,
      network,
      { containerId: this.#id, ...this.#hold },
      this.#netns,
    );
  }

  [Symbol.dispose](): void {
    this.#netns[Symbol.dispose]();
  }
}
