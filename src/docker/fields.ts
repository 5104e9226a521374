/**
 * What every field that a client may send does: the one list, which validation follows and the reference page is made from.
 * A field of the decoders without a row here, or a row without a field, fails a test. Fields that are in no decoder are
 * ignored, as Docker ignores what it does not know.
 */
import { formatExactJson } from "../lib/exact-json.ts";
import { isZero, valuesAt } from "./field-paths.ts";

/** `done` has an effect that a test looks for. */
export interface DoneField {
  readonly does: "done";
  readonly effect: string;
}
/** Kept and shown by inspect, and nothing more, as in Docker. */
export interface RecordedField {
  readonly does: "recorded";
  readonly why: string;
}
/** Not even shown: Docker fills such fields in itself, or they mean something on Windows alone. */
export interface IgnoredField {
  readonly does: "ignored";
  readonly why: string;
}
/** Creation fails when the field asks for something. */
export interface RefusedField {
  readonly does: "refused";
  /** `invalid`: Docker refuses too. `notImplemented`: Docker can, Tiffin cannot. */
  readonly kind: "invalid" | "notImplemented";
  readonly message: (value: unknown) => string;
  /** Values that ask for what is done anyway. */
  readonly except?: readonly unknown[];
}
/** Creation answers with this warning when the field asks for something. */
export interface WarnedField {
  readonly does: "warned";
  readonly message: (value: unknown) => string;
  readonly except?: readonly unknown[];
}
export type Field = DoneField | RecordedField | IgnoredField | RefusedField | WarnedField;
export type FieldTable = Readonly<Record<string, Field>>;

const done = (effect: string): DoneField => ({ does: "done", effect });
const recorded = (why: string): RecordedField => ({ does: "recorded", why });
const ignored = (why: string): IgnoredField => ({ does: "ignored", why });
const warned = (message: string): WarnedField => ({ does: "warned", message: () => message });

/** What Docker can and this engine cannot. */
function missing(what: string, except: readonly unknown[] = []): RefusedField {
  return { does: "refused", kind: "notImplemented", message: () => `${what} is not supported`, except };
}

function invalid(message: (value: unknown) => string, except: readonly unknown[] = []): RefusedField {
  return { does: "refused", kind: "invalid", message, except };
}

const kernelDecides = "the limit of its cgroup";
const answered = "Docker's answers have it; in a request it means nothing";
const ofHealth = "how its health is asked for";
const windows = "means something on Windows alone";

const configFields = {
  Hostname: done("host name of its UTS namespace, /etc/hostname and /etc/hosts"),
  Domainname: done("NIS domain name and /etc/hosts"),
  User: done("user and group of the process"),
  AttachStdin: done("standard input of an attached start"),
  AttachStdout: done("standard output of an attached start"),
  AttachStderr: done("standard error of an attached start"),
  ExposedPorts: done("ports of PublishAllPorts, shown by list and inspect"),
  Tty: done("a terminal of its own"),
  OpenStdin: done("standard input stays open"),
  StdinOnce: done("standard input closes with its first client"),
  Env: done("environment of the process"),
  Cmd: done("command, or arguments of the entry point"),
  "Healthcheck.Test": done("the check of its health; NONE: none, whatever the image says"),
  "Healthcheck.Interval": done(ofHealth),
  "Healthcheck.Timeout": done(ofHealth),
  "Healthcheck.Retries": done(ofHealth),
  "Healthcheck.StartPeriod": done(ofHealth),
  "Healthcheck.StartInterval": done(ofHealth),
  ArgsEscaped: recorded(windows),
  Image: done("the image"),
  Volumes: done("anonymous volumes"),
  WorkingDir: done("working directory, which is made"),
  Entrypoint: done("entry point"),
  NetworkDisabled: done("a network namespace with loopback alone"),
  MacAddress: done("hardware address of eth0"),
  OnBuild: recorded("for images that are committed from it"),
  Labels: done("labels, which filters find"),
  StopSignal: done("first signal of a stop"),
  StopTimeout: done("seconds until a stop kills"),
  Shell: done("shell of checks of its health, and of images that are committed from it"),
} as const satisfies FieldTable;

