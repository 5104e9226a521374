/** What creation writes down of a container and nothing changes. */
import type { ContainerConfig } from "../../../docker/types/container-config.ts";
import type { HostConfig } from "../../../docker/types/host-config.ts";
import type { MountSpec } from "./mount-spec.ts";

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
  readonly MaskedPaths: readonly string[];
  readonly ReadonlyPaths: readonly string[];
}

export interface ContainerDocument {
  readonly image: { readonly id: string; readonly reference: string; readonly chain: readonly string[] };
  readonly config: MergedConfig;
  readonly host: MergedHostConfig;
  /** What was asked of the network. */
  readonly network: { readonly address: string; readonly mac: string };
  readonly mounts: readonly MountSpec[];
  /** First id of its user namespace's range on the host; null without one. */
  readonly firstHostId: number | null;
}

/** The command line that the process gets: the entry point, then the command. */
export function commandOf(config: ContainerConfig): string[] {
  return [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
}

/** Annotation that puts the container into a time namespace: `monotonic=SECONDS,boottime=SECONDS`, either or both. */
export const timeAnnotation = "tiffin.time-offset";

/** The command line in one text, as lists show it: words with blanks stand in quotes. */
export function commandText(config: ContainerConfig): string {
  const [program = "", ...words] = commandOf(config);
  return [program, ...words.map((word) => (word.includes(" ") ? `'${word}'` : word))].join(" ");
}
