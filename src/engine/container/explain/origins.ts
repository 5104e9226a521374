/**
 * Who asked for a setting of the runtime specification: an option of `run`, a field of the image, or nobody, so that it is the
 * default. Read off the container's specification, compared with what a container has when nothing is asked. Pure.
 */
import { own } from "../../../lib/own.ts";
import type { OciImageDefaults } from "../../../oci/mod.ts";
import type { Origin, OriginOf } from "../../../plan/mod.ts";
import { type ContainerSpecification, plainSpecification } from "../specification/mod.ts";

export interface OriginFacts {
  readonly specification: ContainerSpecification;
  /** Undefined when the image has been removed. */
  readonly image: OciImageDefaults | undefined;
  /** Where the mounts of the runtime specification go, in its order. */
  readonly mountTargets: readonly string[];
}

const byDefault: Origin = { kind: "default" };

function flag(text: string): Origin {
  return { kind: "flag", text };
}

function image(text: string): Origin {
  return { kind: "image", text };
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** What the image says, if it says the same; else the option; nothing is the default. */
function chosen(value: string, ofImage: string | undefined, option: string, field: string): Origin {
  if (value === "") return byDefault;
  return value === (ofImage ?? "") ? image(field) : flag(`${option} ${value}`);
}

type Rule = (facts: OriginFacts, setting: string) => Origin;

function optionIf(isAsked: boolean, text: string): Origin {
  return isAsked ? flag(text) : byDefault;
}

const nanoCpusPerCpu = 1e9;

function cpuLimit({ specification }: OriginFacts): Origin {
  const { nanoCpus, cpuQuotaUs, cpuPeriodUs } = specification.resources;
  if (nanoCpus !== undefined) return flag(`--cpus ${nanoCpus / nanoCpusPerCpu}`);
  if (cpuQuotaUs !== undefined) return flag(`--cpu-quota ${cpuQuotaUs}`);
  return optionIf(cpuPeriodUs !== undefined, `--cpu-period ${cpuPeriodUs}`);
}

function capabilities({ specification }: OriginFacts): Origin {
  const { security } = specification;
  if (security.privileged) return flag("--privileged");
  const usual = plainSpecification.security.capabilities;
  const added = security.capabilities.filter((name) => !usual.includes(name));
  const dropped = usual.filter((name) => !security.capabilities.includes(name));
  const short = (names: readonly string[]): string => names.map((name) => name.replace("CAP_", "")).join(",");
  const options = [
    ...(added.length > 0 ? [`--cap-add ${short(added)}`] : []),
    ...(dropped.length > 0 ? [`--cap-drop ${short(dropped)}`] : []),
  ];
  return optionIf(options.length > 0, options.join(" "));
}

function command({ specification, image: defaults }: OriginFacts): Origin {
  const words = specification.process.arguments;
  const entry = defaults?.Entrypoint ?? [];
  const rest = defaults?.Cmd ?? [];
  if (same(words, [...entry, ...rest])) return image(entry.length > 0 ? "ENTRYPOINT and CMD" : "CMD");
  return flag("the command of run");
}

function namespaces({ specification }: OriginFacts): Origin {
  const { pid, ipc, uts, cgroup, user, time } = specification.namespaces;
  const named = (option: string, value: { readonly kind: string; readonly container?: string }): string[] =>
    value.kind === "private" || value.kind === "shareable"
      ? []
      : [`${option} ${value.container === undefined ? value.kind : `container:${value.container}`}`];
  const options = [
    ...named("--pid", pid),
    ...named("--ipc", ipc),
    ...(uts === "host" ? ["--uts host"] : []),
    ...(cgroup === "host" ? ["--cgroupns host"] : []),
    ...(user === "private" ? ["--userns private"] : []),
    ...(time === null ? [] : ["--annotation tiffin.time-offset"]),
  ];
  return optionIf(options.length > 0, options.join(" "));
}

function network({ specification }: OriginFacts): Origin {
  const wanted = specification.network;
  switch (wanted.kind) {
    case "host":
    case "none":
      return flag(`--network ${wanted.kind}`);
    case "container":
      return flag(`--network container:${wanted.container}`);
    case "networks": {
      const names = wanted.endpoints.map((endpoint) => endpoint.network);
      const [usual] =
        plainSpecification.network.kind === "networks" ? plainSpecification.network.endpoints : [];
      const isUsual = names.length === 1 && names[0] === usual?.network;
      return optionIf(!isUsual, names.map((name) => `--network ${name}`).join(" "));
    }
  }
}

function files({ specification }: OriginFacts): Origin {
  const { resolver, hosts } = specification;
  const options = [
    ...resolver.servers.map((one) => `--dns ${one}`),
    ...resolver.search.map((one) => `--dns-search ${one}`),
    ...resolver.options.map((one) => `--dns-option ${one}`),
    ...hosts.map(({ name, address }) => `--add-host ${name}:${address}`),
  ];
  return optionIf(options.length > 0, options.join(" "));
}

const placeInSetting = /\[(\d+)\]/;

function mount({ specification, image: defaults, mountTargets }: OriginFacts, setting: string): Origin {
  const target = mountTargets[Number(placeInSetting.exec(setting)?.[1] ?? -1)];
  const wanted = specification.mounts.find((one) => one.target === target);
  if (wanted === undefined) {
    const isResized = specification.sharedMemoryBytes !== plainSpecification.sharedMemoryBytes;
    return optionIf(target === "/dev/shm" && isResized, `--shm-size ${specification.sharedMemoryBytes}`);
  }
  if (wanted.kind === "bind")
    return flag(`-v ${wanted.source}:${wanted.target}${wanted.readOnly ? ":ro" : ""}`);
  if (wanted.kind === "tmpfs") return flag(`--tmpfs ${wanted.target}`);
  if (wanted.kind === "volume") {
    const isImages = Object.hasOwn(defaults?.Volumes ?? {}, wanted.target);
    if (isImages && anonymous.test(wanted.volume)) return image(`VOLUME ${wanted.target}`);
    return flag(`-v ${anonymous.test(wanted.volume) ? "" : `${wanted.volume}:`}${wanted.target}`);
  }
  return flag(`--mount target=${target}`);
}

const anonymous = /^[0-9a-f]{64}$/;

function pathList(key: "maskedPaths" | "readonlyPaths"): Rule {
  return ({ specification: { security } }) => {
    if (security.privileged) return flag("--privileged");
    return optionIf(!same(security[key], plainSpecification.security[key]), "--security-opt systempaths");
  };
}

function resource(key: keyof ContainerSpecification["resources"], option: string): Rule {
  return ({ specification }) => {
    const value = specification.resources[key];
    return optionIf(
      value !== undefined,
      `${option} ${typeof value === "object" ? JSON.stringify(value) : value}`,
    );
  };
}

function devices({ specification }: OriginFacts): Origin {
  const { devices: wanted, deviceRules, security } = specification;
  if (security.privileged) return flag("--privileged");
  const options = [
    ...wanted.map(({ hostPath }) => `--device ${hostPath}`),
    ...(deviceRules.length > 0 ? ["--device-cgroup-rule"] : []),
  ];
  return optionIf(options.length > 0, options.join(" "));
}

/** The longest beginning that fits counts. */
const rules: Readonly<Record<string, Rule>> = {
  "process.args": command,
  "process.cwd": ({ specification, image: defaults }) =>
    chosen(specification.process.directory, defaults?.WorkingDir, "-w", "WORKDIR"),
  "process.user.additionalGids": ({ specification: { process } }) =>
    optionIf(process.groups.length > 0, process.groups.map((one) => `--group-add ${one}`).join(" ")),
  "process.user.umask": () => byDefault,
  "process.user": ({ specification, image: defaults }) =>
    chosen(specification.process.user, defaults?.User, "-u", "USER"),
  "process.capabilities": capabilities,
  "process.noNewPrivileges": ({ specification: { security } }) =>
    optionIf(security.noNewPrivileges, "--security-opt no-new-privileges"),
  "process.oomScoreAdj": ({ specification: { process } }) =>
    optionIf(process.oomScoreAdjust !== 0, `--oom-score-adj ${process.oomScoreAdjust}`),
  "process.rlimits": ({ specification: { process } }) =>
    optionIf(
      process.limits.length > 0,
      process.limits.map(({ name, soft, hard }) => `--ulimit ${name}=${soft}:${hard}`).join(" "),
    ),
  "process.terminal": ({ specification: { process } }) => optionIf(process.terminal !== null, "-t"),
  terminal: ({ specification: { process } }) => optionIf(process.terminal !== null, "-t"),
  stdin: ({ specification: { process } }) => optionIf(process.stdin !== "closed", "-i"),
  init: ({ specification: { process } }) => optionIf(process.init, "--init"),
  hostname: ({ specification }) =>
    optionIf(!/^[0-9a-f]{12}$/.test(specification.hostname), `-h ${specification.hostname}`),
  domainname: ({ specification }) =>
    optionIf(specification.domainname !== "", `--domainname ${specification.domainname}`),
  network,
  files,
  mounts: mount,
  root: ({ specification: { security } }) => (security.rootReadOnly ? flag("--read-only") : image("layers")),
  "root.path": () => image("layers"),
  "root.readonly": ({ specification: { security } }) => optionIf(security.rootReadOnly, "--read-only"),
  "linux.namespaces": namespaces,
  "linux.uidMappings": ({ specification: { namespaces: wanted } }) =>
    optionIf(wanted.user === "private", "--userns private"),
  "linux.gidMappings": ({ specification: { namespaces: wanted } }) =>
    optionIf(wanted.user === "private", "--userns private"),
  "linux.cgroupsPath": ({ specification: { resources } }) =>
    optionIf(resources.cgroupParent !== "", `--cgroup-parent ${resources.cgroupParent}`),
  "linux.maskedPaths": pathList("maskedPaths"),
  "linux.readonlyPaths": pathList("readonlyPaths"),
  "linux.seccomp": ({ specification: { security } }) =>
    optionIf(security.seccomp.kind !== "default", `--security-opt seccomp=${security.seccomp.kind}`),
  "linux.sysctl": ({ specification: { security } }, setting) => {
    const name = setting.slice("linux.sysctl[".length, -1);
    const value = Object.hasOwn(security.sysctls, name) ? security.sysctls[name] : undefined;
    return optionIf(value !== undefined, `--sysctl ${name}=${value}`);
  },
  "linux.devices": devices,
  "linux.resources.devices": devices,
  "linux.resources.memory.limit": resource("memoryBytes", "--memory"),
  "linux.resources.memory.reservation": resource("memoryReservationBytes", "--memory-reservation"),
  "linux.resources.memory.swappiness": resource("swappiness", "--memory-swappiness"),
  "linux.resources.memory.swap": ({ specification: { resources } }) =>
    resources.memoryAndSwapBytes === undefined
      ? optionIf(resources.memoryBytes !== undefined, `--memory ${resources.memoryBytes}`)
      : flag(`--memory-swap ${resources.memoryAndSwapBytes}`),
  "linux.resources.memory.disableOOMKiller": ({ specification: { resources } }) =>
    optionIf(resources.oomKillDisabled, "--oom-kill-disable"),
  "linux.resources.cpu.shares": resource("cpuShares", "--cpu-shares"),
  "linux.resources.cpu.quota": cpuLimit,
  "linux.resources.cpu.period": cpuLimit,
  "linux.resources.cpu.realtimeRuntime": resource("cpuRealtimeRuntimeUs", "--cpu-rt-runtime"),
  "linux.resources.cpu.realtimePeriod": resource("cpuRealtimePeriodUs", "--cpu-rt-period"),
  "linux.resources.cpu.cpus": resource("cpus", "--cpuset-cpus"),
  "linux.resources.cpu.mems": resource("memoryNodes", "--cpuset-mems"),
  "linux.resources.pids": resource("pids", "--pids-limit"),
  "linux.resources.blockIO.weight": resource("blockWeight", "--blkio-weight"),
  "linux.resources.blockIO.weightDevice": resource("blockWeights", "--blkio-weight-device"),
  "linux.resources.blockIO.throttleReadBpsDevice": resource("blockReadBytes", "--device-read-bps"),
  "linux.resources.blockIO.throttleWriteBpsDevice": resource("blockWriteBytes", "--device-write-bps"),
  "linux.resources.blockIO.throttleReadIOPSDevice": resource("blockReadOperations", "--device-read-iops"),
  "linux.resources.blockIO.throttleWriteIOPSDevice": resource("blockWriteOperations", "--device-write-iops"),
};

const beginnings = Object.keys(rules).sort((one, other) => other.length - one.length);

export function originsOf(facts: OriginFacts): OriginOf {
  return (setting) => {
    const beginning = beginnings.find(
      (one) => setting === one || (setting.startsWith(one) && /^[.[]/.test(setting.slice(one.length))),
    );
    const rule = beginning === undefined ? undefined : own(rules, beginning);
    return rule === undefined ? byDefault : rule(facts, setting);
  };
}
