/**
 * What the API needs from an engine, and no more. The engine satisfies these shapes without knowing this folder; the
 * layer that wires them together proves the fit. Every method rejects with a `TiffinError`; its kind becomes the
 * HTTP status, its message goes to the client as it is.
 *
 * `name` arguments are what a client wrote: a full id, a unique prefix of one, or a name with or without slash.
 */

import type { ContainerChange, PathStatus } from "../docker/types/archive.ts";
import type { BuildExtras, BuildPruneReport, NamedDirectories, Ulimit } from "../docker/types/build.ts";
import type {
  ContainerCreateBody,
  ContainerCreateResponse,
  ContainerInspect,
  ContainerPruneReport,
  ContainerSummary,
  ContainerTop,
  ContainerUpdateBody,
  ContainerUpdateResponse,
  WaitCondition,
  WaitResponse,
} from "../docker/types/container.ts";
import type { ContainerConfig } from "../docker/types/container-config.ts";
import type { DiskUsage } from "../docker/types/disk-usage.ts";
import type { EventMessage } from "../docker/types/event.ts";
import type { ExecCreateBody, ExecCreateResponse, ExecInspect } from "../docker/types/exec.ts";
import type {
  ExplainDifferenceBody,
  ExplainLanguage,
  ExplainResponse,
  ExplainWishes,
  TraceResponse,
} from "../docker/types/explain.ts";
import type {
  ImageCheckItem,
  ImageDeleteItem,
  ImageHistoryItem,
  ImageInspect,
  ImagePruneReport,
  ImageSummary,
} from "../docker/types/image.ts";
import type {
  NetworkConnectBody,
  NetworkCreateBody,
  NetworkCreateResponse,
  NetworkDisconnectBody,
  NetworkPruneReport,
  NetworkResource,
} from "../docker/types/network.ts";
import type { ProgressMessage } from "../docker/types/progress.ts";
import type {
  AuthConfig,
  AuthResponse,
  DistributionInspect,
  ManifestListBody,
  ManifestListPushed,
  RegistryManifests,
  SearchResult,
} from "../docker/types/registry.ts";
import type { RunBody, RunExited } from "../docker/types/run.ts";
import type { ContainerStats } from "../docker/types/stats.ts";
import type { InfoResponse, VersionResponse } from "../docker/types/system.ts";
import type {
  VolumeCreateBody,
  VolumeDocument,
  VolumeList,
  VolumePruneReport,
} from "../docker/types/volume.ts";
import type { WhyResponse } from "../docker/types/why.ts";
import type { ByteDuplex } from "../lib/byte-duplex.ts";

/** Docker's `filters`: each key with the values any of which satisfies it. */
export type Filters = Readonly<Record<string, readonly string[]>>;

export interface CreateRequest {
  readonly name?: string | undefined;
  /** `os/arch[/variant]` */
  readonly platform?: string | undefined;
  readonly body: ContainerCreateBody;
}

export interface ContainerListRequest {
  /** Stopped ones too. */
  readonly all: boolean;
  /** The newest so many, whatever their state; undefined is no limit. */
  readonly limit?: number | undefined;
  /** Fill in `SizeRw` and `SizeRootFs`. */
  readonly size: boolean;
  readonly filters: Filters;
}

export interface StopRequest {
  /** Name or number in text; undefined is the container's own stop signal. */
  readonly signal?: string | undefined;
  /** Seconds until SIGKILL; negative waits for ever; undefined is the container's own. */
  readonly timeoutSeconds?: number | undefined;
}

export interface AttachRequest {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** First everything that was written so far. */
  readonly logs: boolean;
  /** Then what comes; false with `logs` ends after the past. */
  readonly stream: boolean;
}

/**
 * A process's standard streams. Reading gives raw bytes when `tty`, otherwise frames with Docker's 8-byte header.
 * Writing is stdin, `end()` closes stdin. `destroy()` leaves (detaches) without touching the process. The stream's own
 * `end` comes after the last output byte.
 */
