/** Tiffin's one-round-trip run and exec: request bodies and the JSON frames that come back. */
import { errorKinds } from "../../lib/errors.ts";
import {
  type Decoded,
  flag,
  integer,
  integerWithin,
  list,
  object,
  oneOf,
  optional,
  text,
} from "../decode.ts";
import { containerCreateBody } from "./container.ts";
import { execCreateBody } from "./exec.ts";
import { traceResponse } from "./explain.ts";

export const runBody = object({
  name: optional(text),
  /** `os/arch[/variant]`. */
  platform: optional(text),
  create: containerCreateBody,
  detachKeys: optional(text),
  /** Remove the container when it has ended, before the exit is reported. */
  remove: optional(flag),
  /** Say where the time of the start went. */
  timings: optional(flag),
  /** In which language; English where it is not said. */
  language: optional(text),
});
export interface RunBody extends Decoded<typeof runBody> {}

export const execRunBody = object({ create: execCreateBody });
export interface ExecRunBody extends Decoded<typeof execRunBody> {}

/** Frame `started`. `Id` is the container's, or the exec's for an exec. */
export const runStarted = object({ Id: text, Warnings: list(text), Trace: optional(traceResponse) });
export interface RunStarted extends Decoded<typeof runStarted> {}

/** Frame `exited`. */
export const runExited = object({ StatusCode: integer, Error: optional(text) });
export interface RunExited extends Decoded<typeof runExited> {}

/** Frame `failed`: the container did not start. */
export const runFailed = object({
  message: text,
  /** What the client's process should end with, where the failure says so. */
  exitCode: optional(integer),
  code: optional(text),
  /** What the status of a plain answer would say. */
  kind: optional(oneOf(...errorKinds)),
  remedy: optional(text),
  /** The operations of the plan around the one that failed. */
  operations: optional(text),
});
export interface RunFailed extends Decoded<typeof runFailed> {}

/** Frame `resize`: characters. */
export const terminalSize = object({ h: integerWithin(0, 65_535), w: integerWithin(0, 65_535) });
export interface TerminalSize extends Decoded<typeof terminalSize> {}

/** Frame `signal`: a name such as `SIGINT`, or a number in text. */
export const runSignal = object({ signal: text });
export interface RunSignal extends Decoded<typeof runSignal> {}
