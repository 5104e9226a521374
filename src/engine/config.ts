/**
 * Where one engine instance keeps its things and what it calls them on the host. Two engines with different
 * roots never share a name: everything outside their directories carries the tag.
 */
import { createHash } from "node:crypto";

export interface EngineConfig {
  /** State that outlives a reboot: database, layers, containers, volumes. */
  readonly root: string;
  /** State that does not: supervisor sockets. */
  readonly run: string;
  /** Where clients connect, for example `unix:///run/tiffin.sock`. */
  readonly host: string;
  /** Empty for the default root, else six hex digits that tell this engine's host objects from another's. */
  readonly tag: string;
  /** What an archive of images, and each layer in it, may unpack to, bytes. */
  readonly limitUnpackedBytes: number;
  /** Hosts and blocks of addresses whose registries may do without TLS, or have any certificate. */
  readonly insecureRegistries: readonly string[];
  /** Addresses of mirrors of docker.io. */
  readonly registryMirrors: readonly string[];
  /** How ports are published that do not say. */
  readonly publishMode: "nat" | "socket";
  /** Containers of the default network reach each other. */
  readonly openWithin: boolean;
  /** OCI runtimes that containers may ask for by name, beside those that are installed. */
  readonly runtimes: Readonly<Record<string, RuntimeProgram>>;
  /** The runtime of containers that ask for none. */
  readonly defaultRuntime: string;
  /** Where the subnets of networks come from, like `base=10.10.0.0/16,size=24`; empty: the engine's own choice. */
  readonly addressPools: readonly string[];
  /** `host:port` where metrics are served to whoever asks; empty: by the API alone. */
  readonly metricsAddress: string;
  /** Where a collector takes traces by OTLP over HTTP; empty: there are none. */
  readonly otlpEndpoint: string;
  readonly logLevel: LogLevel;
  readonly logFormat: "text" | "json";
}

/** What an engine takes over while it is open; all else is settled when it opens. */
export const liveSettings = [
  "insecureRegistries",
  "registryMirrors",
  "runtimes",
  "defaultRuntime",
  "logLevel",
  "logFormat",
] as const satisfies readonly (keyof EngineConfig)[];
export type LiveSettings = Pick<EngineConfig, (typeof liveSettings)[number]>;

/** A program of the host, and what stands before its commands. */
export interface RuntimeProgram {
  /** Absolute, or a name in PATH. */
  readonly path: string;
  readonly arguments: readonly string[];
}

/** The name of the runtime that the engine is itself. */
export const ownRuntime = "tiffin";

/** How much the engine says of itself. */
export const logLevels = ["error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof logLevels)[number];

export const defaultRoot = "/var/lib/tiffin";
export const defaultRun = "/run/tiffin";
export const defaultHost = "unix:///run/tiffin.sock";
export const defaultLimitUnpackedBytes = 64 * 1024 ** 3;

const tagDigits = 6;

/** The tag that belongs to a root directory. */
export function tagOfRoot(root: string): string {
  if (root === defaultRoot) return "";
  return createHash("sha256").update(root).digest("hex").slice(0, tagDigits);
}

/** Fills in the defaults; paths must be absolute. */
export function engineConfig(options: Partial<Omit<EngineConfig, "tag">> = {}): EngineConfig {
  const root = options.root ?? defaultRoot;
  return {
    root,
    run: options.run ?? defaultRun,
    host: options.host ?? defaultHost,
    tag: tagOfRoot(root),
    limitUnpackedBytes: options.limitUnpackedBytes ?? defaultLimitUnpackedBytes,
    insecureRegistries: options.insecureRegistries ?? [],
    registryMirrors: options.registryMirrors ?? [],
    publishMode: options.publishMode ?? "nat",
    openWithin: options.openWithin ?? true,
    runtimes: options.runtimes ?? {},
    defaultRuntime: options.defaultRuntime ?? ownRuntime,
    addressPools: options.addressPools ?? [],
    metricsAddress: options.metricsAddress ?? "",
    otlpEndpoint: options.otlpEndpoint ?? "",
    logLevel: options.logLevel ?? "warn",
    logFormat: options.logFormat ?? "text",
  };
}

/** The cgroup directory, in every hierarchy, under which this engine's containers live. */
export function cgroupParentOf(tag: string): string {
  return tag === "" ? "/tiffin" : `/tiffin-${tag}`;
}

/** Every path below the two directories, in one place. */
export interface EnginePaths {
  readonly database: string;
  readonly lock: string;
  readonly layers: string;
  readonly containers: string;
  readonly volumes: string;
  readonly cache: string;
  /** Contexts of builds under way. */
  readonly builds: string;
  /** Files on their way to a client of a build, or from one. */
  readonly handovers: string;
  /** Directories of clients, kept for their next builds. */
  readonly contexts: string;
  container(id: string): { readonly directory: string; readonly logs: string; readonly record: string };
}

export function enginePaths(config: EngineConfig): EnginePaths {
  const { root } = config;
  return {
    database: `${root}/tiffin.db`,
    lock: `${root}/lock`,
    layers: `${root}/layers`,
    containers: `${root}/containers`,
    volumes: `${root}/volumes`,
    cache: `${root}/cache`,
    builds: `${root}/builds`,
    handovers: `${root}/handovers`,
    contexts: `${root}/contexts`,
    container(id) {
      const directory = `${root}/containers/${id}`;
      return { directory, logs: `${directory}/logs`, record: `${directory}/record` };
    },
  };
}
