/** What a client wants built. */
import type { ContainerCreateBody } from "../../docker/types/container.ts";
import type { BuildOutput, CacheExport, CacheImport } from "./outputs.ts";

export interface BuildRequest {
  /** Path in its context; empty for the usual name. */
  readonly dockerfile: string;
  readonly arguments: Readonly<Record<string, string>>;
  readonly target: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `os/architecture[/variant]`; none is this machine's. */
  readonly platforms: readonly string[];
  readonly noCache: boolean;
  /** Names of stages that are done again (`--no-cache-filter`). */
  readonly noCacheStages: readonly string[];
  /** Bases are asked for in their registries even when they are here. */
  readonly pull: boolean;
  readonly run: BuildRunOptions;
  /** `network.host`, `security.insecure`: what steps may ask for. */
  readonly entitlements: readonly string[];
  readonly cacheFrom: readonly CacheImport[];
  readonly cacheTo: readonly CacheExport[];
  readonly outputs: readonly BuildOutput[];
  /** What the checks find is told, as warnings without a vertex. */
  readonly tellsChecks?: boolean;
  /** A failed step's files stay as an image of this name (`tiffin build --debug`). */
  readonly keepFailed?: string;
}

/** Limits and network of steps that run a program. */
export type BuildRunOptions = Pick<
  NonNullable<ContainerCreateBody["HostConfig"]>,
  | "NetworkMode"
  | "ExtraHosts"
  | "ShmSize"
  | "Memory"
  | "MemorySwap"
  | "CpuShares"
  | "CpuPeriod"
  | "CpuQuota"
  | "CpusetCpus"
  | "CpusetMems"
  | "CgroupParent"
  | "Ulimits"
  | "SecurityOpt"
>;

/** What a request has of its own when nothing is said. */
export const plainBuildRequest: BuildRequest = {
  dockerfile: "",
  arguments: {},
  target: "",
  labels: {},
  platforms: [],
  noCache: false,
  noCacheStages: [],
  pull: false,
  run: {},
  entitlements: [],
  cacheFrom: [],
  cacheTo: [],
  outputs: [],
};
