/** What every operation on containers works with: the neighbours, opened once by `openEngine`. */
import type { HostFacts } from "../../linux/host-facts.ts";
import type { PlanMemory } from "../../plan/mod.ts";
import type { Runtime } from "../../runtime/mod.ts";
import type { EngineConfig, EnginePaths } from "../config.ts";
import type { EventBus } from "../event/mod.ts";
import type { IdleWork } from "../idle-work.ts";
import type { ImageStore } from "../image/mod.ts";
import type { LayerStore } from "../layer/mod.ts";
import { builtInIds, type Networks } from "../network/mod.ts";
import type { StateStore } from "../store/mod.ts";
import type { Telemetry } from "../telemetry/mod.ts";
import type { Timers } from "../timers.ts";
import type { VolumeStore } from "../volume/mod.ts";
import type { Deliveries } from "./delivery/mod.ts";
import type { FailpointHook } from "./failpoints.ts";
import type { Container, ContainerRegistry, Ending, NetworkHold } from "./record/mod.ts";
import type { SeccompCompiler, UserCache } from "./security/mod.ts";

export interface ContainerContext {
  readonly config: EngineConfig;
  readonly paths: EnginePaths;
  readonly facts: HostFacts;
  readonly store: StateStore;
  readonly registry: ContainerRegistry;
  readonly images: ImageStore;
  readonly layers: LayerStore;
  readonly volumes: VolumeStore;
  readonly networks: Networks;
  readonly runtime: Runtime;
  readonly events: EventBus;
  readonly telemetry: Telemetry;
  readonly seccomp: SeccompCompiler;
  readonly users: UserCache;
  readonly plans: PlanMemory;
  readonly idle: IdleWork;
  readonly timers: Timers;
  readonly deliveries: Deliveries;
  readonly fail: FailpointHook;
  /** Milliseconds from this end of a container that stays to its next start; undefined when there is none. */
  readonly pauseBeforeNext: (container: Container, ending: Ending) => number | undefined;
  /** Starts a container that is restarting after the pause. */
  readonly startLater: (container: Container, pauseMs: number) => void;
  /** Reports what nobody waits for; the outermost place that logs. */
  readonly report: (thrown: unknown) => void;
}

/** Tells what happened to a container, with what Docker's events say about one: its labels, image and name. */
export function tellEvent(
  { events }: Pick<ContainerContext, "events">,
  container: Pick<Container, "id" | "name" | "document">,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
): void {
  const { id, name, document } = container;
  const image = document.image.reference;
  events.emit("container", action, id, { ...document.specification.labels, image, name, ...attributes });
}

/** Tells that a container is in these networks from now on, or no more. */
export function tellNetworks(
  { events, networks }: Pick<ContainerContext, "events" | "networks">,
  container: Pick<Container, "id">,
  action: "connect" | "disconnect",
  ids: readonly string[],
): void {
  for (const id of ids) {
    const network = networks.byId(id);
    if (network === undefined) continue;
    const { name, driver } = network;
    events.emit("network", action, id, { container: container.id, name, type: driver });
  }
}

/** Tells it of all networks that a container is in while it runs, those that hold nothing of it among them, as Docker does. */
export function tellAllNetworks(
  context: Pick<ContainerContext, "events" | "networks">,
  container: Pick<Container, "id" | "document">,
  action: "connect" | "disconnect",
  { endpoints }: NetworkHold,
): void {
  const { kind } = container.document.specification.network;
  const ids =
    kind === "host" || kind === "none" ? [builtInIds[kind]] : endpoints.map(({ network }) => network);
  tellNetworks(context, container, action, ids);
}

/** Runs changes of one container one after the other. A failed one does not stop those behind it. */
export function enqueue<T>(container: Container, work: () => Promise<T>): Promise<T> {
  const result = container.queue.then(work, work);
  container.queue = result.catch(() => {});
  return result;
}
