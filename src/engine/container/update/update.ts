/**
 * Changes limits, restart policy, labels, environment, check of health, mounts, ports and networks: decided whole, then what comes to a
 * running container (mounts, networks, ports), its group, the row, and then what goes. What fails takes back what was done before it.
 */
import { cannotUpdate, markedForRemoval } from "../../../docker/messages.ts";
import type { ContainerUpdateBody } from "../../../docker/types/container.ts";
import { type GroupChange, readCurrentMemory } from "../../../kernel/cgroup.ts";
import { messageOf, TiffinError } from "../../../lib/errors.ts";
import { UndoStack } from "../../../lib/undo-stack.ts";
import { type CgroupDecision, decideCgroup } from "../../../linux/cgroup.ts";
import type { OciResources } from "../../../oci/mod.ts";
import { changeLiveGroup, withLiveLimits } from "../../../runtime/mod.ts";
import type { Reconnected } from "../../network/mod.ts";
import { tellEvent, tellNetworks } from "../context.ts";
import { decodeUpdateBody, documentsOf, type EnvironmentChange, type WantedUpdate } from "../docker/mod.ts";
import { findMountImage, refuseMissingSource, releaseTakenOff } from "../mounts/mod.ts";
import { cgroupOf } from "../process/mod.ts";
import { type Container, type ContainerDocument, isAlive } from "../record/mod.ts";
import { changedLimits } from "../runtime-spec/mod.ts";
import { checkHealthPolicy } from "../specification/mod.ts";
import { followNetworks } from "../start/mod.ts";
import type { UpdateContext } from "./context.ts";
import {
  attachLive,
  decideMounts,
  type MountChange,
  refuseBelow,
  refuseMissingMounts,
  takeOffLive,
} from "./mount-change.ts";
import { decideNetworks, LiveNetworks, type NetworkChange } from "./network-change.ts";
import { changeLivePorts, exposedWith, networkWithPorts } from "./port-change.ts";

/** Returns warnings. Errors: `invalid` for what cannot be, `conflict` for what does not go with what there is. */
export async function updateContainer(
  context: UpdateContext,
  container: Container,
  body: ContainerUpdateBody,
): Promise<readonly string[]> {
  const { document, id, state } = container;
  if (state.status === "removing" || state.status === "dead") throw refusal(id, markedForRemoval("update"));
  const docker = document.docker ?? documentsOf(document.specification);
  const update = decided(id, () => decodeUpdateBody(body, docker, context.facts));
  const { add = [], remove = [] } = update.live.mounts ?? {};
  const mounts = decideMounts(
    document.specification.mounts,
    add.map((mount) => findMountImage(context, mount)),
    remove,
  );
  for (const mount of mounts.added) {
    if (mount.kind === "bind" && !mount.createSource) refuseMissingSource(mount.source);
  }
  const networks =
    update.live.networks === undefined ? undefined : decideNetworks(context, container, update.live.networks);
  const changed = withEndpoints(documentAfter(document, update, mounts), networks);
  checkHealthPolicy(changed.specification.restart, changed.specification.health);
  const live = isAlive(state);
  if (live) {
    refuseBelow(mounts);
    refuseMissingMounts(container, mounts);
  }
  const undo = new UndoStack();
  using places = LiveNetworks.of(context, container);
  const before = places?.hold;
  try {
    if (live) await attachLive(context, container, mounts, undo);
    places?.join(networks?.joined ?? [], undo);
    const { ports } = update.live;
    const published =
      places !== undefined && ports !== undefined
        ? changeLivePorts(context, container, places.hold, ports, undo)
        : undefined;
    if (published !== undefined && before !== undefined) {
      places?.setPorts(published.ports);
      undo.push("ports as they were", () => places?.setPorts(before.ports));
    }
    const warnings = [
      ...update.warnings,
      ...(published?.warnings ?? []),
      ...(live ? changeLimits(context, container, update, changed, undo) : []),
    ];
    context.fail("update.group");
    const left = networks?.left ?? [];
    write(context, container, changed, places?.without(left));
    undo.push("row", () => write(context, container, document, places?.hold));
    context.fail("update.row");
    places?.leave(left, undo);
    if (live) await takeOffLive(context, container, mounts, undo);
    // Ports go with the last network that could have them.
    if (places !== undefined && left.length > 0) context.registry.setHold(container, places.hold);
    undo.disarm();
    published?.keep();
    places?.keep();
    releaseTakenOff(context, container, { gone: mounts.removed, kept: mounts.mounts });
    if (networks !== undefined) {
      if (before !== undefined) followNetworks(context, container, before.endpoints);
      tellNetworks(
        context,
        container,
        "connect",
        networks.joined.map(({ network }) => network),
      );
      tellNetworks(context, container, "disconnect", networks.left);
    }
    tellEvent(context, container, "update");
    return [...new Set(warnings)];
  } catch (thrown) {
    const failures = await undo.unwind();
    for (const failure of failures) context.report(new Error(`update of ${id}: ${failure}`));
    // What a network was left for and joined again may have other links than before.
    if (places !== undefined && places.hold !== before) context.registry.setHold(container, places.hold);
    throw thrown;
  }
}

