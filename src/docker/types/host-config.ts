/** `HostConfig` of a container: what belongs to this host and never to an image (Docker's API 1.50). */
import {
  type Decoded,
  type Decoder,
  flag,
  integer,
  integer64,
  integerWithin,
  list,
  mapOf,
  nullable,
  object,
  optional,
  text,
  wrongType,
} from "../decode.ts";

const weightDevice = object({ Path: text, Weight: integer });
const throttleDevice = object({ Path: text, Rate: integer64 });

export const deviceMapping = object({
  PathOnHost: text,
  PathInContainer: optional(text),
  /** A subset of `rwm`. */
  CgroupPermissions: optional(text),
});
export interface DeviceMapping extends Decoded<typeof deviceMapping> {}

export const deviceRequest = object({
  Driver: optional(text),
  Count: optional(integer),
  DeviceIDs: optional(list(text)),
  Capabilities: optional(list(list(text))),
  Options: optional(mapOf(text)),
});
export interface DeviceRequest extends Decoded<typeof deviceRequest> {}

export const ulimit = object({ Name: text, Soft: integer64, Hard: integer64 });
export interface Ulimit extends Decoded<typeof ulimit> {}

export const portBinding = object({ HostIp: optional(text), HostPort: optional(text) });
export interface PortBinding extends Decoded<typeof portBinding> {}
/** Keys are `port/protocol`. */
export const portMap = mapOf(nullable(list(portBinding)));
export type PortMap = Decoded<typeof portMap>;

export const restartPolicy = object({
  /** `no` (or empty), `always`, `unless-stopped`, `on-failure`. */
  Name: optional(text),
  MaximumRetryCount: optional(integer),
});
export interface RestartPolicy extends Decoded<typeof restartPolicy> {}

export const logConfig = object({ Type: optional(text), Config: optional(mapOf(text)) });
export interface LogConfig extends Decoded<typeof logConfig> {}

export const mountRequest = object({
  Target: optional(text),
  Source: optional(text),
  /** `bind`, `volume`, `tmpfs`, `image`, `cluster`, `npipe`. */
  Type: optional(text),
  ReadOnly: optional(flag),
  Consistency: optional(text),
  BindOptions: optional(
    object({
      Propagation: optional(text),
      NonRecursive: optional(flag),
      CreateMountpoint: optional(flag),
      ReadOnlyNonRecursive: optional(flag),
      ReadOnlyForceRecursive: optional(flag),
      /** Not Docker's: owners are shown through the mapping of the container's user namespace. */
      IdMap: optional(flag),
    }),
  ),
  VolumeOptions: optional(
    object({
      NoCopy: optional(flag),
      Labels: optional(mapOf(text)),
      Subpath: optional(text),
      DriverConfig: optional(object({ Name: optional(text), Options: optional(mapOf(text)) })),
    }),
  ),
  ImageOptions: optional(object({ Subpath: optional(text) })),
  TmpfsOptions: optional(
    object({
      SizeBytes: optional(integer64),
      /** Permission bits, as a number. */
      Mode: optional(integer),
      Options: optional(list(list(text))),
    }),
  ),
});
export interface MountRequest extends Decoded<typeof mountRequest> {}

/** `[height, width]` in characters. */
export const consoleSize: Decoder<readonly [number, number]> = (value, path) => {
  const [height, width, ...rest] = list(integerWithin(0, 65_535))(value, path);
  if (height === undefined || width === undefined || rest.length > 0) {
    throw wrongType(path, value, "a list of height and width");
  }
  return [height, width];
};

/** Limits; `docker update` sends these alone. Memory in bytes, CPU times in microseconds. */
export const resourcesShape = {
  CpuShares: optional(integer),
  Memory: optional(integer64),
  /** Thousand-millionths of a CPU. */
  NanoCpus: optional(integer),
  CgroupParent: optional(text),
  BlkioWeight: optional(integerWithin(0, 65_535)),
  BlkioWeightDevice: optional(list(weightDevice)),
  BlkioDeviceReadBps: optional(list(throttleDevice)),
  BlkioDeviceWriteBps: optional(list(throttleDevice)),
  BlkioDeviceReadIOps: optional(list(throttleDevice)),
  BlkioDeviceWriteIOps: optional(list(throttleDevice)),
  CpuPeriod: optional(integer),
  CpuQuota: optional(integer),
  CpuRealtimePeriod: optional(integer),
  CpuRealtimeRuntime: optional(integer),
  CpusetCpus: optional(text),
  CpusetMems: optional(text),
  Devices: optional(list(deviceMapping)),
  DeviceCgroupRules: optional(list(text)),
  DeviceRequests: optional(list(deviceRequest)),
  KernelMemory: optional(integer64),
  KernelMemoryTCP: optional(integer64),
  MemoryReservation: optional(integer64),
  /** Memory and swap together; -1 is unlimited. */
  MemorySwap: optional(integer64),
  MemorySwappiness: optional(integer),
  OomKillDisable: optional(flag),
  /** 0 and below are unlimited. */
  PidsLimit: optional(integer),
  Ulimits: optional(list(ulimit)),
  CpuCount: optional(integer),
  CpuPercent: optional(integer),
  IOMaximumIOps: optional(integer),
  IOMaximumBandwidth: optional(integer),
} as const;

export const hostConfigShape = {
  ...resourcesShape,
  Init: optional(flag),
  /** `source:target[:options]`. */
  Binds: optional(list(text)),
  ContainerIDFile: optional(text),
  LogConfig: optional(logConfig),
  /** `bridge` (or `default`), `host`, `none`, `container:<id>`, or a network's name. */
  NetworkMode: optional(text),
  PortBindings: optional(portMap),
  RestartPolicy: optional(restartPolicy),
  AutoRemove: optional(flag),
  VolumeDriver: optional(text),
  VolumesFrom: optional(list(text)),
  Mounts: optional(list(mountRequest)),
  ConsoleSize: optional(consoleSize),
  Annotations: optional(mapOf(text)),
  CapAdd: optional(list(text)),
  CapDrop: optional(list(text)),
  /** `private` or `host`. */
  CgroupnsMode: optional(text),
  Dns: optional(list(text)),
  DnsOptions: optional(list(text)),
  DnsSearch: optional(list(text)),
  /** `host:address`. */
  ExtraHosts: optional(list(text)),
  GroupAdd: optional(list(text)),
  /** `private`, `shareable`, `none`, `host`, `container:<id>`. */
  IpcMode: optional(text),
  Cgroup: optional(text),
  Links: optional(list(text)),
  OomScoreAdj: optional(integer),
  PidMode: optional(text),
  Privileged: optional(flag),
  PublishAllPorts: optional(flag),
  ReadonlyRootfs: optional(flag),
  SecurityOpt: optional(list(text)),
  StorageOpt: optional(mapOf(text)),
  /** Path to mount options. */
  Tmpfs: optional(mapOf(text)),
  UTSMode: optional(text),
  UsernsMode: optional(text),
  /** Bytes. */
  ShmSize: optional(integer64),
  Sysctls: optional(mapOf(text)),
  Runtime: optional(text),
  Isolation: optional(text),
  MaskedPaths: optional(list(text)),
  ReadonlyPaths: optional(list(text)),
} as const;

export const hostConfig = object(hostConfigShape);
export interface HostConfig extends Decoded<typeof hostConfig> {}
