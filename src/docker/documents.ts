/**
 * The documents that Docker answers with, field by field in its order: what each is when nothing is set, and whether the
 * document then leaves it out. `completeDocument` writes by it, so that a script finds every field that Docker has.
 */

/** A value that is set to nothing, in Go's types. `list` is `[]` and `nilList` null, in the places where Docker writes so. */
type Plain = "text" | "number" | "flag" | "list" | "nilList" | "map" | "nilMap" | "pointer";
interface Struct {
  readonly struct: DocumentShape;
  /** Null when it is not there. */
  readonly pointer: boolean;
}
interface Many {
  readonly each: DocumentShape;
  readonly zero: "list" | "nilList" | "map" | "nilMap";
}
interface Omitted {
  readonly omitEmpty: Plain | Struct | Many;
}
type FieldShape = Plain | Struct | Many | Omitted;
export interface DocumentShape {
  readonly [name: string]: FieldShape;
}

const struct = (shape: DocumentShape): Struct => ({ struct: shape, pointer: false });
const pointer = (shape: DocumentShape): Struct => ({ struct: shape, pointer: true });
const listOf = (each: DocumentShape): Many => ({ each, zero: "list" });
const mapOf = (each: DocumentShape): Many => ({ each, zero: "map" });
const omit = (omitEmpty: Plain | Struct | Many): Omitted => ({ omitEmpty });

const healthcheck: DocumentShape = {
  Test: omit("nilList"),
  Interval: omit("number"),
  Timeout: omit("number"),
  StartPeriod: omit("number"),
  StartInterval: omit("number"),
  Retries: omit("number"),
};

const containerConfig: DocumentShape = {
  Hostname: "text",
  Domainname: "text",
  User: "text",
  AttachStdin: "flag",
  AttachStdout: "flag",
  AttachStderr: "flag",
  ExposedPorts: omit("nilMap"),
  Tty: "flag",
  OpenStdin: "flag",
  StdinOnce: "flag",
  Env: "list",
  Cmd: "nilList",
  Healthcheck: omit(pointer(healthcheck)),
  ArgsEscaped: omit("flag"),
  Image: "text",
  Volumes: "nilMap",
  WorkingDir: "text",
  Entrypoint: "nilList",
  NetworkDisabled: omit("flag"),
  MacAddress: omit("text"),
  OnBuild: "nilList",
  Labels: "map",
  StopSignal: omit("text"),
  StopTimeout: omit("pointer"),
  Shell: omit("nilList"),
};

const mountRequest: DocumentShape = {
  Type: omit("text"),
  Source: omit("text"),
  Target: omit("text"),
  ReadOnly: omit("flag"),
  Consistency: omit("text"),
  BindOptions: omit("pointer"),
  VolumeOptions: omit("pointer"),
  ImageOptions: omit("pointer"),
  TmpfsOptions: omit("pointer"),
};

const hostConfig: DocumentShape = {
  Binds: "nilList",
  ContainerIDFile: "text",
  LogConfig: struct({ Type: "text", Config: "map" }),
  NetworkMode: "text",
  PortBindings: "map",
  RestartPolicy: struct({ Name: "text", MaximumRetryCount: "number" }),
  AutoRemove: "flag",
  VolumeDriver: "text",
  VolumesFrom: "nilList",
  ConsoleSize: "list",
  Annotations: omit("nilMap"),
  CapAdd: "nilList",
  CapDrop: "nilList",
  CgroupnsMode: "text",
  Dns: "list",
  DnsOptions: "list",
  DnsSearch: "list",
  ExtraHosts: "nilList",
  GroupAdd: "nilList",
  IpcMode: "text",
  Cgroup: "text",
  Links: "nilList",
  OomScoreAdj: "number",
  PidMode: "text",
  Privileged: "flag",
  PublishAllPorts: "flag",
  ReadonlyRootfs: "flag",
  SecurityOpt: "nilList",
  StorageOpt: omit("nilMap"),
  Tmpfs: omit("nilMap"),
  UTSMode: "text",
  UsernsMode: "text",
  ShmSize: "number",
  Sysctls: omit("nilMap"),
  Runtime: omit("text"),
  Isolation: "text",
  CpuShares: "number",
  Memory: "number",
  NanoCpus: "number",
  CgroupParent: "text",
  BlkioWeight: "number",
  BlkioWeightDevice: "list",
  BlkioDeviceReadBps: "list",
  BlkioDeviceWriteBps: "list",
  BlkioDeviceReadIOps: "list",
  BlkioDeviceWriteIOps: "list",
  CpuPeriod: "number",
  CpuQuota: "number",
  CpuRealtimePeriod: "number",
  CpuRealtimeRuntime: "number",
  CpusetCpus: "text",
  CpusetMems: "text",
  Devices: "list",
  DeviceCgroupRules: "nilList",
  DeviceRequests: "nilList",
  KernelMemory: omit("number"),
  KernelMemoryTCP: omit("number"),
  MemoryReservation: "number",
  MemorySwap: "number",
  MemorySwappiness: "pointer",
  OomKillDisable: "flag",
  PidsLimit: "pointer",
  Ulimits: "list",
  CpuCount: "number",
  CpuPercent: "number",
  IOMaximumIOps: "number",
  IOMaximumBandwidth: "number",
  Mounts: omit({ each: mountRequest, zero: "nilList" }),
  MaskedPaths: "nilList",
  ReadonlyPaths: "nilList",
  Init: omit("pointer"),
};

