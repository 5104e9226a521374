/**
 * A body of `POST /containers/{id}/update` as changes of a specification, and of the document beside it. What is absent, zero or
 * empty stays as it is. Docker's rules and words. Pure.
 */
import type { ContainerUpdateBody, LiveChanges } from "../../../docker/types/container.ts";
import type { ContainerConfig, Healthcheck } from "../../../docker/types/container-config.ts";
import type { HostConfig } from "../../../docker/types/host-config.ts";
import { TiffinError } from "../../../lib/errors.ts";
import type { HostFacts } from "../../../linux/host-facts.ts";
import {
  checkHealth,
  checkRestart,
  checkUpdatedResources,
  cleanPath,
  type ExposedPort,
  type HealthSpecification,
  type MountSpec,
  type ResourceLimits,
  type RestartSpecification,
  refuseNul,
  type WantedEndpoint,
  type WantedPort,
} from "../specification/mod.ts";
import { checkPolicy } from "./check-request.ts";
import type { DockerDocuments } from "./documents.ts";
import { mergeHealth } from "./merge.ts";
import { decodeMountRequest } from "./mount-spec.ts";
import { decodePortKey, decodePorts, publishAnnotation } from "./ports.ts";
import { resourcesOf } from "./resources-of.ts";
import { healthOf, restartOf } from "./specification-of.ts";
import { wantedEndpointOf } from "./wanted-endpoint.ts";

/** Beyond what Docker's engine changes. Absent is as it was. */
export interface WantedLiveChanges {
  /** Null: taken away. */
  readonly labels?: Readonly<Record<string, string | null>>;
  readonly environment?: readonly EnvironmentChange[];
  /** Null: nothing is asked any more. `document`: as Docker's inspect shows it. */
  /** `remove`: targets. */
  readonly mounts?: {
    readonly add: readonly MountSpec[];
    readonly remove: readonly string[];
  };
  /** `remove`: ports of the container that are published no more. */
  readonly ports?: { readonly add: readonly WantedPort[]; readonly remove: readonly ExposedPort[] };
  /** `remove`: names or ids. */
  readonly networks?: { readonly add: readonly WantedEndpoint[]; readonly remove: readonly string[] };
  readonly health?: { readonly specification: HealthSpecification | null; readonly document: Healthcheck };
}

export interface EnvironmentChange {
  readonly name: string;
  /** Null: taken away. */
  readonly value: string | null;
}

export interface WantedUpdate {
  /** Only what changes. */
  readonly limits: Partial<ResourceLimits>;
  /** The limit of processes goes. */
  readonly noPids: boolean;
  readonly restart: RestartSpecification | undefined;
  /** Docker's document with the changes. */
  readonly host: HostConfig;
  readonly live: WantedLiveChanges;
  readonly warnings: readonly string[];
}

type Limits = Pick<
  ContainerUpdateBody,
  | "BlkioWeight"
  | "CpuShares"
  | "NanoCpus"
  | "CpuPeriod"
  | "CpuQuota"
  | "CpuRealtimePeriod"
  | "CpuRealtimeRuntime"
  | "CpusetCpus"
  | "CpusetMems"
  | "Memory"
  | "MemorySwap"
  | "MemoryReservation"
>;

/** The documents: what holds so far. Errors: those of a create body's limits and policy, `conflict` `container.update`. */
export function decodeUpdateBody(
  body: ContainerUpdateBody,
  { config, host }: DockerDocuments,
  facts: HostFacts,
): WantedUpdate {
  refuseNul(body);
  const given = limitsIn(body);
  const { cgroupParent: _parent, oomKillDisabled: _killer, ...all } = resourcesOf(given);
  const pids = body.PidsLimit ?? undefined;
  const lists = { blockWeights: [], blockReadBytes: [], blockWriteBytes: [] };
  const none = { ...lists, blockReadOperations: [], blockWriteOperations: [] };
  const scalars = Object.entries({ ...all, ...(pids !== undefined && pids > 0 && { pids }) });
  const limits: Partial<ResourceLimits> = Object.fromEntries(
    scalars.filter(([, value]) => !Array.isArray(value)),
  );
  const warnings = checkUpdatedResources(
    { cgroupParent: "", oomKillDisabled: false, ...none, ...limits },
    facts,
  );
  const policy = body.RestartPolicy ?? undefined;
  const name = policy?.Name ?? "";
  checkPolicy(name);
  const restart = name === "" ? undefined : restartOf({ RestartPolicy: policy });
  if (restart !== undefined) checkRestart(restart);
  refuseConflicts(body, host);
  return {
    limits,
    noPids: pids !== undefined && pids <= 0,
    restart,
    host: {
      ...hostWithMounts(host, body.Tiffin?.Mounts ?? {}),
      ...bindingsAfter(host, body.Tiffin?.Ports),
      ...given,
      ...(pids !== undefined && { PidsLimit: Math.max(0, pids) }),
      ...(restart !== undefined && {
        RestartPolicy: { Name: restart.policy, MaximumRetryCount: restart.limit },
      }),
    },
    live: liveChangesIn(body.Tiffin, config, host),
    warnings,
  };
}

/** Docker's lists of mounts without those that go, and with those that come. */
function hostWithMounts(
  host: HostConfig,
  { Add: add, Remove: remove }: NonNullable<LiveChanges["Mounts"]>,
): HostConfig {
  const gone = new Set((remove ?? []).map(cleanPath));
  const tmpfs = Object.entries(host.Tmpfs ?? {}).filter(([target]) => !gone.has(cleanPath(target)));
  return {
    ...host,
    Binds: (host.Binds ?? []).filter((bind) => !bind.split(":").some((part) => gone.has(cleanPath(part)))),
    Mounts: [
      ...(host.Mounts ?? []).filter(({ Target }) => !gone.has(cleanPath(Target ?? ""))),
      ...(add ?? []),
    ],
    Tmpfs: Object.fromEntries(tmpfs),
  };
}

