/** Containers on the wire: create, list, inspect, wait (Docker's API 1.50). */
import {
  type Decoded,
  type Decoder,
  flag,
  integer,
  list,
  mapOf,
  nullable,
  type ObjectOf,
  object,
  oneOf,
  optional,
  text,
  type WithNulls,
} from "../decode.ts";
import {
  type ContainerConfig,
  containerConfig,
  containerConfigShape,
  healthcheck,
} from "./container-config.ts";
import { type HostConfig, hostConfig, hostConfigShape, mountRequest, resourcesShape } from "./host-config.ts";
import { endpointSettings, networkingConfig, networkSettings } from "./networking.ts";

/** The body of `POST /containers/create`: the fields of `Config` with `HostConfig` and `NetworkingConfig` beside them. */
export const containerCreateBody = object({
  ...containerConfigShape,
  HostConfig: optional(hostConfig),
  NetworkingConfig: optional(networkingConfig),
});
export interface ContainerCreateBody extends Decoded<typeof containerCreateBody> {}

export const containerCreateResponse = object({ Id: text, Warnings: list(text) });
export interface ContainerCreateResponse extends Decoded<typeof containerCreateResponse> {}

export const containerStatusWords = [
  "created",
  "running",
  "paused",
  "restarting",
  "removing",
  "exited",
  "dead",
] as const;
export type ContainerStatusWord = (typeof containerStatusWords)[number];

/** A mount as list and inspect show it. */
export const mountPoint = object({
  Type: optional(text),
  Name: optional(text),
  Source: text,
  Destination: text,
  Driver: optional(text),
  Mode: text,
  RW: flag,
  Propagation: text,
});
export interface MountPoint extends Decoded<typeof mountPoint> {}

export const portSummary = object({
  IP: optional(text),
  PrivatePort: integer,
  PublicPort: optional(integer),
  /** `tcp`, `udp` or `sctp`. */
  Type: text,
});
export interface PortSummary extends Decoded<typeof portSummary> {}

export const containerSummary = object({
  Id: text,
  /** Each with a leading slash. */
  Names: list(text),
  Image: text,
  ImageID: text,
  Command: text,
  /** Unix seconds. */
  Created: integer,
  Ports: list(portSummary),
  SizeRw: optional(integer),
  SizeRootFs: optional(integer),
  Labels: mapOf(text),
  State: oneOf(...containerStatusWords),
  /** For people: `Up 3 minutes`, `Exited (0) 2 hours ago`. */
  Status: text,
  HostConfig: object({ NetworkMode: optional(text), Annotations: optional(mapOf(text)) }),
  NetworkSettings: nullable(object({ Networks: mapOf(endpointSettings) })),
  Mounts: list(mountPoint),
});
export interface ContainerSummary extends Decoded<typeof containerSummary> {}

export const containerHealth = object({
  Status: text,
  FailingStreak: integer,
  Log: list(object({ Start: text, End: text, ExitCode: integer, Output: text })),
});

/** Times are RFC 3339 with nanoseconds; `0001-01-01T00:00:00Z` means never. */
export const containerState = object({
  Status: oneOf(...containerStatusWords),
  /** True while paused and restarting too. */
  Running: flag,
  Paused: flag,
  Restarting: flag,
  OOMKilled: flag,
  Dead: flag,
  Pid: integer,
  ExitCode: integer,
  Error: text,
  StartedAt: text,
  FinishedAt: text,
  Health: optional(containerHealth),
});
export interface ContainerState extends Decoded<typeof containerState> {}

const containerInspectShape = {
  Id: text,
  Created: text,
  Path: text,
  Args: list(text),
  State: containerState,
  /** `sha256:` id of the image. */
  Image: text,
  ResolvConfPath: text,
  HostnamePath: text,
  HostsPath: text,
  LogPath: text,
  /** With a leading slash. */
  Name: text,
  RestartCount: integer,
  Driver: text,
  Platform: text,
  MountLabel: text,
  ProcessLabel: text,
  AppArmorProfile: text,
  ExecIDs: nullable(list(text)),
  HostConfig: hostConfig,
  GraphDriver: object({ Name: text, Data: nullable(mapOf(text)) }),
  /** Bytes; only with `size=1`, as is `SizeRootFs`. */
  SizeRw: optional(integer),
  SizeRootFs: optional(integer),
  Mounts: list(mountPoint),
  Config: containerConfig,
  NetworkSettings: networkSettings,
} as const;

/** As decoded, but Docker also writes null for what is not set in `HostConfig` and `Config`. */
export interface ContainerInspect
  extends Omit<ObjectOf<typeof containerInspectShape>, "HostConfig" | "Config"> {
  readonly HostConfig: WithNulls<HostConfig>;
  readonly Config: WithNulls<ContainerConfig>;
}
export const containerInspect: Decoder<ContainerInspect> = object(containerInspectShape);

export const waitConditions = ["not-running", "next-exit", "removed"] as const;
export type WaitCondition = (typeof waitConditions)[number];

export const containerPruneReport = object({
  ContainersDeleted: nullable(list(text)),
  SpaceReclaimed: integer,
});
export interface ContainerPruneReport extends Decoded<typeof containerPruneReport> {}

export const containerTop = object({
  Titles: list(text),
  /** Fields in the order of the titles. */
  Processes: list(list(text)),
});
export interface ContainerTop extends Decoded<typeof containerTop> {}

/** What is absent, zero or empty stays as it is. */
/** What this engine changes of a container beyond what Docker's can. */
export const liveChanges = object({
  /** Null takes a label away. */
  Labels: optional(mapOf(nullable(text))),
  /** `NAME=value` for later execs and starts; a bare `NAME` takes it away. */
  Env: optional(list(text)),
  /** Instead of the one that there is; `["NONE"]` is none. */
  Healthcheck: optional(healthcheck),
  Mounts: optional(object({ Add: optional(list(mountRequest)), Remove: optional(list(text)) })),
  /** `Add`: by name, as for a create request. `Remove`: names or ids. */
  Networks: optional(
    object({ Add: optional(mapOf(nullable(endpointSettings))), Remove: optional(list(text)) }),
  ),
  /** `Remove`: like `80/tcp`, all that leads there. */
  Ports: optional(object({ Add: hostConfigShape.PortBindings, Remove: optional(list(text)) })),
});
export interface LiveChanges extends Decoded<typeof liveChanges> {}

export const containerUpdateBody = object({
  ...resourcesShape,
  RestartPolicy: hostConfigShape.RestartPolicy,
  Tiffin: optional(liveChanges),
});
export interface ContainerUpdateBody extends Decoded<typeof containerUpdateBody> {}

export const containerUpdateResponse = object({ Warnings: nullable(list(text)) });
export interface ContainerUpdateResponse extends Decoded<typeof containerUpdateResponse> {}

export const waitResponse = object({
  StatusCode: integer,
  Error: optional(object({ Message: text })),
});
export interface WaitResponse extends Decoded<typeof waitResponse> {}
