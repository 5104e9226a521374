/** The package `tiffin` for programs: an engine, its containers, images, networks and volumes as objects. */
export type { CallOf } from "../client/api-client.ts";
export type { TlsSettings } from "../client/endpoint.ts";
export type { ContainerChange, PathStatus } from "../docker/types/archive.ts";
export type {
  ContainerCreateBody,
  ContainerInspect,
  ContainerSummary,
  ContainerTop,
  ContainerUpdateBody,
} from "../docker/types/container.ts";
export type { ContainerConfig } from "../docker/types/container-config.ts";
export type { DiskUsage } from "../docker/types/disk-usage.ts";
export type { EventMessage } from "../docker/types/event.ts";
export type { TraceResponse } from "../docker/types/explain.ts";
export type { ImageHistoryItem, ImageInspect, ImageSummary } from "../docker/types/image.ts";
export type { NetworkResource } from "../docker/types/network.ts";
export type { EndpointSettings } from "../docker/types/networking.ts";
export type { ProgressMessage } from "../docker/types/progress.ts";
export type { AuthConfig } from "../docker/types/registry.ts";
export type { ContainerStats } from "../docker/types/stats.ts";
export type { InfoResponse, VersionResponse } from "../docker/types/system.ts";
export type { VolumeDocument } from "../docker/types/volume.ts";
export type { WhyResponse } from "../docker/types/why.ts";
export { type ErrorKind, errorKinds, TiffinError } from "../lib/errors.ts";
export type { Attachment } from "./attachment.ts";
export type { AnswerOf, CallableRoute, StreamAnswer } from "./call.ts";
export { type ConnectOptions, connect } from "./connect.ts";
export type {
  AttachOptions,
  CommitOptions,
  Container,
  ExplainOptions,
  OwnContainer,
  Published,
  RemoveOptions,
  StopOptions,
  WaitOptions,
} from "./container.ts";
export type { CommandOptions, ContainerOptions, HealthCheck, HostPort, Mount } from "./container-options.ts";
export type { Readiness } from "./container-ready.ts";
export type { Containers, ListContainersOptions } from "./containers.ts";
export type { Cancellable, Filters } from "./context.ts";
export type { Engine, EventOptions, OneCommandOptions } from "./engine.ts";
export type { BuildContext, Files } from "./files.ts";
export type { Image, RemoveImageOptions } from "./image.ts";
export type { BuildOptions, Images, ImportOptions, ListImagesOptions } from "./images.ts";
export type { Input } from "./input.ts";
export type { LogOptions } from "./logs.ts";
export type { JoinOptions, Network, NetworkOptions, Networks, OwnNetwork } from "./networks.ts";
export type { OutputPiece } from "./output-queue.ts";
export type { Output, OutputLine } from "./output-text.ts";
export type { Process, TerminalSize } from "./process.ts";
export type { Progress } from "./progress.ts";
export type { RegistryOptions } from "./registry-options.ts";
export type { OwnVolume, Volume, VolumeOptions, Volumes } from "./volumes.ts";
