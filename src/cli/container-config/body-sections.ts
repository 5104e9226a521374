/**
 * The sections of a create request, each with the options it is made from. A section whose options were all left out is
 * not even looked at: most containers give few, and a start is short. Each throws `Error` with Docker's wording.
 */

import { isCdiName } from "../../docker/cdi-name.ts";
import type { ContainerConfig } from "../../docker/types/container-config.ts";
import type { HostConfig } from "../../docker/types/host-config.ts";
import type { NetworkingConfig } from "../../docker/types/networking.ts";
import { messageOf } from "../../lib/errors.ts";
import { parseStrictJson } from "../../lib/strict-json.ts";
import { textOfWritten } from "../../lib/written-file.ts";
import type { Values } from "../flags/flag.ts";
import type { containerFlags } from "./container-flags.ts";
import { environmentEntries, keyValueMap, labelMap, unreadable } from "./environment.ts";
import { cdiRequests, parseDevice, parseRestartPolicy, parseUlimit } from "./limit-specs.ts";
import { parseMount, tmpfsMap, volumeSpecs } from "./mount-specs.ts";
import { networkChoice } from "./network-specs.ts";
import { portMaps } from "./port-specs.ts";

export type ContainerFlagValues = Values<typeof containerFlags>;

/** What the options are read against. */
export interface CreateSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readFile(path: string): Uint8Array;
}

export interface SectionResult {
  readonly config?: ContainerConfig;
  readonly host?: HostConfig;
  readonly networking?: NetworkingConfig;
}

