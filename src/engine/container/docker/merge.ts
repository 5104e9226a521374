/** A container's configuration from what the client said, what the image says, and the engine's defaults. Pure. */
import type { ContainerConfig } from "../../../docker/types/container-config.ts";
import type { HostConfig, LogConfig } from "../../../docker/types/host-config.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { shortId } from "../../../lib/ids.ts";
import type { CgroupFacts } from "../../../linux/host-facts.ts";
import { ownRuntime } from "../../config.ts";
import type { ImageConfig } from "../../image/mod.ts";
import {
  defaultMaskedPaths,
  defaultNetworkName,
  defaultReadonlyPaths,
  defaultShmBytes,
} from "../specification/mod.ts";
import type { MergedConfig, MergedHostConfig } from "./documents.ts";
import { defaultLogDriver, defaultLogOptions } from "./log-options.ts";

/** The client's `Env` with what only the image sets behind it. */
export function mergeEnvironment(client: readonly string[], image: readonly string[]): string[] {
  const keyOf = (entry: string): string => entry.split("=", 1)[0] ?? "";
  const named = new Set(client.map(keyOf));
  return [...client, ...image.filter((entry) => !named.has(keyOf(entry)))];
}

/** `Config` with the image's defaults. Errors: `container.no-command`. */
export function mergeConfig(
  client: ContainerConfig,
  image: ImageConfig,
  id: string,
  hostname: string | undefined,
): MergedConfig {
  const clearsEntrypoint = client.Entrypoint?.length === 1 && client.Entrypoint[0] === "";
  const ownEntrypoint = (client.Entrypoint?.length ?? 0) > 0;
  const ownCommand = (client.Cmd?.length ?? 0) > 0;
  const entrypoint = clearsEntrypoint ? undefined : (client.Entrypoint ?? image.Entrypoint);
  // An entry point of the client's own makes the image's command meaningless.
  const command = ownCommand || ownEntrypoint ? client.Cmd : image.Cmd;
  if ((entrypoint?.length ?? 0) === 0 && (command?.length ?? 0) === 0) {
    throw new TiffinError("invalid", "container.no-command", "no command specified");
  }
  const workingDirectory = client.WorkingDir || image.WorkingDir || "";
  const exposed = { ...image.ExposedPorts, ...client.ExposedPorts };
  const volumes = { ...image.Volumes, ...client.Volumes };
  const stopSignal = client.StopSignal || image.StopSignal;
  return {
    ...client,
    Hostname: client.Hostname || hostname || shortId(id),
    User: client.User || image.User || "",
    Env: mergeEnvironment(client.Env ?? [], image.Env ?? []),
    Labels: { ...image.Labels, ...client.Labels },
    Entrypoint: entrypoint,
    Cmd: command,
    WorkingDir: workingDirectory,
    ExposedPorts: Object.keys(exposed).length > 0 ? exposed : undefined,
    Volumes: Object.keys(volumes).length > 0 ? volumes : undefined,
    StopSignal: stopSignal === "" ? undefined : stopSignal,
    Healthcheck: mergeHealth(client.Healthcheck, image.Healthcheck),
    Shell: (client.Shell ?? []).length > 0 ? client.Shell : image.Shell,
  };
}

/** What was there before (the image's check) where the client says nothing, its numbers where the client's are zero. */
export function mergeHealth(
  client: ContainerConfig["Healthcheck"],
  image: ContainerConfig["Healthcheck"],
): ContainerConfig["Healthcheck"] {
  if (client === undefined || image === undefined) return client ?? image;
  return {
    Test: (client.Test ?? []).length > 0 ? client.Test : image.Test,
    Interval: client.Interval || image.Interval,
    Timeout: client.Timeout || image.Timeout,
    StartPeriod: client.StartPeriod || image.StartPeriod,
    StartInterval: client.StartInterval || image.StartInterval,
    Retries: client.Retries || image.Retries,
  };
}

/** `HostConfig` with the engine's defaults. */
export function mergeHostConfig(
  client: HostConfig,
  {
    remove,
    cgroupMode,
    defaultRuntime = ownRuntime,
  }: { readonly remove: boolean; readonly cgroupMode: CgroupFacts["mode"]; readonly defaultRuntime?: string },
): MergedHostConfig {
  const mode = client.NetworkMode ?? "";
  const memory = client.Memory ?? 0;
  const privileged = client.Privileged ?? false;
  return {
    ...client,
    NetworkMode: mode === "" || mode === "default" ? defaultNetworkName : mode,
    IpcMode: client.IpcMode || "private",
    // Who may do everything manages the groups of all hierarchies of v1, which a namespace would hide.
    CgroupnsMode: client.CgroupnsMode || (privileged && cgroupMode !== "v2" ? "host" : "private"),
    ShmSize: client.ShmSize === undefined || client.ShmSize === 0 ? defaultShmBytes : client.ShmSize,
    Runtime: client.Runtime || defaultRuntime,
    // As much swap again as memory, which is what Docker gives.
    MemorySwap: memory > 0 && (client.MemorySwap ?? 0) === 0 ? twice(memory) : client.MemorySwap,
    AutoRemove: remove || (client.AutoRemove ?? false),
    RestartPolicy: { Name: client.RestartPolicy?.Name || "no", ...countOf(client) },
    LogConfig: logConfigOf(client.LogConfig),
    // Of a privileged container nothing is said, and nothing hidden.
    ...(!privileged && { MaskedPaths: defaultMaskedPaths, ReadonlyPaths: defaultReadonlyPaths }),
    ...(client.MaskedPaths !== undefined && { MaskedPaths: client.MaskedPaths }),
    ...(client.ReadonlyPaths !== undefined && { ReadonlyPaths: client.ReadonlyPaths }),
    ...(isUnlabelled(client) && { SecurityOpt: [...(client.SecurityOpt ?? []), labelDisable] }),
  };
}

const labelDisable = "label=disable";

/** Whether a label of its own would keep the container from its work; Docker then says that it has none. */
function isUnlabelled({ SecurityOpt, Privileged, IpcMode, PidMode }: HostConfig): boolean {
  if (SecurityOpt?.some((option) => option.startsWith("label"))) return false;
  return Privileged === true || IpcMode === "host" || PidMode === "host";
}

const mostBytes = 2n ** 63n - 1n;

/** Twice as many bytes, as far as 64 bits with a sign go. */
function twice(bytes: number | bigint): number | bigint {
  const product = BigInt(bytes) * 2n;
  if (product > mostBytes) return mostBytes;
  return product > BigInt(Number.MAX_SAFE_INTEGER) ? product : Number(product);
}

/** With the limits that hold when nobody chose any, so that inspect shows them. */
function logConfigOf(client: LogConfig | undefined): LogConfig {
  const driver = client?.Type || defaultLogDriver;
  const options = client?.Config ?? {};
  const isKept = driver === defaultLogDriver || driver === "local";
  return { Type: driver, Config: isKept ? { ...defaultLogOptions, ...options } : options };
}

function countOf(client: HostConfig): { readonly MaximumRetryCount: number } {
  return { MaximumRetryCount: client.RestartPolicy?.MaximumRetryCount ?? 0 };
}