const hostConfigFields = {
  CpuShares: done(kernelDecides),
  Memory: done(kernelDecides),
  NanoCpus: done(kernelDecides),
  CgroupParent: done("the group below which the container's is made, in every hierarchy"),
  BlkioWeight: done(kernelDecides),
  "BlkioWeightDevice[].Path": done(kernelDecides),
  "BlkioWeightDevice[].Weight": done(kernelDecides),
  "BlkioDeviceReadBps[].Path": done(kernelDecides),
  "BlkioDeviceReadBps[].Rate": done(kernelDecides),
  "BlkioDeviceWriteBps[].Path": done(kernelDecides),
  "BlkioDeviceWriteBps[].Rate": done(kernelDecides),
  "BlkioDeviceReadIOps[].Path": done(kernelDecides),
  "BlkioDeviceReadIOps[].Rate": done(kernelDecides),
  "BlkioDeviceWriteIOps[].Path": done(kernelDecides),
  "BlkioDeviceWriteIOps[].Rate": done(kernelDecides),
  CpuPeriod: done(kernelDecides),
  CpuQuota: done(kernelDecides),
  CpuRealtimePeriod: done(kernelDecides),
  CpuRealtimeRuntime: done(kernelDecides),
  CpusetCpus: done(kernelDecides),
  CpusetMems: done(kernelDecides),
  "Devices[].PathOnHost": done("a device node, and leave to use it"),
  "Devices[].PathInContainer": done("where the node is"),
  "Devices[].CgroupPermissions": done("what may be done with it"),
  DeviceCgroupRules: done("further rules of its device cgroup"),
  "DeviceRequests[].Driver": done("cdi, or the GPUs of nvidia: a device by the Container Device Interface"),
  "DeviceRequests[].Count": done("how many GPUs; -1: all"),
  "DeviceRequests[].DeviceIDs": done("which devices"),
  "DeviceRequests[].Capabilities[]": done("gpu, where there is no driver"),
  "DeviceRequests[].Options": missing("options of a request for devices"),
  KernelMemory: warned(
    "Kernel memory limits are gone from Docker and from the kernel. Limitation discarded.",
  ),
  KernelMemoryTCP: warned(
    "Limits of the kernel's memory for TCP are not done by this engine. Limitation discarded.",
  ),
  MemoryReservation: done(kernelDecides),
  MemorySwap: done(kernelDecides),
  MemorySwappiness: done(kernelDecides),
  OomKillDisable: done(kernelDecides),
  PidsLimit: done(kernelDecides),
  "Ulimits[].Name": done("a resource limit of the process"),
  "Ulimits[].Soft": done("its soft value"),
  "Ulimits[].Hard": done("its hard value"),
  CpuCount: warned("CpuCount has no effect on Linux. Limitation discarded."),
  CpuPercent: warned("CpuPercent has no effect on Linux. Limitation discarded."),
  IOMaximumIOps: invalid(() => "invalid option: QoS maximum IOPs configuration is not supported on linux"),
  IOMaximumBandwidth: invalid(
    () => "invalid option: QoS maximum bandwidth configuration is not supported on linux",
  ),
  Init: done("a first process that reaps and passes signals on"),
  Binds: done("bind mounts and volumes"),
  ContainerIDFile: recorded("the client writes the file"),
  "LogConfig.Type": done("where its output goes"),
  "LogConfig.Config": done("how much of its output is kept"),
  NetworkMode: done("the network it is in"),
  "PortBindings{}[].HostIp": done("the host's address of a published port"),
  "PortBindings{}[].HostPort": done("the host's port"),
  "RestartPolicy.Name": done("whether its end is followed by a start"),
  "RestartPolicy.MaximumRetryCount": done("how often"),
  AutoRemove: done("removal at its end"),
  VolumeDriver: done("the driver of volumes that it makes"),
  VolumesFrom: done("volumes, binds and images that another container mounts"),
  "Mounts[].Target": done("where the mount is"),
  "Mounts[].Source": done("what is mounted"),
  "Mounts[].Type": done("bind, volume, tmpfs or image"),
  "Mounts[].ReadOnly": done("a mount that cannot be written"),
  "Mounts[].Consistency": recorded("a hint for Docker Desktop"),
  "Mounts[].BindOptions.Propagation": done("propagation of the mount"),
  "Mounts[].BindOptions.NonRecursive": done("a bind without what is mounted below"),
  "Mounts[].BindOptions.CreateMountpoint": done("a missing source is made"),
  "Mounts[].BindOptions.ReadOnlyNonRecursive": done("read-only without what is mounted below"),
  "Mounts[].BindOptions.ReadOnlyForceRecursive": done("read-only with all that is mounted below"),
  "Mounts[].BindOptions.IdMap": done("owners are shown through the mapping of its user namespace"),
  "Mounts[].VolumeOptions.NoCopy": done("a new volume stays empty"),
  "Mounts[].VolumeOptions.Labels": done("labels of a volume that is made"),
  "Mounts[].VolumeOptions.Subpath": done("a part of the volume"),
  "Mounts[].VolumeOptions.DriverConfig.Name": done("the driver of a volume that is made"),
  "Mounts[].VolumeOptions.DriverConfig.Options": done("options of the driver for a volume that is made"),
  "Mounts[].ImageOptions.Subpath": done("a part of the image"),
  "Mounts[].TmpfsOptions.SizeBytes": done("size of the tmpfs"),
  "Mounts[].TmpfsOptions.Mode": done("mode of its root"),
  "Mounts[].TmpfsOptions.Options[]": done("mount options of the tmpfs"),
  ConsoleSize: done("first size of the terminal"),
  Annotations: done("annotations of the runtime specification"),
  CapAdd: done("capabilities of the process"),
  CapDrop: done("capabilities of the process"),
  CgroupnsMode: done("a cgroup namespace, or the host's"),
  Dns: done("/etc/resolv.conf"),
  DnsOptions: done("/etc/resolv.conf"),
  DnsSearch: done("/etc/resolv.conf"),
  ExtraHosts: done("/etc/hosts"),
  GroupAdd: done("supplementary groups"),
  IpcMode: done("its IPC namespace and /dev/shm"),
  Cgroup: missing("joining another container's cgroup"),
  Links: done(
    "names of other containers in /etc/hosts and its environment; in networks of users, names for it alone",
  ),
  OomScoreAdj: done("oom_score_adj of the process"),
  PidMode: done("its PID namespace"),
  Privileged: done("all capabilities and devices"),
  PublishAllPorts: done("every exposed port on a port of the host"),
  ReadonlyRootfs: done("a root that cannot be written"),
  SecurityOpt: done("seccomp profile, no-new-privileges and writable-cgroups; others are refused"),
  StorageOpt: done("how much the container may write to its root"),
  Tmpfs: done("tmpfs mounts"),
  UTSMode: done("its UTS namespace"),
  UsernsMode: done("its user namespace"),
  ShmSize: done("size of /dev/shm"),
  Sysctls: done("kernel parameters of its namespaces"),
  Runtime: done("which OCI runtime makes it"),
  Isolation: invalid((value) => `invalid isolation (${value}): linux only supports 'default'`, ["default"]),
  MaskedPaths: done("paths of /proc and /sys that are hidden"),
  ReadonlyPaths: done("paths of /proc and /sys that cannot be written"),
} as const satisfies FieldTable;