export interface AttachedStream {
  readonly tty: boolean;
  readonly stream: ByteDuplex;
  /** The detach sequence of an exec, from its create body; absent is Docker's default. */
  readonly detachKeys?: string | undefined;
}

export interface LogRequest {
  readonly follow: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Nanoseconds since 1970; undefined is no bound. */
  readonly sinceNs?: bigint | undefined;
  readonly untilNs?: bigint | undefined;
  /** The last so many lines; undefined is all. */
  readonly tail?: number | undefined;
}

export interface LogEntry {
  readonly stream: "stdout" | "stderr";
  /** Nanoseconds since 1970. */
  readonly timeNs: bigint;
  /** With its newline if it had one. */
  readonly bytes: Uint8Array;
  /** A piece of this line was given before. */
  readonly continues: boolean;
  /** The engine's own words, about output that is missing. */
  readonly note: boolean;
}

export interface LogReader {
  readonly tty: boolean;
  /** What `details` puts before each line: `KEY=VALUE,...` as the log's options ask for. */
  readonly details: string;
  /** Batches in order; ends at the end of the past, or with `follow` when the container has ended. */
  readonly batches: AsyncIterable<readonly LogEntry[]>;
}

/** Characters. */
export interface Size {
  readonly height: number;
  readonly width: number;
}

/** A started process together with the client that asked for it. */
export interface RunSession extends AttachedStream {
  /** Of the container, or of the exec. */
  readonly id: string;
  readonly warnings: readonly string[];
  /** Where the time of the start went, where that was asked for. */
  readonly trace?: TraceResponse | undefined;
  /**
   * Settles when the process has ended and, where asked for, the container is gone. Never rejects. The client is told
   * when `stream` has ended too; a session that nobody attached to has a stream that ends at once.
   */
  readonly exited: Promise<RunExited>;
  resize(size: Size): Promise<void>;
  /** Name or number in text. */
  signal(signal: string): Promise<void>;
}

export interface PutArchiveRequest {
  readonly path: string;
  /** Never replace a directory by something else, or the reverse. */
  readonly keepTypes: boolean;
  /** What is unpacked belongs to the container's user instead of to whom the archive says. */
  readonly ownedByUser: boolean;
}

export interface CommitRequest {
  /** Empty: the image gets no name. It may name a tag itself, which the tag beside it overrules. */
  readonly repository: string;
  readonly tag: string | undefined;
  readonly comment: string;
  readonly author: string;
  /** A running container is stopped where it is while its files are read. */
  readonly pause: boolean;
  /** Lines of a Dockerfile. */
  readonly changes: readonly string[];
  /** What the client says instead of the container's configuration. */
  readonly config: ContainerConfig | undefined;
}

/** What changes a container, or waits for a change. */
export interface ContainerLifeBackend {
  /** `notFound` for the image, `conflict` for the name. */
  create(request: CreateRequest): Promise<ContainerCreateResponse>;
  /** `notModified` when it runs already. */
  start(name: string): Promise<void>;
  /** The same, and where the time of it went. Errors: `notModified` when it runs. */
  startTimed(name: string, language: ExplainLanguage): Promise<TraceResponse>;
  /** `notModified` when it does not run. Resolves when it has ended. */
  stop(name: string, request: StopRequest): Promise<void>;
  /** Stops it as `stop` does when it runs, then starts it. */
  restart(name: string, request: StopRequest): Promise<void>;
  /** `conflict` when it does not run or is paused already. */
  pause(name: string): Promise<void>;
  /** `conflict` when it is not paused. */
  unpause(name: string): Promise<void>;
  /** Its processes as the host's ps(1) shows them with these arguments; empty is `-ef`. */
  top(name: string, psArguments: string): Promise<ContainerTop>;
  /** `conflict` when it does not run. Undefined is SIGKILL. */
  kill(name: string, signal: string | undefined): Promise<void>;
  /**
   * Resolves as soon as the wait is registered (so an exit after that is not missed); `exit` when the condition holds.
   * `abort` ends the wait: `exit` then rejects with kind `cancelled`.
   */
  wait(
    name: string,
    condition: WaitCondition,
    abort: AbortSignal,
  ): Promise<{ readonly exit: Promise<WaitResponse> }>;
  /** Remembered for the start when it does not run yet. */
  resize(name: string, size: Size): Promise<void>;
  rename(name: string, newName: string): Promise<void>;
  /** Changes limits and restart policy, all of it or nothing; `conflict` for what does not go together. */
  update(name: string, body: ContainerUpdateBody): Promise<ContainerUpdateResponse>;
  /** Those that do not run. `conflict` while another prune is under way; `abort` leaves the rest. */
  prune(filters: Filters, abort: AbortSignal): Promise<ContainerPruneReport>;
  /** `conflict` when it runs and `force` is false. */
  remove(
    name: string,
    options: { readonly force: boolean; readonly volumes: boolean; readonly link: boolean },
  ): Promise<void>;
}

