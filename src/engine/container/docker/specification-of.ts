/**
 * Docker's documents as a specification: the one place that reads `Config` and `HostConfig` for what they mean. It
 * decodes words and refuses those that are none; whether the values can be had is `checkSpecification`'s. Pure.
 */

import type { ContainerConfig, Healthcheck } from "../../../docker/types/container-config.ts";
import type { HostConfig } from "../../../docker/types/host-config.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { capabilityNames } from "../../../linux/capabilities.ts";
import { parseSignal, signalNumbers } from "../../../linux/signals.ts";
import { ownRuntime } from "../../config.ts";
import {
  type ContainerSpecification,
  checkHealthTimes,
  defaultGraceSeconds,
  defaultTerminal,
  type HealthSpecification,
  type IpcNamespace,
  type MountSpec,
  type ProcessSpecification,
  type WantedEndpoint,
} from "../specification/mod.ts";
import { decideCapabilities } from "./capability-set.ts";
import { cdiDevicesOf } from "./device-requests.ts";
import { decodeDeviceRule } from "./device-rule.ts";
import { commandOf, type MergedConfig, type MergedHostConfig, timeAnnotation } from "./documents.ts";
import { decodeHealthTest } from "./health-test.ts";
import { decodeLogConfig } from "./log-options.ts";
import { decodePorts, exposedPorts, publishAnnotation } from "./ports.ts";
import { resourcesOf } from "./resources-of.ts";
import { decodeSecurityOptions } from "./security-options.ts";
import { storageBytesOf } from "./storage-options.ts";

export interface Translated {
  readonly specification: ContainerSpecification;
  readonly warnings: readonly string[];
}

/** `config` and `host` with all defaults filled in, what of the network was asked for, and the mounts of all sources. */
export function specificationOf(
  config: MergedConfig,
  host: MergedHostConfig,
  endpoints: readonly WantedEndpoint[],
  mounts: readonly MountSpec[],
): Translated {
  const storageBytes = storageBytesOf(host.StorageOpt);
  const { log, warnings } = decodeLogConfig(host.LogConfig);
  const exposed = exposedPorts(Object.keys(config.ExposedPorts ?? {}));
  const cdiDevices = cdiDevicesOf(host.DeviceRequests ?? []);
  const specification: ContainerSpecification = {
    process: processOf(config, host),
    hostname: config.Hostname,
    domainname: config.Domainname ?? "",
    labels: config.Labels,
    annotations: host.Annotations ?? {},
    namespaces: namespacesOf(host),
    network: networkOf(config, host, endpoints, exposed),
    exposed,
    resolver: { servers: host.Dns ?? [], search: host.DnsSearch ?? [], options: host.DnsOptions ?? [] },
    hosts: (host.ExtraHosts ?? []).map(hostLine),
    mounts,
    sharedMemoryBytes: host.ShmSize,
    ...(host.Runtime !== ownRuntime && { runtime: host.Runtime }),
    ...(storageBytes !== undefined && { storageBytes }),
    resources: resourcesOf(host),
    devices: (host.Devices ?? []).map(({ PathOnHost, PathInContainer, CgroupPermissions }) => ({
      hostPath: PathOnHost,
      path: PathInContainer || PathOnHost,
      access: CgroupPermissions || "rwm",
    })),
    ...(cdiDevices.length > 0 && { cdiDevices }),
    deviceRules: (host.DeviceCgroupRules ?? []).map(decodeDeviceRule),
    security: securityOf(host),
    log,
    restart: restartOf(host),
    stop: {
      signal: stopSignal(config.StopSignal || ""),
      graceSeconds: config.StopTimeout ?? defaultGraceSeconds,
      ...(config.StopSignal && { chosen: true }),
    },
    removeWhenEnded: host.AutoRemove,
    health: healthOf(config.Healthcheck, config.Shell),
  };
  return { specification, warnings };
}

function processOf(config: MergedConfig, host: MergedHostConfig): ProcessSpecification {
  const [height = 0, width = 0] = host.ConsoleSize ?? [];
  return {
    arguments: commandOf(config),
    environment: config.Env,
    directory: config.WorkingDir ?? "",
    user: config.User,
    groups: host.GroupAdd ?? [],
    terminal:
      config.Tty === true
        ? { rows: height || defaultTerminal.rows, columns: width || defaultTerminal.columns }
        : null,
    stdin: stdinOf(config),
    init: host.Init ?? false,
    limits: (host.Ulimits ?? []).map(({ Name, Soft, Hard }) => ({ name: Name, soft: Soft, hard: Hard })),
    oomScoreAdjust: host.OomScoreAdj ?? 0,
  };
}

function stdinOf({ OpenStdin, StdinOnce }: ContainerConfig): ProcessSpecification["stdin"] {
  if (OpenStdin !== true) return "closed";
  return StdinOnce === true ? "once" : "open";
}

