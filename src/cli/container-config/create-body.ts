/**
 * From parsed options to the body of a create request. What was not given is left out: the engine's defaults are
 * the engine's business, and a small body is quicker to send. Throws `Error` with Docker's wording.
 */

import type { ContainerCreateBody } from "../../docker/types/container.ts";
import type { ContainerConfig } from "../../docker/types/container-config.ts";
import type { HostConfig } from "../../docker/types/host-config.ts";
import type { Values } from "../flags/flag.ts";
import type { containerFlags } from "./container-flags.ts";
import { environmentEntries, keyValueMap, labelMap, unreadable } from "./environment.ts";
import { parseDevice, parseRestartPolicy, parseUlimit } from "./limit-specs.ts";
import { parseMount, tmpfsMap, volumeSpecs } from "./mount-specs.ts";
import { networkChoice } from "./network-specs.ts";
import { portMaps } from "./port-specs.ts";

const pullPolicies = ["always", "missing", "never"];

export type ContainerFlagValues = Values<typeof containerFlags>;

/** What the options are read against. */
export interface CreateSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readFile(path: string): Uint8Array;
}

export interface CreateParts {
  readonly given: ReadonlySet<string>;
  readonly values: ContainerFlagValues;
  readonly image: string;
  /** What follows the image. */
  readonly command: readonly string[];
  /** Nobody attaches: `run -d`. */
  readonly detached: boolean;
  /** `[rows, columns]` of the terminal that the output goes to. */
  readonly consoleSize: readonly [number, number] | undefined;
}

function filled<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

function filledMap<T>(map: Readonly<Record<string, T>>): Readonly<Record<string, T>> | undefined {
  return Object.keys(map).length === 0 ? undefined : map;
}

function set(text: string): string | undefined {
  return text === "" ? undefined : text;
}

function sortedOnce(list: readonly string[]): readonly string[] {
  return [...new Set(list)].sort();
}

function yes(value: boolean): true | undefined {
  return value ? true : undefined;
}

/** Which streams the client will hold. Docker: the named ones, else output always and input with `-i`. */
export function attachedStreams(
  values: Pick<ContainerFlagValues, "attach" | "interactive">,
  detached: boolean,
): { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean } {
  const named = new Set(values.attach);
  if (detached) return { stdin: false, stdout: false, stderr: false };
  if (named.size === 0) return { stdin: values.interactive, stdout: true, stderr: true };
  return {
    stdin: named.has("stdin") || values.interactive,
    stdout: named.has("stdout"),
    stderr: named.has("stderr"),
  };
}

function healthcheckOf(values: ContainerFlagValues): ContainerConfig["Healthcheck"] {
  const durations = {
    Interval: values["health-interval"],
    Timeout: values["health-timeout"],
    StartPeriod: values["health-start-period"],
    StartInterval: values["health-start-interval"],
  };
  const retries = values["health-retries"];
  const command = values["health-cmd"];
  const any =
    command !== "" || retries !== undefined || Object.values(durations).some((one) => one !== undefined);
  if (values["no-healthcheck"]) {
    if (any) throw new Error("--no-healthcheck conflicts with --health-* options");
    return { Test: ["NONE"] };
  }
  if (!any) return undefined;
  for (const [name, value] of Object.entries({ ...durations, Retries: retries })) {
    if (value !== undefined && value < 0) {
      const option = name.replace(/([a-z])([A-Z])/g, "$1-$2").toLowerCase();
      throw new Error(`--health-${option} cannot be negative`);
    }
  }
  return { Test: command === "" ? undefined : ["CMD-SHELL", command], ...durations, Retries: retries };
}