const endpointFields = {
  "IPAMConfig.IPv4Address": done("its IPv4 address"),
  "IPAMConfig.IPv6Address": done("its IPv6 address"),
  "IPAMConfig.LinkLocalIPs": missing("link-local-ip"),
  Links: done("names of other containers in that network for it alone"),
  MacAddress: done("hardware address of the link in that network"),
  Aliases: done("further names in that network, which its name server answers to"),
  DriverOpts: missing("driver-opt of a network"),
  GwPriority: done("which network gives the default route and has the published ports: the highest"),
  NetworkID: ignored(answered),
  EndpointID: ignored(answered),
  Gateway: ignored(answered),
  IPAddress: ignored(answered),
  IPPrefixLen: ignored(answered),
  IPv6Gateway: ignored(answered),
  GlobalIPv6Address: ignored(answered),
  GlobalIPv6PrefixLen: ignored(answered),
  DNSNames: ignored(answered),
} as const satisfies FieldTable;

function below(prefix: string, table: FieldTable): FieldTable {
  return Object.fromEntries(Object.entries(table).map(([path, field]) => [prefix + path, field]));
}

/** `POST /containers/create`. */
export const createFields: FieldTable = {
  ...configFields,
  ...below("HostConfig.", hostConfigFields),
  ...below("NetworkingConfig.EndpointsConfig{}.", endpointFields),
};

/** `POST /networks/{id}/connect`. */
export const connectFields: FieldTable = {
  Container: done("the container that joins"),
  ...below("EndpointConfig.", endpointFields),
};

/** `POST /containers/{name}/exec`. */
export const execFields: FieldTable = {
  User: done("user and group of the process"),
  Privileged: done("all capabilities"),
  Tty: done("a terminal of its own"),
  ConsoleSize: done("first size of the terminal"),
  AttachStdin: done("standard input of an attached start"),
  AttachStdout: done("standard output of an attached start"),
  AttachStderr: done("standard error of an attached start"),
  DetachKeys: done("keys that leave it running"),
  Env: done("environment, over the container's"),
  WorkingDir: done("working directory"),
  Cmd: done("the command"),
};

export interface FieldVerdict {
  readonly path: string;
  readonly kind: "invalid" | "notImplemented";
  readonly message: string;
}

interface WatchedField {
  readonly path: string;
  readonly field: RefusedField | WarnedField;
  readonly values: (document: unknown) => unknown[];
}

function isExcepted({ except = [] }: RefusedField | WarnedField, value: unknown): boolean {
  return except.some((each) => each === value || formatExactJson(each) === formatExactJson(value));
}

/** Looks for what a table refuses or warns of in decoded documents. */
export function fieldJudge(table: FieldTable): (document: unknown) => {
  readonly refusal: FieldVerdict | undefined;
  readonly warnings: readonly string[];
} {
  const watched = Object.entries(table).flatMap(([path, field]): WatchedField[] =>
    field.does === "refused" || field.does === "warned" ? [{ path, field, values: valuesAt(path) }] : [],
  );
  return (document) => {
    const warnings: string[] = [];
    for (const { path, field, values } of watched) {
      for (const value of values(document)) {
        if (isZero(value) || isExcepted(field, value)) continue;
        if (field.does === "warned") {
          const message = field.message(value);
          if (!warnings.includes(message)) warnings.push(message);
        } else {
          return { refusal: { path, kind: field.kind, message: field.message(value) }, warnings };
        }
      }
    }
    return { refusal: undefined, warnings };
  };
}
