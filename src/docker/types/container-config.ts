/** `Config` of a container: what the image may also set. Field names and meanings are those of Docker's API 1.50. */
import {
  type Decoded,
  emptyObject,
  flag,
  integer,
  list,
  mapOf,
  object,
  optional,
  text,
  textOrList,
} from "../decode.ts";

export const healthcheck = object({
  /** `[]` inherits, `["NONE"]` disables, `["CMD", ...]`, `["CMD-SHELL", text]`. */
  Test: optional(list(text)),
  /** Nanoseconds, as are all durations here; 0 inherits. */
  Interval: optional(integer),
  Timeout: optional(integer),
  Retries: optional(integer),
  StartPeriod: optional(integer),
  StartInterval: optional(integer),
});
export interface Healthcheck extends Decoded<typeof healthcheck> {}

export const containerConfigShape = {
  Hostname: optional(text),
  Domainname: optional(text),
  User: optional(text),
  AttachStdin: optional(flag),
  AttachStdout: optional(flag),
  AttachStderr: optional(flag),
  /** Keys are `port/protocol`. */
  ExposedPorts: optional(mapOf(emptyObject)),
  Tty: optional(flag),
  OpenStdin: optional(flag),
  /** Close stdin when the first client that is attached to it goes. */
  StdinOnce: optional(flag),
  /** `NAME=value`; a bare `NAME` removes it. */
  Env: optional(list(text)),
  Cmd: optional(textOrList),
  Healthcheck: optional(healthcheck),
  ArgsEscaped: optional(flag),
  Image: optional(text),
  Volumes: optional(mapOf(emptyObject)),
  WorkingDir: optional(text),
  /** `[""]` clears the image's entry point; absent inherits it. */
  Entrypoint: optional(textOrList),
  NetworkDisabled: optional(flag),
  MacAddress: optional(text),
  OnBuild: optional(list(text)),
  Labels: optional(mapOf(text)),
  StopSignal: optional(text),
  /** Seconds; -1 waits for ever. */
  StopTimeout: optional(integer),
  Shell: optional(list(text)),
} as const;

export const containerConfig = object(containerConfigShape);
export interface ContainerConfig extends Decoded<typeof containerConfig> {}