function configOf(parts: CreateParts, surroundings: CreateSurroundings): ContainerConfig {
  const { values, given } = parts;
  const streams = attachedStreams(values, parts.detached);
  const { env, readFile } = surroundings;
  return {
    Image: parts.image,
    Cmd: filled(parts.command),
    Entrypoint: given.has("entrypoint") ? [values.entrypoint] : undefined,
    Hostname: set(values.hostname),
    Domainname: set(values.domainname),
    User: set(values.user),
    WorkingDir: set(values.workdir),
    Env: filled(environmentEntries(values["env-file"], values.env, env, readFile)),
    Labels: filledMap(labelMap(values["label-file"], values.label, env, readFile)),
    AttachStdin: yes(streams.stdin),
    AttachStdout: yes(streams.stdout),
    AttachStderr: yes(streams.stderr),
    Tty: yes(values.tty),
    OpenStdin: yes(values.interactive),
    StdinOnce: yes(values.interactive && streams.stdin),
    StopSignal: set(values["stop-signal"]),
    StopTimeout: values["stop-timeout"],
    Healthcheck: healthcheckOf(values),
  };
}

function resourcesOf(values: ContainerFlagValues): HostConfig {
  const swappiness = values["memory-swappiness"];
  if (swappiness !== undefined && (swappiness < -1 || swappiness > 100)) {
    throw new Error(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`);
  }
  const ulimits = new Map(values.ulimit.map(parseUlimit).map((limit) => [limit.Name, limit]));
  return {
    Memory: values.memory,
    MemorySwap: values["memory-swap"],
    MemoryReservation: values["memory-reservation"],
    MemorySwappiness: swappiness,
    NanoCpus: values.cpus === 0 ? undefined : values.cpus,
    CpuShares: values["cpu-shares"],
    CpuPeriod: values["cpu-period"],
    CpuQuota: values["cpu-quota"],
    CpuRealtimePeriod: values["cpu-rt-period"],
    CpuRealtimeRuntime: values["cpu-rt-runtime"],
    CpusetCpus: set(values["cpuset-cpus"]),
    CpusetMems: set(values["cpuset-mems"]),
    PidsLimit: values["pids-limit"],
    OomKillDisable: yes(values["oom-kill-disable"]),
    BlkioWeight: values["blkio-weight"],
    BlkioWeightDevice: filled(values["blkio-weight-device"]),
    BlkioDeviceReadBps: filled(values["device-read-bps"]),
    BlkioDeviceWriteBps: filled(values["device-write-bps"]),
    BlkioDeviceReadIOps: filled(values["device-read-iops"]),
    BlkioDeviceWriteIOps: filled(values["device-write-iops"]),
    Devices: filled(values.device.map(parseDevice)),
    DeviceCgroupRules: filled(values["device-cgroup-rule"]),
    DeviceRequests: filled(values.gpus),
    Ulimits: filled([...ulimits.values()].sort((a, b) => (a.Name < b.Name ? -1 : 1))),
    CgroupParent: set(values["cgroup-parent"]),
  };
}

function namespacesOf(values: ContainerFlagValues): HostConfig {
  const wanted = (value: string, option: string, pattern: RegExp): string | undefined => {
    const kind = option.toUpperCase().replace(/(?<=.)NS$/, "");
    if (!pattern.test(value)) throw new Error(`--${option}: invalid ${kind} mode`);
    return set(value);
  };
  return {
    PidMode: wanted(values.pid, "pid", /^(?:|host|container:.+)$/),
    UTSMode: wanted(values.uts, "uts", /^(?:|host)$/),
    UsernsMode: wanted(values.userns, "userns", /^(?:|host|private|auto)$/),
    CgroupnsMode: wanted(values.cgroupns, "cgroupns", /^(?:|host|private)$/),
    IpcMode: set(values.ipc),
  };
}

/** The whole body. */
export function createBody(parts: CreateParts, surroundings: CreateSurroundings): ContainerCreateBody {
  const { values } = parts;
  if (values.rm && !["", "no"].includes(values.restart)) {
    throw new Error("conflicting options: cannot specify both --restart and --rm");
  }
  if (!pullPolicies.includes(values.pull)) {
    throw new Error(`invalid pull option: '${values.pull}': must be one of "always", "missing" or "never"`);
  }
  if (values["mac-address"] !== "" && !/^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(values["mac-address"])) {
    throw new Error(`${values["mac-address"]} is not a valid mac address`);
  }
  if (values["storage-opt"].some((option) => !option.includes("=")))
    throw new Error("invalid storage option");
  const volumes = volumeSpecs(values.volume, surroundings.cwd);
  const ports = portMaps(values.publish, values.expose);
  const network = networkChoice([...values.net, ...values.network], {
    aliases: [...values["net-alias"], ...values["network-alias"]],
    ip: values.ip,
    ip6: values.ip6,
    mac: values["mac-address"],
    linkLocalIps: values["link-local-ip"],
  });
  const restart = parseRestartPolicy(values.restart);
  const logOptions = filledMap(keyValueMap(values["log-opt"]));
  const logDriver = set(values["log-driver"]);
  if (values["log-driver"] === "none" && logOptions !== undefined) {
    throw new Error(`invalid logging opts for driver ${values["log-driver"]}`);
  }
  const hostConfig: HostConfig = {
    ...resourcesOf(values),
    ...namespacesOf(values),
    Binds: filled(volumes.binds),
    Mounts: filled(values.mount.map((text) => parseMount(text, surroundings.cwd))),
    Tmpfs: filledMap(tmpfsMap(values.tmpfs)),
    VolumesFrom: filled(values["volumes-from"]),
    VolumeDriver: set(values["volume-driver"]),
    PortBindings: filledMap(ports.bindings),
    PublishAllPorts: yes(values["publish-all"]),
    NetworkMode: network.mode,
    RestartPolicy: restart.Name === undefined || restart.Name === "no" ? undefined : restart,
    AutoRemove: yes(values.rm),
    Privileged: yes(values.privileged),
    ReadonlyRootfs: yes(values["read-only"]),
    Init: parts.given.has("init") ? values.init : undefined,
    CapAdd: filled(sortedOnce(values["cap-add"])),
    CapDrop: filled(sortedOnce(values["cap-drop"])),
    SecurityOpt: filled(securityOptions(values["security-opt"], surroundings)),
    GroupAdd: filled(values["group-add"]),
    Dns: filled(values.dns),
    DnsOptions: filled([...values["dns-opt"], ...values["dns-option"]]),
    DnsSearch: filled(values["dns-search"]),
    ExtraHosts: filled(values["add-host"]),
    Links: filled(values.link),
    OomScoreAdj: values["oom-score-adj"],
    ShmSize: values["shm-size"],
    Sysctls: filledMap(keyValueMap(values.sysctl)),
    StorageOpt: filledMap(keyValueMap(values["storage-opt"])),
    Runtime: set(values.runtime),
    Isolation: set(values.isolation),
    Annotations: filledMap(keyValueMap(values.annotation)),
    LogConfig:
      logDriver === undefined && logOptions === undefined
        ? undefined
        : { Type: logDriver ?? "", Config: logOptions },
    ConsoleSize: parts.consoleSize,
  };
  const endpoints = filledMap(network.endpoints);
  return {
    ...configOf(parts, surroundings),
    Volumes: filledMap(volumes.anonymous),
    ExposedPorts: filledMap(ports.exposed),
    HostConfig: hostConfig,
    NetworkingConfig: endpoints === undefined ? undefined : { EndpointsConfig: endpoints },
  };
}

/** A seccomp profile is sent as its contents: the engine may not see the client's files. */
function securityOptions(options: readonly string[], surroundings: CreateSurroundings): string[] {
  return options.map((option) => {
    const path = /^seccomp[=:](.+)$/.exec(option)?.[1];
    if (path === undefined || path === "unconfined" || path === "builtin") return option;
    let profile: unknown;
    try {
      profile = JSON.parse(new TextDecoder().decode(surroundings.readFile(path)));
    } catch (cause) {
      throw new Error(`opening seccomp profile (${path}) failed: ${unreadable(path, cause)}`);
    }
    return `seccomp=${JSON.stringify(profile)}`;
  });
}