const health: DocumentShape = { Status: "text", FailingStreak: "number", Log: "nilList" };

const containerState: DocumentShape = {
  Status: "text",
  Running: "flag",
  Paused: "flag",
  Restarting: "flag",
  OOMKilled: "flag",
  Dead: "flag",
  Pid: "number",
  ExitCode: "number",
  Error: "text",
  StartedAt: "text",
  FinishedAt: "text",
  Health: omit(pointer(health)),
};

const endpointSettings: DocumentShape = {
  IPAMConfig: "pointer",
  Links: "nilList",
  Aliases: "nilList",
  MacAddress: "text",
  DriverOpts: "nilMap",
  GwPriority: "number",
  NetworkID: "text",
  EndpointID: "text",
  Gateway: "text",
  IPAddress: "text",
  IPPrefixLen: "number",
  IPv6Gateway: "text",
  GlobalIPv6Address: "text",
  GlobalIPv6PrefixLen: "number",
  DNSNames: "nilList",
};

const mountPoint: DocumentShape = {
  Type: omit("text"),
  Name: omit("text"),
  Source: "text",
  Destination: "text",
  Driver: omit("text"),
  Mode: "text",
  RW: "flag",
  Propagation: "text",
};

const networkSettings: DocumentShape = {
  Bridge: "text",
  SandboxID: "text",
  SandboxKey: "text",
  Ports: "map",
  HairpinMode: "flag",
  LinkLocalIPv6Address: "text",
  LinkLocalIPv6PrefixLen: "number",
  SecondaryIPAddresses: "nilList",
  SecondaryIPv6Addresses: "nilList",
  EndpointID: "text",
  Gateway: "text",
  GlobalIPv6Address: "text",
  GlobalIPv6PrefixLen: "number",
  IPAddress: "text",
  IPPrefixLen: "number",
  IPv6Gateway: "text",
  MacAddress: "text",
  Networks: mapOf(endpointSettings),
};

/** `GET /containers/{name}/json`. */
export const containerDocument: DocumentShape = {
  Id: "text",
  Created: "text",
  Path: "text",
  Args: "list",
  State: struct(containerState),
  Image: "text",
  ResolvConfPath: "text",
  HostnamePath: "text",
  HostsPath: "text",
  LogPath: "text",
  Name: "text",
  RestartCount: "number",
  Driver: "text",
  Platform: "text",
  MountLabel: "text",
  ProcessLabel: "text",
  AppArmorProfile: "text",
  ExecIDs: "nilList",
  HostConfig: struct(hostConfig),
  GraphDriver: struct({ Data: "nilMap", Name: "text" }),
  SizeRw: omit("pointer"),
  SizeRootFs: omit("pointer"),
  Mounts: listOf(mountPoint),
  Config: struct(containerConfig),
  NetworkSettings: struct(networkSettings),
};

const imageConfig: DocumentShape = {
  User: "text",
  ExposedPorts: omit("nilMap"),
  Env: "nilList",
  Cmd: "nilList",
  Healthcheck: omit(pointer(healthcheck)),
  ArgsEscaped: omit("flag"),
  Volumes: "nilMap",
  WorkingDir: "text",
  Entrypoint: "nilList",
  OnBuild: "nilList",
  Labels: "nilMap",
  StopSignal: omit("text"),
  Shell: omit("nilList"),
};

