/** The engine about itself: version and info (Docker's API 1.50). */
import {
  anything,
  type Decoded,
  flag,
  integer,
  list,
  mapOf,
  nullable,
  object,
  optional,
  text,
} from "../decode.ts";

/** A plugin that the engine manages, as `GET /plugins` has it. */
export const pluginDocument = object({ Id: text, Name: text, Enabled: flag });

export const versionResponse = object({
  Platform: optional(object({ Name: text })),
  Components: optional(list(object({ Name: text, Version: text, Details: optional(mapOf(text)) }))),
  Version: text,
  ApiVersion: text,
  MinAPIVersion: optional(text),
  GitCommit: text,
  GoVersion: text,
  Os: text,
  Arch: text,
  KernelVersion: optional(text),
  Experimental: optional(flag),
  BuildTime: optional(text),
});
export interface VersionResponse extends Decoded<typeof versionResponse> {}

const commit = object({ ID: text });
const runtimeEntry = object({
  path: optional(text),
  runtimeArgs: optional(list(text)),
  status: optional(nullable(mapOf(text))),
});
const swarm = object({
  NodeID: text,
  NodeAddr: text,
  LocalNodeState: text,
  ControlAvailable: flag,
  Error: text,
  RemoteManagers: nullable(list(anything)),
});
const registryIndex = object({ Name: text, Mirrors: list(text), Secure: flag, Official: flag });

export const infoResponse = object({
  ID: text,
  Containers: integer,
  ContainersRunning: integer,
  ContainersPaused: integer,
  ContainersStopped: integer,
  Images: integer,
  Driver: text,
  DriverStatus: list(list(text)),
  Plugins: object({
    Volume: list(text),
    Network: list(text),
    Authorization: nullable(list(text)),
    Log: list(text),
  }),
  MemoryLimit: flag,
  SwapLimit: flag,
  CpuCfsPeriod: flag,
  CpuCfsQuota: flag,
  CPUShares: flag,
  CPUSet: flag,
  PidsLimit: flag,
  IPv4Forwarding: flag,
  Debug: flag,
  NFd: integer,
  OomKillDisable: flag,
  NGoroutines: integer,
  SystemTime: text,
  LoggingDriver: text,
  /** `cgroupfs` or `systemd`. */
  CgroupDriver: text,
  /** `1` or `2`. */
  CgroupVersion: text,
  NEventsListener: integer,
  KernelVersion: text,
  OperatingSystem: text,
  OSVersion: text,
  OSType: text,
  Architecture: text,
  IndexServerAddress: text,
  RegistryConfig: nullable(
    object({
      InsecureRegistryCIDRs: list(text),
      IndexConfigs: mapOf(registryIndex),
      Mirrors: nullable(list(text)),
    }),
  ),
  NCPU: integer,
  /** Bytes. */
  MemTotal: integer,
  GenericResources: nullable(list(anything)),
  DockerRootDir: text,
  HttpProxy: text,
  HttpsProxy: text,
  NoProxy: text,
  /** Host name. */
  Name: text,
  Labels: list(text),
  ExperimentalBuild: flag,
  ServerVersion: text,
  Runtimes: mapOf(runtimeEntry),
  DefaultRuntime: text,
  Swarm: swarm,
  LiveRestoreEnabled: flag,
  Isolation: text,
  InitBinary: text,
  ContainerdCommit: commit,
  RuncCommit: commit,
  InitCommit: commit,
  /** `name=seccomp,profile=builtin` and the like. */
  SecurityOptions: list(text),
  FirewallBackend: optional(object({ Driver: text, Info: optional(list(list(text))) })),
  CDISpecDirs: optional(list(text)),
  Warnings: nullable(list(text)),
});
export interface InfoResponse extends Decoded<typeof infoResponse> {}