/** Docker's bindings without those of ports that go, and with those that come. */
function bindingsAfter(
  { PortBindings: before }: HostConfig,
  changes: LiveChanges["Ports"],
): Pick<HostConfig, "PortBindings"> {
  if (changes === undefined) return {};
  const gone = new Set((changes.Remove ?? []).map((key) => portKey(decodePortKey(key))));
  const kept = Object.entries(before ?? {}).filter(([key]) => !gone.has(portKey(decodePortKey(key))));
  const bindings = new Map(kept.map(([key, list]) => [portKey(decodePortKey(key)), list ?? []]));
  for (const [key, list] of Object.entries(changes.Add ?? {})) {
    const name = portKey(decodePortKey(key));
    bindings.set(name, [...(bindings.get(name) ?? []), ...(list ?? [{}])]);
  }
  return { PortBindings: Object.fromEntries(bindings) };
}

function portKey({ port, protocol }: ExposedPort): string {
  return `${port}/${protocol}`;
}

function liveChangesIn(
  changes: LiveChanges | null | undefined,
  config: ContainerConfig,
  host: HostConfig,
): WantedLiveChanges {
  const { Labels: labels, Env: env, Healthcheck: check, Mounts: mounts, Ports: ports } = changes ?? {};
  const networks = changes?.Networks;
  if (Object.keys(labels ?? {}).includes("")) refuseChange("a label has no name");
  return {
    ...(labels !== undefined && { labels }),
    ...(mounts !== undefined && {
      mounts: {
        add: (mounts.Add ?? []).map(decodeMountRequest),
        remove: (mounts.Remove ?? []).map(cleanPath),
      },
    }),
    ...(ports !== undefined && {
      ports: {
        add: decodePorts(ports.Add ?? {}, [], false, host.Annotations?.[publishAnnotation]),
        remove: (ports.Remove ?? []).map(decodePortKey),
      },
    }),
    ...(networks !== undefined && {
      networks: {
        add: Object.entries(networks.Add ?? {}).map(([name, settings]) => wantedEndpointOf(name, settings)),
        remove: networks.Remove ?? [],
      },
    }),
    ...(env !== undefined && { environment: env.map(environmentChange) }),
    ...(check !== undefined && check !== null && { health: healthAfter(check, config) }),
  };
}

/** What is not said stays as it was. */
function healthAfter(check: Healthcheck, config: ContainerConfig): NonNullable<WantedLiveChanges["health"]> {
  const document = mergeHealth(check, config.Healthcheck);
  const specification = healthOf(document, config.Shell);
  if (specification !== null) checkHealth(specification);
  return { specification, document: document ?? check };
}

function environmentChange(text: string): EnvironmentChange {
  const equals = text.indexOf("=");
  const name = equals < 0 ? text : text.slice(0, equals);
  if (name === "") refuseChange(`${JSON.stringify(text)} names no variable`);
  return { name, value: equals < 0 ? null : text.slice(equals + 1) };
}

function refuseChange(message: string): never {
  throw new TiffinError("invalid", "container.update-change", message);
}

function limitsIn(body: ContainerUpdateBody): Limits {
  return {
    ...(body.BlkioWeight && { BlkioWeight: body.BlkioWeight }),
    ...(body.CpuShares && { CpuShares: body.CpuShares }),
    ...(body.NanoCpus && { NanoCpus: body.NanoCpus }),
    ...(body.CpuPeriod && { CpuPeriod: body.CpuPeriod }),
    ...(body.CpuQuota && { CpuQuota: body.CpuQuota }),
    ...(body.CpuRealtimePeriod && { CpuRealtimePeriod: body.CpuRealtimePeriod }),
    ...(body.CpuRealtimeRuntime && { CpuRealtimeRuntime: body.CpuRealtimeRuntime }),
    ...(body.CpusetCpus && { CpusetCpus: body.CpusetCpus }),
    ...(body.CpusetMems && { CpusetMems: body.CpusetMems }),
    ...(body.Memory && { Memory: body.Memory }),
    ...(body.MemorySwap && { MemorySwap: body.MemorySwap }),
    ...(body.MemoryReservation && { MemoryReservation: body.MemoryReservation }),
  };
}

/** What the changes cannot be told apart from what was there before. */
function refuseConflicts(body: ContainerUpdateBody, host: HostConfig): void {
  const { NanoCpus: nano = 0, CpuPeriod: period = 0, CpuQuota: quota = 0, Memory: memory = 0 } = body;
  if (nano > 0 && (host.CpuPeriod ?? 0) > 0) {
    conflict("Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set");
  }
  if (nano > 0 && (host.CpuQuota ?? 0) > 0) {
    conflict("Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set");
  }
  if (period > 0 && (host.NanoCpus ?? 0) > 0) {
    conflict("Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set");
  }
  if (quota > 0 && (host.NanoCpus ?? 0) > 0) {
    conflict("Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set");
  }
  if (memory > (host.MemorySwap ?? 0) && (body.MemorySwap ?? 0) === 0 && memory !== 0) {
    conflict(
      "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time",
    );
  }
  const name = body.RestartPolicy?.Name ?? "";
  if (host.AutoRemove === true && name !== "" && name !== "no") {
    conflict("Restart policy cannot be updated because AutoRemove is enabled for the container");
  }
}

function conflict(message: string): never {
  throw new TiffinError("conflict", "container.update", message);
}
