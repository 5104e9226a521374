/**
 * What a container is to the engine: the document that creation writes and nothing changes (except the name), the
 * state beside it, and, while it lives, what this process holds of it.
 */
import type { ContainerConfig } from "../../docker/types/container-config.ts";
import type { HostConfig } from "../../docker/types/host-config.ts";
import type { SupervisedProcess } from "../../runtime/mod.ts";
import type { MountSpec } from "./mount-spec.ts";
import type { PendingStream } from "./pending-stream.ts";
import type { ContainerState, Ending } from "./state.ts";

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

/** Milliseconds of each step of a start, in the order in which they happened. */
export type StartPhases = Readonly<Record<string, number>>;

export interface Container {
  readonly id: string;
  name: string;
  readonly createdMs: number;
  readonly document: ContainerDocument;
  state: ContainerState;
  /** The supervised process while `state` is running or paused. */
  process: SupervisedProcess | undefined;
  phases: StartPhases | undefined;
  /** What the last start asked for and the host could not give, one sentence each. */
  startWarnings: readonly string[];
  /** Clients that attached before the start. */
  pending: PendingStream[];
  /** Asked for before there was a terminal. */
  size: { readonly rows: number; readonly columns: number } | undefined;
  /** Whether the coming exit was asked for by a client, so that no restart follows. */
  stopping: boolean;
  restarts: number;
  /** The tail of the queue of changes: starts, stops and removals happen one after the other. */
  queue: Promise<unknown>;
  readonly exits: Set<(ending: Ending) => void>;
  readonly removals: Set<(ending: Ending | null) => void>;
  readonly execs: Set<string>;
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