export interface Section {
  readonly options: readonly (keyof ContainerFlagValues)[];
  build(values: ContainerFlagValues, surroundings: CreateSurroundings): SectionResult;
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

function yes(value: boolean): true | undefined {
  return value ? true : undefined;
}

function sortedOnce(list: readonly string[]): readonly string[] | undefined {
  return filled([...new Set(list)].sort());
}

const identity: Section = {
  options: [
    "hostname",
    "domainname",
    "user",
    "workdir",
    "env",
    "env-file",
    "label",
    "label-file",
    "stop-signal",
    "stop-timeout",
  ],
  build(values, { env, readFile }) {
    return {
      config: {
        Hostname: set(values.hostname),
        Domainname: set(values.domainname),
        User: set(values.user),
        WorkingDir: set(values.workdir),
        Env: filled(environmentEntries(values["env-file"], values.env, env, readFile)),
        Labels: filledMap(labelMap(values["label-file"], values.label, env, readFile)),
        StopSignal: set(values["stop-signal"]),
        StopTimeout: values["stop-timeout"],
      },
    };
  },
};

type HealthOption = Extract<keyof ContainerFlagValues, `health-${string}` | "no-healthcheck">;

/** For `update` too. */
export const health = {
  options: [
    "health-cmd",
    "health-grpc",
    "health-http",
    "health-interval",
    "health-retries",
    "health-start-interval",
    "health-start-period",
    "health-tcp",
    "health-timeout",
    "no-healthcheck",
  ],
  build(values: Pick<ContainerFlagValues, HealthOption>): SectionResult {
    const durations = {
      Interval: values["health-interval"],
      Timeout: values["health-timeout"],
      StartPeriod: values["health-start-period"],
      StartInterval: values["health-start-interval"],
    };
    const numbers = { ...durations, Retries: values["health-retries"] };
    const tests = [
      ["CMD-SHELL", values["health-cmd"]],
      ["HTTP", values["health-http"]],
      ["GRPC", values["health-grpc"]],
      ["TCP", values["health-tcp"]],
    ].filter(([, asked]) => asked !== "");
    if (tests.length > 1)
      throw new Error("--health-cmd, --health-http, --health-tcp and --health-grpc exclude each other");
    const [test] = tests;
    if (values["no-healthcheck"]) {
      if (test !== undefined || Object.values(numbers).some((one) => one !== undefined)) {
        throw new Error("--no-healthcheck conflicts with --health-* options");
      }
      return { config: { Healthcheck: { Test: ["NONE"] } } };
    }
    for (const [name, value] of Object.entries(numbers)) {
      if (value === undefined || value >= 0) continue;
      const option = name.replace(/([a-z])([A-Z])/g, "$1-$2").toLowerCase();
      throw new Error(`--health-${option} cannot be negative`);
    }
    return { config: { Healthcheck: { Test: test, ...numbers } } };
  },
} as const satisfies Section;

const limits: Section = {
  options: [
    "blkio-weight",
    "blkio-weight-device",
    "cgroup-parent",
    "cpu-period",
    "cpu-quota",
    "cpu-rt-period",
    "cpu-rt-runtime",
    "cpu-shares",
    "cpus",
    "cpuset-cpus",
    "cpuset-mems",
    "device",
    "device-cgroup-rule",
    "device-read-bps",
    "device-read-iops",
    "device-write-bps",
    "device-write-iops",
    "gpus",
    "kernel-memory",
    "memory",
    "memory-reservation",
    "memory-swap",
    "memory-swappiness",
    "oom-kill-disable",
    "oom-score-adj",
    "pids-limit",
    "shm-size",
    "ulimit",
  ],
  build(values) {
    const swappiness = values["memory-swappiness"];
    if (swappiness !== undefined && (swappiness < -1 || swappiness > 100)) {
      throw new Error(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`);
    }
    const ulimits = new Map(values.ulimit.map(parseUlimit).map((limit) => [limit.Name, limit]));
    return {
      host: {
        Memory: values.memory,
        KernelMemory: values["kernel-memory"],
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
        OomScoreAdj: values["oom-score-adj"],
        BlkioWeight: values["blkio-weight"],
        BlkioWeightDevice: filled(values["blkio-weight-device"]),
        BlkioDeviceReadBps: filled(values["device-read-bps"]),
        BlkioDeviceWriteBps: filled(values["device-write-bps"]),
        BlkioDeviceReadIOps: filled(values["device-read-iops"]),
        BlkioDeviceWriteIOps: filled(values["device-write-iops"]),
        Devices: filled(values.device.filter((word) => !isCdiName(word)).map(parseDevice)),
        DeviceCgroupRules: filled(values["device-cgroup-rule"]),
        DeviceRequests: filled([...values.gpus, ...cdiRequests(values.device)]),
        Ulimits: filled([...ulimits.values()].sort((a, b) => (a.Name < b.Name ? -1 : 1))),
        CgroupParent: set(values["cgroup-parent"]),
        ShmSize: values["shm-size"],
      },
    };
  },
};

function modeOf(value: string, option: string, pattern: RegExp): string | undefined {
  const kind = option.toUpperCase().replace(/(?<=.)NS$/, "");
  if (!pattern.test(value)) throw new Error(`--${option}: invalid ${kind} mode`);
  return set(value);
}

const namespaces: Section = {
  options: ["cgroupns", "ipc", "pid", "userns", "uts"],
  build: (values) => ({
    host: {
      PidMode: modeOf(values.pid, "pid", /^(?:|host|container:.+)$/),
      UTSMode: modeOf(values.uts, "uts", /^(?:|host)$/),
      UsernsMode: modeOf(values.userns, "userns", /^(?:|host|private|auto)$/),
      CgroupnsMode: modeOf(values.cgroupns, "cgroupns", /^(?:|host|private)$/),
      IpcMode: set(values.ipc),
    },
  }),
};

const mounts: Section = {
  options: ["mount", "tmpfs", "volume", "volume-driver", "volumes-from"],
  build(values, { cwd }) {
    const volumes = volumeSpecs(values.volume, cwd);
    return {
      config: { Volumes: filledMap(volumes.anonymous) },
      host: {
        Binds: filled(volumes.binds),
        Mounts: filled(values.mount.map((text) => parseMount(text, cwd))),
        Tmpfs: filledMap(tmpfsMap(values.tmpfs)),
        VolumesFrom: filled(values["volumes-from"]),
        VolumeDriver: set(values["volume-driver"]),
      },
    };
  },
};

const ports: Section = {
  options: ["expose", "publish", "publish-all"],
  build(values) {
    const maps = portMaps(values.publish, values.expose);
    return {
      config: { ExposedPorts: filledMap(maps.exposed) },
      host: { PortBindings: filledMap(maps.bindings), PublishAllPorts: yes(values["publish-all"]) },
    };
  },
};

const network: Section = {
  options: [
    "add-host",
    "dns",
    "dns-opt",
    "dns-option",
    "dns-search",
    "ip",
    "ip6",
    "link",
    "link-local-ip",
    "mac-address",
    "net",
    "net-alias",
    "network",
    "network-alias",
  ],
  build(values) {
    const mac = values["mac-address"];
    if (mac !== "" && !/^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(mac)) {
      throw new Error(`${mac} is not a valid mac address`);
    }
    const choice = networkChoice([...values.net, ...values.network], {
      aliases: [...values["net-alias"], ...values["network-alias"]],
      ip: values.ip,
      ip6: values.ip6,
      mac,
      linkLocalIps: values["link-local-ip"],
    });
    const endpoints = filledMap(choice.endpoints);
    return {
      host: {
        NetworkMode: choice.mode,
        Dns: filled(values.dns),
        DnsOptions: filled([...values["dns-opt"], ...values["dns-option"]]),
        DnsSearch: filled(values["dns-search"]),
        ExtraHosts: filled(values["add-host"]),
        Links: filled(values.link),
      },
      ...(endpoints === undefined ? {} : { networking: { EndpointsConfig: endpoints } }),
    };
  },
};

/** A seccomp profile is sent as its contents: the engine may not see the client's files. */
function securityOption(option: string, readFile: CreateSurroundings["readFile"]): string {
  const path = /^seccomp[=:](.+)$/.exec(option)?.[1];
  if (path === undefined || path === "unconfined" || path === "builtin") return option;
  let bytes: Uint8Array;
  try {
    bytes = readFile(path);
  } catch (thrown) {
    throw new Error(`opening seccomp profile (${path}) failed: ${unreadable(path, thrown)}`);
  }
  try {
    const profile = parseStrictJson(textOfWritten(bytes));
    return `seccomp=${JSON.stringify(profile)}`;
  } catch (thrown) {
    throw new Error(`compacting json for seccomp profile (${path}) failed: ${messageOf(thrown)}`);
  }
}

const plainPaths = "systempaths=unconfined";

/** The engine's part of the list: of the system's paths it hears otherwise. */
function securityOptions(options: readonly string[], readFile: CreateSurroundings["readFile"]): string[] {
  return options.flatMap((option) => {
    if (option === plainPaths) return [];
    if (!/[=:]/.test(option) && option !== "no-new-privileges")
      throw new Error(`Invalid --security-opt: ${JSON.stringify(option)}`);
    return securityOption(option, readFile);
  });
}

const security: Section = {
  options: ["cap-add", "cap-drop", "group-add", "privileged", "read-only", "security-opt", "sysctl"],
  build: (values, { readFile }) => ({
    host: {
      CapAdd: sortedOnce(values["cap-add"]),
      CapDrop: sortedOnce(values["cap-drop"]),
      GroupAdd: filled(values["group-add"]),
      Privileged: yes(values.privileged),
      ReadonlyRootfs: yes(values["read-only"]),
      SecurityOpt: filled(securityOptions(values["security-opt"], readFile)),
      ...(values["security-opt"].includes(plainPaths) && { MaskedPaths: [], ReadonlyPaths: [] }),
      Sysctls: filledMap(keyValueMap(values.sysctl)),
    },
  }),
};

const life: Section = {
  options: ["annotation", "isolation", "log-driver", "log-opt", "restart", "runtime", "storage-opt"],
  build(values) {
    if (values.rm && !["", "no"].includes(values.restart)) {
      throw new Error("conflicting options: cannot specify both --restart and --rm");
    }
    if (values["storage-opt"].some((option) => !option.includes("=")))
      throw new Error("invalid storage option");
    const restart = parseRestartPolicy(values.restart);
    const logOptions = filledMap(keyValueMap(values["log-opt"]));
    const logDriver = set(values["log-driver"]);
    if (logDriver === "none" && logOptions !== undefined) {
      throw new Error(`invalid logging opts for driver ${logDriver}`);
    }
    const logsGiven = logDriver !== undefined || logOptions !== undefined;
    return {
      host: {
        RestartPolicy: restart.Name === undefined || restart.Name === "no" ? undefined : restart,
        LogConfig: logsGiven ? { Type: logDriver ?? "", Config: logOptions } : undefined,
        Runtime: set(values.runtime),
        Isolation: set(values.isolation),
        StorageOpt: filledMap(keyValueMap(values["storage-opt"])),
        Annotations: filledMap(keyValueMap(values.annotation)),
      },
    };
  },
};

/** In the order in which mistakes are reported. */
export const bodySections: readonly Section[] = [
  life,
  mounts,
  ports,
  limits,
  namespaces,
  identity,
  health,
  network,
  security,
];
