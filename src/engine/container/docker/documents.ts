/** Docker's two documents of a container, with the image's and the engine's defaults filled in. */
import type { ContainerConfig } from "../../../docker/types/container-config.ts";
import type { HostConfig } from "../../../docker/types/host-config.ts";

/** `Config` after the image's defaults have been filled in. */
export interface MergedConfig extends ContainerConfig {
  readonly Hostname: string;
  readonly User: string;
  readonly Env: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
}

/** `HostConfig` with the choices of creation made. */
export interface MergedHostConfig extends HostConfig {
  readonly NetworkMode: string;
  readonly IpcMode: string;
  readonly CgroupnsMode: string;
  readonly ShmSize: number | bigint;
  readonly Runtime: string;
  readonly AutoRemove: boolean;
}

/** Both, as a client of Docker's API asked and as inspect gives them back. */
export interface DockerDocuments {
  readonly config: ContainerConfig;
  readonly host: HostConfig;
}

/** The command line that the process gets: the entry point, then the command. */
export function commandOf(config: ContainerConfig): string[] {
  return [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
}

/** Annotation that puts the container into a time namespace: `monotonic=SECONDS,boottime=SECONDS`, either or both. */
export const timeAnnotation = "tiffin.time-offset";
