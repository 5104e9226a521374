/**
 * A specification as Docker's documents, for `inspect` of a container that no document of Docker's made. What Docker has
 * no word for is left out. Pure.
 */
import type { Healthcheck } from "../../../docker/types/container-config.ts";
import type { HostConfig, PortBinding } from "../../../docker/types/host-config.ts";
import { capabilityNames } from "../../../linux/capabilities.ts";
import { signalNumbers } from "../../../linux/signals.ts";
import { ownRuntime } from "../../config.ts";
import type {
  ContainerSpecification,
  HealthSpecification,
  MountSpec,
  ResourceLimits,
} from "../specification/mod.ts";
import { decideCapabilities } from "./capability-set.ts";
import type { DockerDocuments } from "./documents.ts";
import { encodeHealthTest } from "./health-test.ts";
import { networkMode } from "./network-mode.ts";

export function documentsOf(specification: ContainerSpecification): DockerDocuments {
  const { process, namespaces, network, security, stop, exposed, health } = specification;
  const ports = network.kind === "networks" ? network.ports : [];
  const bindings = new Map<string, PortBinding[]>();
  for (const { containerPort, protocol, hostAddress = "", hostPort, hostPortEnd } of ports) {
    const text = hostPort === 0 ? "" : `${hostPort}${hostPortEnd === undefined ? "" : `-${hostPortEnd}`}`;
    const key = `${containerPort}/${protocol}`;
    bindings.set(key, [...(bindings.get(key) ?? []), { HostIp: hostAddress, HostPort: text }]);
  }
  // Of a privileged container nothing is said, which is not the same as an empty list.
  const isShown = (paths: readonly string[]): boolean => !security.privileged || paths.length > 0;
  return {
    config: {
      Hostname: specification.hostname,
      Domainname: specification.domainname,
      User: process.user,
      ExposedPorts: Object.fromEntries(exposed.map(({ port, protocol }) => [`${port}/${protocol}`, {}])),
      Tty: process.terminal !== null,
      OpenStdin: process.stdin !== "closed",
      StdinOnce: process.stdin === "once",
      Env: process.environment,
      Cmd: process.arguments,
      WorkingDir: process.directory,
      Labels: specification.labels,
      ...((stop.chosen === true || stop.signal !== signalNumbers.SIGTERM) && {
        StopSignal: signalText(stop.signal),
      }),
      StopTimeout: stop.graceSeconds,
      ...(health !== null && { Healthcheck: healthcheckOf(health) }),
    },
    host: {
      ...resourcesOf(specification.resources),
      Annotations: specification.annotations,
      AutoRemove: specification.removeWhenEnded,
      ...capabilitiesOf(security.capabilities),
      CgroupnsMode: namespaces.cgroup,
      DeviceCgroupRules: specification.deviceRules.map(
        ({ type, major, minor, access }) => `${type} ${major ?? "*"}:${minor ?? "*"} ${access}`,
      ),
      Devices: specification.devices.map(({ hostPath, path, access }) => ({
        PathOnHost: hostPath,
        PathInContainer: path,
        CgroupPermissions: access,
      })),
      ...(specification.cdiDevices !== undefined && {
        DeviceRequests: [{ Driver: "cdi", DeviceIDs: specification.cdiDevices }],
      }),
      Dns: specification.resolver.servers,
      DnsOptions: specification.resolver.options,
      DnsSearch: specification.resolver.search,
      ExtraHosts: specification.hosts.map(({ name, address }) => `${name}:${address}`),
      GroupAdd: process.groups,
      Init: process.init,
      IpcMode: modeOf(namespaces.ipc),
      LogConfig: logConfigOf(specification),
      ...(isShown(security.maskedPaths) && { MaskedPaths: security.maskedPaths }),
      Mounts: specification.mounts.map(mountOf),
      NetworkMode: networkMode(network),
      OomScoreAdj: process.oomScoreAdjust,
      PidMode: namespaces.pid.kind === "private" ? "" : modeOf(namespaces.pid),
      PortBindings: Object.fromEntries(bindings),
      Privileged: security.privileged,
      ...(isShown(security.readonlyPaths) && { ReadonlyPaths: security.readonlyPaths }),
      ReadonlyRootfs: security.rootReadOnly,
      RestartPolicy: {
        Name: specification.restart.policy,
        MaximumRetryCount: specification.restart.limit,
      },
      Runtime: specification.runtime ?? ownRuntime,
      SecurityOpt: securityOptions(specification),
      ShmSize: specification.sharedMemoryBytes,
      ...(specification.storageBytes !== undefined && {
        StorageOpt: { size: String(specification.storageBytes) },
      }),
      Sysctls: security.sysctls,
      UTSMode: namespaces.uts === "host" ? "host" : "",
      Ulimits: process.limits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
      UsernsMode: namespaces.user === "private" ? "private" : "",
    },
  };
}

function modeOf(namespace: ContainerSpecification["namespaces"]["ipc"]): string {
  return namespace.kind === "container" ? `container:${namespace.container}` : namespace.kind;
}

function signalText(signal: number): string {
  return Object.entries(signalNumbers).find(([, number]) => number === signal)?.[0] ?? String(signal);
}