/** `GET /images/{name}/json`. */
export const imageDocument: DocumentShape = {
  Id: "text",
  RepoTags: "list",
  RepoDigests: "list",
  Parent: "text",
  Comment: "text",
  Created: omit("text"),
  DockerVersion: "text",
  Author: "text",
  Config: pointer(imageConfig),
  Architecture: "text",
  Variant: omit("text"),
  Os: "text",
  OsVersion: omit("text"),
  Size: "number",
  GraphDriver: struct({ Data: "nilMap", Name: "text" }),
  RootFS: struct({ Type: omit("text"), Layers: omit("nilList") }),
  Metadata: struct({ LastTagTime: omit("text") }),
};

/** `GET /volumes/{name}`. */
export const volumeShape: DocumentShape = {
  CreatedAt: omit("text"),
  Driver: "text",
  Labels: "nilMap",
  Mountpoint: "text",
  Name: "text",
  Options: "nilMap",
  Scope: "text",
};

/** `GET /networks/{id}`. */
export const networkDocument: DocumentShape = {
  Name: "text",
  Id: "text",
  Created: "text",
  Scope: "text",
  Driver: "text",
  EnableIPv4: "flag",
  EnableIPv6: "flag",
  IPAM: struct({
    Driver: "text",
    Options: "nilMap",
    Config: {
      each: {
        Subnet: omit("text"),
        IPRange: omit("text"),
        Gateway: omit("text"),
        AuxiliaryAddresses: omit("nilMap"),
      },
      zero: "list",
    },
  }),
  Internal: "flag",
  Attachable: "flag",
  Ingress: "flag",
  ConfigFrom: struct({ Network: "text" }),
  ConfigOnly: "flag",
  Containers: mapOf({
    Name: "text",
    EndpointID: "text",
    MacAddress: "text",
    IPv4Address: "text",
    IPv6Address: "text",
  }),
  Options: "map",
  Labels: "map",
};

/** `GET /exec/{id}/json`. */
export const execDocument: DocumentShape = {
  ID: "text",
  Running: "flag",
  ExitCode: "pointer",
  ProcessConfig: pointer({
    tty: "flag",
    entrypoint: "text",
    arguments: "list",
    privileged: omit("pointer"),
    user: omit("text"),
  }),
  OpenStdin: "flag",
  OpenStderr: "flag",
  OpenStdout: "flag",
  CanRemove: "flag",
  ContainerID: "text",
  DetachKeys: "text",
  Pid: "number",
};

function ownField(fields: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(fields, name)?.value;
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function zeroOf(shape: Plain | Struct | Many): unknown {
  if (typeof shape !== "string") {
    if ("each" in shape) return zeroOf(shape.zero);
    return shape.pointer ? null : complete(shape.struct, {});
  }
  switch (shape) {
    case "text":
      return "";
    case "number":
      return 0;
    case "flag":
      return false;
    case "list":
      return [];
    case "map":
      return {};
    case "nilList":
    case "nilMap":
    case "pointer":
      return null;
  }
}

/** Go leaves out zero numbers, false, "", nil and what is empty; a pointer only when it is nil. */
function isEmpty(shape: Plain | Struct | Many, value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (shape === "pointer" || (typeof shape !== "string" && "struct" in shape)) return false;
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === "object") return Object.keys(value).length === 0;
  return value === "" || value === 0 || value === 0n || value === false;
}

function completeField(shape: Plain | Struct | Many, value: unknown): unknown {
  if (value === undefined || value === null) return zeroOf(shape);
  if (typeof shape === "string") return value;
  if ("struct" in shape) return isFields(value) ? complete(shape.struct, value) : value;
  const each = (item: unknown): unknown => (isFields(item) ? complete(shape.each, item) : item);
  if (Array.isArray(value)) return value.map(each);
  return isFields(value)
    ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, each(item)]))
    : value;
}

function complete(shape: DocumentShape, fields: object): Record<string, unknown> {
  const entries: [string, unknown][] = [];
  for (const [name, field] of Object.entries(shape)) {
    const value = ownField(fields, name);
    if (typeof field === "object" && "omitEmpty" in field) {
      if (!isEmpty(field.omitEmpty, value)) entries.push([name, completeField(field.omitEmpty, value)]);
    } else entries.push([name, completeField(field, value)]);
  }
  for (const [name, value] of Object.entries(fields)) {
    if (!Object.hasOwn(shape, name) && value !== undefined) entries.push([name, value]);
  }
  return Object.fromEntries(entries);
}

/** `document` with every field that Docker's has, in Docker's order; what the shape does not name follows. */
export function completeDocument<T extends object>(shape: DocumentShape, document: T): T {
  // Only fields that T lets be absent or null are filled in or left out.
  return complete(shape, document) as T;
}
