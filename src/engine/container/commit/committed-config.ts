/** The configuration of an image that is made of a container: what the container has, with what a client changes. Pure. */
import type { ContainerConfig } from "../../../docker/types/container-config.ts";
import { changedConfig, type ImageConfig } from "../../image/mod.ts";

export interface ConfigChanges {
  /** What the client says instead of the container; undefined for nothing. */
  readonly config: ContainerConfig | undefined;
  /** Lines of a Dockerfile. */
  readonly changes: readonly string[];
}

/** Errors: `image.bad-change`. */
export function committedConfig(container: ContainerConfig, { config, changes }: ConfigChanges): ImageConfig {
  const own = imagePart(container);
  return withoutNothing(merged(changedConfig(imagePart(config ?? container), changes), own));
}

/** What an image can say of what a container says. */
function imagePart(config: ContainerConfig): ImageConfig {
  return withoutNothing({
    User: config.User,
    ExposedPorts: config.ExposedPorts,
    Env: config.Env,
    Entrypoint: config.Entrypoint,
    Cmd: config.Cmd,
    Volumes: config.Volumes,
    WorkingDir: config.WorkingDir,
    Labels: config.Labels,
    StopSignal: config.StopSignal,
    ArgsEscaped: config.ArgsEscaped,
    Healthcheck: config.Healthcheck === undefined ? undefined : withoutNothing(config.Healthcheck),
    OnBuild: config.OnBuild,
    StopTimeout: config.StopTimeout,
    Shell: config.Shell,
  });
}

/** What is left open is the container's, as in Docker: an entry point keeps the container's command out. */
function merged(changed: ImageConfig, own: ImageConfig): ImageConfig {
  const named = new Set((changed.Env ?? []).map(nameOf));
  const hasEntrypoint = (changed.Entrypoint?.length ?? 0) > 0;
  const hasCommand = (changed.Cmd?.length ?? 0) > 0;
  return {
    ...own,
    ...changed,
    User: changed.User || own.User || "",
    WorkingDir: changed.WorkingDir || own.WorkingDir || "",
    ExposedPorts: { ...own.ExposedPorts, ...changed.ExposedPorts },
    Env: [...(changed.Env ?? []), ...(own.Env ?? []).filter((entry) => !named.has(nameOf(entry)))],
    Labels: { ...own.Labels, ...changed.Labels },
    Volumes: { ...own.Volumes, ...changed.Volumes },
    Entrypoint: changed.Entrypoint ?? own.Entrypoint ?? [],
    Cmd: (hasEntrypoint || hasCommand ? changed.Cmd : own.Cmd) ?? [],
  };
}

function nameOf(entry: string): string {
  return entry.split("=", 1)[0] ?? "";
}

type Known<T> = { readonly [K in keyof T]: Exclude<T[K], undefined> };

/** Without fields that say nothing: a document's digest is made of what it says. */
function withoutNothing<T extends object>(document: T): Known<T> {
  const kept = Object.entries(document).filter(([, value]) => !isNothing(value));
  // Only what is undefined, or an empty value of an optional field, is left out.
  return Object.fromEntries(kept) as Known<T>;
}

function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && Object.keys(value).length === 0;
}
