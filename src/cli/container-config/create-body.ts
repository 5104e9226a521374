/**
 * From parsed options to the body of a create request. What was not given is left out: the engine's defaults are
 * the engine's business, and a small body is quicker to send. Throws `Error` with Docker's wording.
 */

import type { ContainerCreateBody } from "../../docker/types/container.ts";
import type { ContainerConfig } from "../../docker/types/container-config.ts";
import type { HostConfig } from "../../docker/types/host-config.ts";
import type { NetworkingConfig } from "../../docker/types/networking.ts";
import { bodySections, type ContainerFlagValues, type CreateSurroundings } from "./body-sections.ts";

const pullPolicies = ["always", "missing", "never"];

export interface CreateParts {
  readonly given: ReadonlySet<string>;
  readonly values: ContainerFlagValues;
  readonly image: string;
  /** What follows the image. */
  readonly command: readonly string[];
  /** Nobody attaches: `run -d`. */
  readonly detached: boolean;
  /** `[rows, columns]` of the terminal that the output goes to. */
  readonly consoleSize: readonly [number, number] | undefined;
}

export interface StreamChoice {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** Which streams the client will hold. Docker: the named ones, else all output; input with `-i` in any case. */
export function attachedStreams(
  values: Pick<ContainerFlagValues, "attach" | "interactive">,
  detached: boolean,
): StreamChoice {
  const named = values.attach;
  if (detached) return { stdin: false, stdout: false, stderr: false };
  if (named.length === 0) return { stdin: values.interactive, stdout: true, stderr: true };
  return {
    stdin: values.interactive || named.includes("stdin"),
    stdout: named.includes("stdout"),
    stderr: named.includes("stderr"),
  };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** The whole body. */
export function createBody(parts: CreateParts, surroundings: CreateSurroundings): ContainerCreateBody {
  const { values, given } = parts;
  if (!pullPolicies.includes(values.pull)) {
    throw new Error(`invalid pull option: '${values.pull}': must be one of "always", "missing" or "never"`);
  }
  const streams = attachedStreams(values, parts.detached);
  const config: Writable<ContainerConfig> = { Image: parts.image };
  const host: Writable<HostConfig> = {};
  let networking: NetworkingConfig | undefined;
  if (parts.command.length > 0) config.Cmd = parts.command;
  if (streams.stdin) config.AttachStdin = true;
  if (streams.stdout) config.AttachStdout = true;
  if (streams.stderr) config.AttachStderr = true;
  if (values.tty) config.Tty = true;
  if (values.interactive) config.OpenStdin = true;
  if (values.interactive && streams.stdin) config.StdinOnce = true;
  // An empty entry point that was asked for clears the image's; one that was not is absent.
  if (given.has("entrypoint")) config.Entrypoint = [values.entrypoint];
  if (values.rm) host.AutoRemove = true;
  if (given.has("init")) host.Init = values.init;
  if (parts.consoleSize !== undefined) host.ConsoleSize = parts.consoleSize;
  for (const section of bodySections) {
    if (!section.options.some((option) => given.has(option))) continue;
    const result = section.build(values, surroundings);
    Object.assign(config, result.config);
    Object.assign(host, result.host);
    networking ??= result.networking;
  }
  return {
    ...config,
    HostConfig: host,
    ...(networking === undefined ? {} : { NetworkingConfig: networking }),
  };
}