export interface StatsRequest {
  /** One document every second, until the container is removed; else one. */
  readonly stream: boolean;
  /** The one document at once, without an earlier moment to compare with. */
  readonly oneShot: boolean;
}

/** What tells about containers. */
export interface ContainerViewBackend {
  /** What it uses; zeros as long as it does not run. `abort` ends it. */
  stats(name: string, request: StatsRequest, abort: AbortSignal): Promise<AsyncIterable<ContainerStats>>;
  list(request: ContainerListRequest): Promise<readonly ContainerSummary[]>;
  inspect(name: string, options: { readonly size: boolean }): Promise<ContainerInspect>;
  /** The plan that a start of the container performs, as it would be decided now. */
  explain(name: string, wishes: ExplainWishes): Promise<ExplainResponse>;
  /** Of a container that is not made. Errors are those of a creation, and of a start while it decides. */
  explainRun(body: ContainerCreateBody, wishes: ExplainWishes): Promise<ExplainResponse>;
  /** What the first start does and the second does not, and the reverse. */
  explainDifference(body: ExplainDifferenceBody, wishes: ExplainWishes): Promise<ExplainResponse>;
  /** What a removal would do now. */
  explainRemoval(
    name: string,
    options: { readonly force: boolean; readonly volumes: boolean },
    wishes: ExplainWishes,
  ): Promise<ExplainResponse>;
  /** Errors: `conflict` when the last start was not measured. */
  trace(name: string, language: ExplainLanguage): Promise<TraceResponse>;
}

/** What connects a client with the output of a container, and its input. */
export interface ContainerStreamBackend {
  attach(name: string, request: AttachRequest): Promise<AttachedStream>;
  /** `abort` ends `batches` quietly. */
  logs(name: string, request: LogRequest, abort: AbortSignal): Promise<LogReader>;
  /**
   * Create, attach as the body's Attach* fields say, and start, as one step. A failure undoes all of it; its
   * `exitCode` is what the client's process should end with. Resolves when the process runs.
   */
  run(request: RunBody): Promise<RunSession>;
}

/** What copies the files of a container and tells what became of them. */
export interface ContainerFilesBackend {
  /** What stands at `path`; `notFound` when nothing does. */
  statPath(name: string, path: string): Promise<PathStatus>;
  /** What stands at `path` and below, as tar. */
  getArchive(
    name: string,
    path: string,
  ): Promise<{ readonly status: PathStatus; readonly bytes: AsyncIterable<Uint8Array> }>;
  /** Unpacks tar, plain or compressed, into a directory that exists. */
  putArchive(name: string, request: PutArchiveRequest, body: AsyncIterable<Uint8Array>): Promise<void>;
  /** The root without what is mounted in it, as tar. */
  export(name: string): Promise<AsyncIterable<Uint8Array>>;
  /** What is other than in the image, in order of paths. */
  changes(name: string): Promise<readonly ContainerChange[]>;
  /** Makes an image of what it is; returns the image's id. */
  commit(name: string, request: CommitRequest): Promise<string>;
}

/** Containers, in all roles. */
export interface ContainerBackend
  extends ContainerLifeBackend,
    ContainerViewBackend,
    ContainerStreamBackend,
    ContainerFilesBackend {}

