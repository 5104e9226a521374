/**
 * The closed set of failures that cross a layer. Every error that leaves a folder is a `TiffinError` of
 * exactly one kind; the API maps kinds to HTTP statuses and the command line maps them to exit codes in one
 * total function each. Nothing ever matches on the English text.
 */
export const errorKinds = [
  "invalid",
  "notFound",
  "conflict",
  "notModified",
  "unauthorized",
  "forbidden",
  "unavailable",
  "notImplemented",
  "cancelled",
  "internal",
] as const;
export type ErrorKind = (typeof errorKinds)[number];

export interface ErrorDetails {
  /** What to try, as one sentence without a full stop. */
  readonly remedy?: string;
  /** Exit code a `run` or `exec` of this failure ends with (Docker: 125 engine, 126 not executable, 127 not found). */
  readonly exitCode?: number;
  /** The operations around the one that failed, one a line: for who asks for more (`--debug`). */
  readonly operations?: string;
  /** Which operation of a plan it was. */
  readonly failedOperation?: FailedOperation;
  readonly cause?: unknown;
}

/** `index`: `h3` on the host, else its number in the plan; `errno` by name. */
export interface FailedOperation {
  readonly index: string;
  readonly errno: string;
}

export class TiffinError extends Error {
  override readonly name = "TiffinError";
  readonly kind: ErrorKind;
  /** Stable identifier such as `container.name-taken`; listed in the generated error reference. */
  readonly code: string;
  readonly remedy: string | undefined;
  readonly exitCode: number | undefined;
  readonly operations: string | undefined;
  readonly failedOperation: FailedOperation | undefined;

  constructor(kind: ErrorKind, code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = kind;
    this.code = code;
    this.remedy = details.remedy;
    this.exitCode = details.exitCode;
    this.operations = details.operations;
    this.failedOperation = details.failedOperation;
  }
}

/** The text of anything thrown, for messages and logs. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