/** What is added to the default set and what is taken from it. */
function capabilitiesOf(wanted: readonly string[]): Pick<HostConfig, "CapAdd" | "CapDrop"> {
  const ordinary = decideCapabilities({ privileged: false, add: [], drop: [] }, capabilityNames);
  return {
    CapAdd: wanted.filter((name) => !ordinary.includes(name)),
    CapDrop: ordinary.filter((name) => !wanted.includes(name)),
  };
}

function securityOptions({ namespaces, security }: ContainerSpecification): string[] {
  const { noNewPrivileges, privileged, seccomp } = security;
  const options = noNewPrivileges ? ["no-new-privileges"] : [];
  if (security.writableCgroups === true) options.push("writable-cgroups=true");
  if (seccomp.kind === "unconfined") options.push("seccomp=unconfined");
  if (seccomp.kind === "profile") options.push(`seccomp=${seccomp.profile}`);
  // Docker adds it to what could not do its work under a label of its own.
  if (privileged || namespaces.ipc.kind === "host" || namespaces.pid.kind === "host")
    options.push("label=disable");
  return options;
}

function logConfigOf({ log }: ContainerSpecification): NonNullable<HostConfig["LogConfig"]> {
  if (log.kind === "none") return { Type: "none", Config: {} };
  if (log.delivery !== undefined) return { Type: log.delivery.driver, Config: log.delivery.options };
  const { labels, labelsPattern, environment, environmentPattern, tag } = log.details;
  return {
    Type: "json-file",
    Config: {
      "max-file": String(log.files),
      "max-size": String(log.fileBytes),
      ...(labels.length > 0 && { labels: labels.join(",") }),
      ...(labelsPattern !== undefined && { "labels-regex": labelsPattern }),
      ...(environment.length > 0 && { env: environment.join(",") }),
      ...(environmentPattern !== undefined && { "env-regex": environmentPattern }),
      ...(tag !== "" && { tag }),
    },
  };
}

function mountOf(mount: MountSpec): NonNullable<HostConfig["Mounts"]>[number] {
  const { kind: Type, target: Target } = mount;
  switch (mount.kind) {
    case "bind":
      return {
        Type,
        Target,
        Source: mount.source,
        ReadOnly: mount.readOnly,
        BindOptions: {
          Propagation: mount.propagation,
          NonRecursive: !mount.recursive,
          CreateMountpoint: mount.createSource,
          ReadOnlyNonRecursive: mount.writableBelow ?? false,
          ...(mount.idMapped === true && { IdMap: true }),
        },
      };
    case "volume":
      return {
        Type,
        Target,
        Source: mount.volume,
        ReadOnly: mount.readOnly,
        VolumeOptions: {
          NoCopy: !mount.copy,
          ...(mount.subpath !== undefined && { Subpath: mount.subpath }),
          ...(mount.labels !== undefined && { Labels: mount.labels }),
          ...((mount.driver !== undefined || mount.driverOptions !== undefined) && {
            DriverConfig: { Name: mount.driver ?? "", Options: mount.driverOptions ?? {} },
          }),
        },
      };
    case "image":
      return {
        Type,
        Target,
        Source: mount.image,
        ...(mount.subpath !== undefined && { ImageOptions: { Subpath: mount.subpath } }),
      };
    case "tmpfs":
      return { Type, Target, ReadOnly: mount.options.includes("ro") };
  }
}

function resourcesOf(resources: ResourceLimits): HostConfig {
  const rates = (list: ResourceLimits["blockReadBytes"]): { Path: string; Rate: number | bigint }[] =>
    list.map(({ path, rate }) => ({ Path: path, Rate: rate }));
  return {
    CgroupParent: resources.cgroupParent,
    Memory: resources.memoryBytes,
    MemoryReservation: resources.memoryReservationBytes,
    MemorySwap: resources.memoryAndSwapBytes,
    MemorySwappiness: resources.swappiness,
    OomKillDisable: resources.oomKillDisabled,
    CpuShares: resources.cpuShares,
    NanoCpus: resources.nanoCpus,
    CpuPeriod: resources.cpuPeriodUs,
    CpuQuota: resources.cpuQuotaUs,
    CpuRealtimePeriod: resources.cpuRealtimePeriodUs,
    CpuRealtimeRuntime: resources.cpuRealtimeRuntimeUs,
    CpusetCpus: resources.cpus,
    CpusetMems: resources.memoryNodes,
    PidsLimit: resources.pids,
    BlkioWeight: resources.blockWeight,
    BlkioWeightDevice: resources.blockWeights.map(({ path, weight }) => ({ Path: path, Weight: weight })),
    BlkioDeviceReadBps: rates(resources.blockReadBytes),
    BlkioDeviceWriteBps: rates(resources.blockWriteBytes),
    BlkioDeviceReadIOps: rates(resources.blockReadOperations),
    BlkioDeviceWriteIOps: rates(resources.blockWriteOperations),
  };
}

function healthcheckOf(health: HealthSpecification): Healthcheck {
  return {
    Test: encodeHealthTest(health.test),
    Interval: health.intervalNs,
    Timeout: health.timeoutNs,
    StartPeriod: health.startPeriodNs,
    StartInterval: health.startIntervalNs,
    Retries: health.retries,
  };
}