const another = "container:";

/** The container of `container:<name>`; undefined for every other mode. */
function containerOf(mode: string): string | undefined {
  return mode.startsWith(another) ? mode.slice(another.length) : undefined;
}

function namespacesOf(host: MergedHostConfig): ContainerSpecification["namespaces"] {
  const offsets = host.Annotations?.[timeAnnotation];
  const ofHost = (mode: string | undefined): "host" | "private" => (mode === "host" ? "host" : "private");
  const shared = containerOf(host.PidMode ?? "");
  return {
    pid: shared === undefined ? { kind: ofHost(host.PidMode) } : { kind: "container", container: shared },
    ipc: ipcOf(host.IpcMode),
    uts: ofHost(host.UTSMode),
    cgroup: ofHost(host.CgroupnsMode),
    // Without a word it is the host's.
    user: host.UsernsMode === "private" ? "private" : "host",
    time: offsets === undefined ? null : timeOffsets(offsets),
  };
}

function ipcOf(mode: string): IpcNamespace {
  const container = containerOf(mode);
  if (container !== undefined) return { kind: "container", container };
  return { kind: mode === "host" || mode === "none" || mode === "shareable" ? mode : "private" };
}

function timeOffsets(text: string): { readonly monotonic?: number; readonly boottime?: number } {
  const seconds = (clock: string): number | undefined => {
    const match = new RegExp(`(?:^|,)${clock}=(-?[0-9]{1,10})(?:,|$)`).exec(text);
    return match === null ? undefined : Number(match[1]);
  };
  const monotonic = seconds("monotonic");
  const boottime = seconds("boottime");
  return { ...(monotonic !== undefined && { monotonic }), ...(boottime !== undefined && { boottime }) };
}

function networkOf(
  config: MergedConfig,
  host: MergedHostConfig,
  endpoints: readonly WantedEndpoint[],
  exposed: ContainerSpecification["exposed"],
): ContainerSpecification["network"] {
  const mode = host.NetworkMode;
  const ports = decodePorts(
    host.PortBindings ?? {},
    exposed,
    host.PublishAllPorts ?? false,
    host.Annotations?.[publishAnnotation],
  );
  if (mode === "host") return { kind: "host" };
  const container = containerOf(mode);
  if (container !== undefined) return { kind: "container", container };
  if (mode === "none" || config.NetworkDisabled === true) return { kind: "none" };
  return { kind: "networks", endpoints, ports };
}

/** `name:address` or `name=address`, an IPv6 address also in brackets. */
function hostLine(entry: string): ContainerSpecification["hosts"][number] {
  const split = entry.search(/[:=]/);
  return { name: entry.slice(0, split), address: entry.slice(split + 1).replace(/^\[(.*)\]$/, "$1") };
}

function securityOf(host: MergedHostConfig): ContainerSpecification["security"] {
  const privileged = host.Privileged ?? false;
  const request = { privileged, add: host.CapAdd ?? [], drop: host.CapDrop ?? [] };
  return {
    privileged,
    capabilities: decideCapabilities(request, capabilityNames),
    ...decodeSecurityOptions(host.SecurityOpt ?? []),
    maskedPaths: host.MaskedPaths ?? [],
    readonlyPaths: host.ReadonlyPaths ?? [],
    sysctls: host.Sysctls ?? {},
    rootReadOnly: host.ReadonlyRootfs ?? false,
  };
}

export function restartOf({ RestartPolicy }: HostConfig): ContainerSpecification["restart"] {
  const limit = RestartPolicy?.MaximumRetryCount ?? 0;
  switch (RestartPolicy?.Name) {
    case "always":
    case "unless-stopped":
    case "on-failure":
    case "on-unhealthy":
      return { policy: RestartPolicy.Name, limit };
    default:
      return { policy: "no", limit };
  }
}

function stopSignal(text: string): number {
  if (text === "") return signalNumbers.SIGTERM;
  const number = parseSignal(text);
  if (number !== undefined) return number;
  throw new TiffinError("invalid", "container.stop-signal", `invalid signal: ${text}`);
}

/** Null where nothing is asked for, or asked not to be done. Errors: `container.health` for a kind that nobody can do. */
export function healthOf(
  check: Healthcheck | undefined,
  shell: readonly string[] | undefined,
): HealthSpecification | null {
  const test = decodeHealthTest(check?.Test ?? [], shell);
  if (check === undefined) return null;
  if (test === undefined) {
    // Times without a check do nothing; those that no check could have are a mistake all the same.
    checkHealthTimes(check);
    return null;
  }
  return {
    test,
    intervalNs: check.Interval ?? 0,
    timeoutNs: check.Timeout ?? 0,
    startPeriodNs: check.StartPeriod ?? 0,
    startIntervalNs: check.StartInterval ?? 0,
    retries: check.Retries ?? 0,
  };
}