export interface ExecBackend {
  /** `conflict` when the container does not run or is paused. */
  create(container: string, body: ExecCreateBody): Promise<ExecCreateResponse>;
  /** Starts it attached as its create body says. `conflict` when started before. */
  start(id: string, options: { readonly consoleSize?: Size | undefined }): Promise<AttachedStream>;
  /** Starts it with nobody attached. */
  startDetached(id: string, options: { readonly consoleSize?: Size | undefined }): Promise<void>;
  resize(id: string, size: Size): Promise<void>;
  inspect(id: string): Promise<ExecInspect>;
  /** What an exec would do now; none is made. */
  explain(container: string, body: ExecCreateBody, wishes: ExplainWishes): Promise<ExplainResponse>;
  /** Create and start in one step. */
  run(container: string, body: ExecCreateBody): Promise<RunSession>;
}

export interface ImageListRequest {
  readonly all: boolean;
  readonly digests: boolean;
  readonly sharedSize: boolean;
  readonly filters: Filters;
}

export interface ImageBackend {
  list(request: ImageListRequest): Promise<readonly ImageSummary[]>;
  inspect(name: string, request?: PlatformRequest): Promise<ImageInspect>;
  /** Newest first. */
  history(name: string, request?: PlatformRequest): Promise<readonly ImageHistoryItem[]>;
  /** The layers of these images, of all where there are no names, compared with what was written. */
  check(names: readonly string[]): Promise<readonly ImageCheckItem[]>;
  /** The repository may name a tag itself, which the tag beside it overrules. */
  tag(
    name: string,
    options: { readonly repository: string; readonly tag: string | undefined },
  ): Promise<void>;
  /** `conflict` when containers or other images need it. */
  remove(
    name: string,
    options: {
      readonly force: boolean;
      readonly keepParents: boolean;
      /** What the image must be for. */
      readonly platforms?: readonly string[];
    },
  ): Promise<readonly ImageDeleteItem[]>;
  prune(filters: Filters): Promise<ImagePruneReport>;
  /** The images of an archive, of Docker's or in an OCI layout, compressed or not. */
  load(
    request: { readonly quiet: boolean; readonly platform: string | undefined },
    body: AsyncIterable<Uint8Array>,
    report: (message: ProgressMessage) => void,
  ): Promise<void>;
  /** An image that a registry has; `tag` is a tag or a digest, and overrules the name's own. Neither means every tag. */
  pull(
    request: RegistryRequest,
    report: (message: ProgressMessage) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** To a registry; without a tag every tag of the repository. */
  push(
    request: RegistryRequest,
    report: (message: ProgressMessage) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** `unauthorized` when the registry does not let the user in. */
  logIn(auth: AuthConfig, signal: AbortSignal): Promise<AuthResponse>;
  search(
    request: {
      readonly term: string;
      readonly limit: number | undefined;
      readonly filters: Filters;
      readonly auth: AuthConfig | undefined;
    },
    signal: AbortSignal,
  ): Promise<readonly SearchResult[]>;
  /** What a name means in its registry. */
  inspectDistribution(
    name: string,
    auth: AuthConfig | undefined,
    signal: AbortSignal,
  ): Promise<DistributionInspect>;
  /** The manifest that a registry has under a name, or those of a list. */
  registryManifests(
    request: {
      readonly name: string;
      /** Also of a list's manifests. */
      readonly contents: boolean;
      readonly insecure: boolean;
      readonly auth: AuthConfig | undefined;
    },
    signal: AbortSignal,
  ): Promise<RegistryManifests>;
  /** Puts a list into a registry, with the manifests that are not in its repository yet. */
  pushManifestList(
    request: {
      readonly name: string;
      readonly list: ManifestListBody;
      readonly insecure: boolean;
      readonly auth: AuthConfig | undefined;
    },
    signal: AbortSignal,
  ): Promise<ManifestListPushed>;
  /** An archive of the images, of Docker's and an OCI layout at once. */
  save(names: readonly string[], request: PlatformRequest): Promise<AsyncIterable<Uint8Array>>;
  /** An image from the tar of a root file system: the body's, or that behind a URL. */
  import(
    request: ImportRequest,
    body: AsyncIterable<Uint8Array>,
    report: (message: ProgressMessage) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

/** `os[/architecture[/variant]]`, or the same as JSON; `notFound` for an image that is for another one. */
export interface PlatformRequest {
  readonly platform: string | undefined;
}

export interface RegistryRequest extends PlatformRequest {
  readonly name: string;
  readonly tag: string | undefined;
  readonly auth: AuthConfig | undefined;
}

export interface ImportRequest {
  /** `-` is the body. */
  readonly source: string;
  readonly repository: string;
  readonly tag: string;
  readonly message: string;
  /** Lines of a Dockerfile. */
  readonly changes: readonly string[];
  readonly platform: string | undefined;
}

/** Settings of containers that steps of a build run in, as in `HostConfig`. */
export interface BuildRunRequest {
  readonly NetworkMode?: string;
  readonly ExtraHosts?: string[];
  readonly CpusetCpus?: string;
  readonly CpusetMems?: string;
  readonly CgroupParent?: string;
  readonly ShmSize?: number;
  readonly Memory?: number;
  readonly MemorySwap?: number;
  readonly CpuShares?: number;
  readonly CpuPeriod?: number;
  readonly CpuQuota?: number;
  readonly Ulimits?: Ulimit[];
  readonly SecurityOpt?: string[];
}

export interface BuildRequest {
  /** Path in the context; empty for the usual one. */
  readonly dockerfile: string;
  readonly tags: readonly string[];
  readonly arguments: Readonly<Record<string, string>>;
  /** A stage; empty for the last. */
  readonly target: string;
  readonly noCache: boolean;
  readonly pull: boolean;
  /** Only the id of the image is told. */
  readonly quiet: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly platform: string;
  readonly run: BuildRunRequest;
  /** Where the context is instead of the body; empty for the body. */
  readonly remote: string;
  /** Images that may have steps. */
  readonly cacheFrom: readonly string[];
  /** By registry. */
  readonly credentials: Readonly<Record<string, AuthConfig>>;
  /** What Docker's classic route has no words for. */
  readonly extras: BuildExtras;
}

export interface BuildPruneRequest {
  /** What images need, too. */
  readonly all: boolean;
  /** As much may stay. */
  readonly keepBytes: number;
  readonly filters: Readonly<Record<string, readonly string[]>>;
}

/** By the context's name; the empty one is the main context. */
export interface OpenedDirectories extends Disposable {
  readonly byName: ReadonlyMap<string, OpenedDirectory>;
}

export interface OpenedDirectory {
  /** That leads to it whatever is renamed. */
  readonly path: string;
}

export interface BuildBackend {
  /** By Docker's classic route: an image from a Dockerfile and the context that is the body, a tar, compressed or not. */
  classic(
    request: BuildRequest,
    body: AsyncIterable<Uint8Array>,
    report: (message: ProgressMessage) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Directories of this machine, which stay open until they are disposed of. Errors: `build.not-in-place` for what is to be sent instead,
   * because the caller may not name it, or means another one.
   */
  openDirectories(
    named: NamedDirectories | undefined,
    caller: { readonly pid: number; readonly uid: number } | undefined,
  ): OpenedDirectories;
  /** The same with contexts that are read where they are. `body` is an archive with the Dockerfile, or empty. */
  inPlace(
    request: BuildRequest,
    contexts: { readonly directories: OpenedDirectories; readonly body: AsyncIterable<Uint8Array> },
    report: (message: ProgressMessage) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** Takes away what steps came to that nothing else needs. */
  pruneCache(request: BuildPruneRequest): Promise<BuildPruneReport>;
}

/** A client's session, as it says itself when it connects. */
export interface SessionHead {
  readonly id: string;
  /** Equal for the same directory of the same client. */
  readonly sharedKey: string;
  /** Paths of the methods that the client answers. */
  readonly methods: readonly string[];
}

/** Takes a connection over. */
export type TakeConnection = (client: ByteDuplex) => void;

/** A build whose client has a session. */
export interface SessionBuildRequest {
  /** By which the client ends it, and sends a context. */
  readonly id: string;
  readonly sessionId: string;
  /** In the words of BuildKit's Dockerfile frontend. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly exporters: readonly { readonly type: string; readonly attributes: ReadonlyMap<string, string> }[];
  /** The context comes in a request of its own. */
  readonly uploaded: boolean;
  /** The image's configuration remembers the steps. */
  readonly inlineCache: boolean;
  /** The image's id is told as text, too. */
  readonly quiet: boolean;
}

export interface BuildKitBackend {
  /** `invalid` for an id that is taken. */
  openSession(head: SessionHead): Promise<TakeConnection>;
  openControl(): Promise<TakeConnection>;
  buildForSession(
    request: SessionBuildRequest,
    report: (message: ProgressMessage) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** The context of a build, which is under way or comes soon. Resolves when it has been read. */
  receiveContext(id: string, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
  /** Ends a build by the id that its client gave it, if there is one. */
  cancel(id: string): Promise<void>;
}

export interface VolumeBackend {
  /** One of that name is given back as it is. */
  create(body: VolumeCreateBody): Promise<VolumeDocument>;
  list(filters: Filters): Promise<VolumeList>;
  inspect(name: string): Promise<VolumeDocument>;
  /** `conflict` while containers mount it. */
  remove(name: string, options: { readonly force: boolean }): Promise<void>;
  prune(filters: Filters): Promise<VolumePruneReport>;
}

/** `name`: a full id, a unique prefix of one, or a name. */
export interface NetworkBackend {
  list(filters: Filters): Promise<readonly NetworkResource[]>;
  inspect(name: string, options: { readonly scope: string }): Promise<NetworkResource>;
  /** The operations that make it. */
  explain(name: string, wishes: ExplainWishes): Promise<ExplainResponse>;
  /** `conflict` for the name, `forbidden` for a subnet that overlaps another one. */
  create(body: NetworkCreateBody): Promise<NetworkCreateResponse>;
  /** `forbidden` while containers are in it, and for those that are always there. */
  remove(name: string): Promise<void>;
  connect(name: string, body: NetworkConnectBody): Promise<void>;
  disconnect(name: string, body: NetworkDisconnectBody): Promise<void>;
  /** Those that no container is in. */
  prune(filters: Filters): Promise<NetworkPruneReport>;
}

export interface SystemBackend {
  /** Rejects when the engine cannot serve. */
  ping(): Promise<void>;
  version(): Promise<VersionResponse>;
  info(): Promise<InfoResponse>;
  /** What images, containers and volumes hold; of `types` only, if there are any. */
  diskUsage(types: readonly string[]): Promise<DiskUsage>;
  /** What is counted, as text in the first of these media types that is spoken. */
  metrics(accepted: readonly string[]): { readonly text: string; readonly mediaType: string };
}

export interface ReachBackend {
  /** Whether one end reaches the other, and what decides it. Errors: `invalid` and `notFound` for an end that is none. */
  why(request: {
    readonly from: string;
    readonly to: string;
    readonly probe: boolean;
    readonly language: ExplainLanguage;
  }): Promise<WhyResponse>;
}

export interface EventRequest {
  /** Nanoseconds since 1970; with neither bound only what comes. */
  readonly sinceNs?: bigint | undefined;
  readonly untilNs?: bigint | undefined;
  readonly filters: Filters;
}

export interface EventBackend {
  /** Listening begins with the call; `abort` ends it. */
  events(request: EventRequest, abort: AbortSignal): AsyncIterable<EventMessage>;
}

export interface Backends {
  readonly events: EventBackend;
  readonly volumes: VolumeBackend;
  readonly containers: ContainerBackend;
  readonly execs: ExecBackend;
  readonly images: ImageBackend;
  readonly builds: BuildBackend;
  readonly buildkit: BuildKitBackend;
  readonly networks: NetworkBackend;
  readonly system: SystemBackend;
  readonly reach: ReachBackend;
}
