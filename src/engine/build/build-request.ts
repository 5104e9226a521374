/** What a client wants built. */
import type { ContainerCreateBody } from "../../docker/types/container.ts";

export interface BuildRequest {
  /** Path in the context. */
  readonly dockerfile: string;
  readonly tags: readonly string[];
  readonly arguments: Readonly<Record<string, string>>;
  readonly target: string;
  readonly noCache: boolean;
  /** Bases are asked for in their registries even when they are here. */
  readonly pull: boolean;
  /** Only the image's id is told. */
  readonly quiet: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** `os/architecture`; empty for this machine's. */
  readonly platform: string;
  /** Limits and network of steps that run a program. */
  readonly run: BuildRunOptions;
}

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
>;