function write(
  { registry, store }: UpdateContext,
  container: Container,
  document: ContainerDocument,
  hold: Reconnected | undefined,
): void {
  store.transaction(() => {
    registry.setDocument(container, document, "settings");
    if (hold !== undefined) registry.setHold(container, hold);
  });
}

function withEndpoints(document: ContainerDocument, change: NetworkChange | undefined): ContainerDocument {
  const { specification } = document;
  if (change === undefined || specification.network.kind !== "networks") return document;
  const network = { ...specification.network, endpoints: change.endpoints };
  return { ...document, specification: { ...specification, network } };
}

function changeLimits(
  context: UpdateContext,
  { id }: Container,
  update: WantedUpdate,
  changed: ContainerDocument,
  undo: UndoStack,
): readonly string[] {
  const wanted = changedLimits(changed.specification.resources, { ...update.limits, noPids: update.noPids });
  const { warnings, revert } = change(context, id, wanted);
  undo.push("limits", revert);
  return warnings;
}

function refusal(id: string, why: string, cause?: unknown): TiffinError {
  const options = cause === undefined ? {} : { cause };
  return new TiffinError("conflict", "container.update", cannotUpdate(id, why), options);
}

/** What is wrong by itself is said as it is; what does not go with the container is about the container. */
function decided<T>(id: string, decide: () => T): T {
  try {
    return decide();
  } catch (thrown) {
    if (!(thrown instanceof TiffinError && thrown.kind === "conflict")) throw thrown;
    throw refusal(id, thrown.message);
  }
}

/** Labels, environment and check of health with what was asked; Docker's document shows the same. */
function liveDocument(document: ContainerDocument, { live }: WantedUpdate): ContainerDocument {
  const { specification, docker } = document;
  const { labels = {}, environment = [], health, ports } = live;
  const exposed = exposedWith(specification.exposed, ports?.add ?? []);
  const process = {
    ...specification.process,
    environment: withVariables(specification.process.environment, environment),
  };
  return {
    ...document,
    specification: {
      ...specification,
      labels: withLabels(specification.labels, labels),
      process,
      exposed,
      network: ports === undefined ? specification.network : networkWithPorts(specification.network, ports),
      health: health === undefined ? specification.health : health.specification,
    },
    docker:
      docker === null
        ? null
        : {
            ...docker,
            config: {
              ...docker.config,
              Labels: withLabels(docker.config.Labels ?? {}, labels),
              Env: withVariables(docker.config.Env ?? [], environment),
              ...(ports !== undefined && {
                ExposedPorts: {
                  ...docker.config.ExposedPorts,
                  ...Object.fromEntries(exposed.map(({ port, protocol }) => [`${port}/${protocol}`, {}])),
                },
              }),
              ...(health !== undefined && { Healthcheck: health.document }),
            },
          },
  };
}

function withLabels(
  before: Readonly<Record<string, string>>,
  changes: Readonly<Record<string, string | null>>,
): Readonly<Record<string, string>> {
  const all = new Map<string, string>(Object.entries(before));
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) all.delete(name);
    else all.set(name, value);
  }
  return Object.fromEntries(all);
}

function withVariables(before: readonly string[], changes: readonly EnvironmentChange[]): readonly string[] {
  let list = before;
  for (const { name, value } of changes) {
    list = list.filter((line) => line !== name && !line.startsWith(`${name}=`));
    if (value !== null) list = [...list, `${name}=${value}`];
  }
  return list;
}

function documentAfter(
  document: ContainerDocument,
  update: WantedUpdate,
  mounts: MountChange,
): ContainerDocument {
  const { specification, docker } = document;
  const { pids, ...others } = specification.resources;
  const kept = update.noPids || pids === undefined ? others : { ...others, pids };
  const withLimits = {
    ...document,
    specification: {
      ...specification,
      resources: { ...kept, ...update.limits },
      mounts: mounts.mounts,
      restart: update.restart ?? specification.restart,
    },
    docker: docker === null ? null : { ...docker, host: update.host },
  };
  return liveDocument(withLimits, update);
}

/** Changes the group of a running container, or nothing of it. */
function change(context: UpdateContext, id: string, resources: OciResources): GroupChange {
  if (Object.keys(resources).length === 0) return { warnings: [], revert: () => undefined };
  const group = { facts: context.facts.cgroup, directory: cgroupOf(context, id) };
  const wanted = withLiveLimits(resources, group);
  const decision: CgroupDecision = decideCgroup(
    wanted,
    group.facts,
    readCurrentMemory(group.facts, group.directory),
  );
  try {
    return changeLiveGroup(group, decision);
  } catch (thrown) {
    throw refusal(id, messageOf(thrown), thrown);
  }
}
