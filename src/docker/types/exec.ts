/** Further processes in a container (Docker's API 1.50). */
import {
  type Decoded,
  flag,
  integer,
  list,
  nullable,
  object,
  optional,
  text,
  textOrList,
} from "../decode.ts";
import { consoleSize } from "./host-config.ts";

export const execCreateBody = object({
  User: optional(text),
  Privileged: optional(flag),
  Tty: optional(flag),
  ConsoleSize: optional(consoleSize),
  AttachStdin: optional(flag),
  AttachStdout: optional(flag),
  AttachStderr: optional(flag),
  DetachKeys: optional(text),
  Env: optional(list(text)),
  WorkingDir: optional(text),
  Cmd: optional(textOrList),
});
export interface ExecCreateBody extends Decoded<typeof execCreateBody> {}

export const execCreateResponse = object({ Id: text });
export interface ExecCreateResponse extends Decoded<typeof execCreateResponse> {}

export const execStartBody = object({
  Detach: optional(flag),
  Tty: optional(flag),
  ConsoleSize: optional(consoleSize),
});
export interface ExecStartBody extends Decoded<typeof execStartBody> {}

export const execInspect = object({
  ID: text,
  Running: flag,
  /** Null until it has ended. */
  ExitCode: nullable(integer),
  ProcessConfig: object({
    tty: flag,
    entrypoint: text,
    arguments: list(text),
    privileged: optional(flag),
    user: optional(text),
  }),
  OpenStdin: flag,
  OpenStderr: flag,
  OpenStdout: flag,
  CanRemove: flag,
  ContainerID: text,
  /** Base64 of the key bytes. */
  DetachKeys: optional(text),
  /** As the host sees it; 0 when not running. */
  Pid: integer,
});
export interface ExecInspect extends Decoded<typeof execInspect> {}
