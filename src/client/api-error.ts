/** Turns the engine's error answers, and failures to reach it, into `TiffinError`. */
import { pageNotFound } from "../docker/messages.ts";
import { type ErrorKind, TiffinError } from "../lib/errors.ts";
import type { BufferedResponse } from "./transport.ts";

/** Code of an engine's error that came without one (a foreign engine). */
export const foreignErrorCode = "client.engine-error";

/** An error in the engine's own words; every other error arose on this side. */
export class EngineError extends TiffinError {}

/** Nobody listens where the engine should be. */
export const unreachableCode = "client.unreachable";

const lostCode = "client.connection-lost";

const kindByStatus: Readonly<Record<number, ErrorKind>> = {
  304: "notModified",
  400: "invalid",
  401: "unauthorized",
  403: "forbidden",
  404: "notFound",
  409: "conflict",
  501: "notImplemented",
  503: "unavailable",
};

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** The kind that a status stands for; unknown ones are the engine's own failure. */
export function kindOfStatus(status: number): ErrorKind {
  return kindByStatus[status] ?? (status >= 400 && status < 500 ? "invalid" : "internal");
}

const noRoute = "api.no-route";

/** What a router of Docker's answers, and of Tiffin's, where a path leads nowhere. */
const unknownCall = {
  message: pageNotFound(),
  code: noRoute,
  remedy: "the engine does not know this call: it is another than Tiffin, or older than this program",
};

function isUnknownCall({ status }: BufferedResponse, { message, code }: Record<string, unknown>): boolean {
  if (status !== 404) return false;
  return code === undefined ? message === unknownCall.message : code === unknownCall.code;
}

/** The engine's error document as an error, or what there is instead when the body is not its usual JSON. */
export function errorOfResponse(response: BufferedResponse): EngineError {
  const text = new TextDecoder().decode(response.body).trim();
  const kind = kindOfStatus(response.status);
  try {
    const parsed: unknown = JSON.parse(text);
    if (isRecord(parsed))
      return errorOfDocument(kind, isUnknownCall(response, parsed) ? unknownCall : parsed);
  } catch {
    // Not JSON: the text itself is the best there is.
  }
  const message = text === "" ? `request failed with status ${response.status}` : text;
  return new EngineError(kind, foreignErrorCode, message);
}

/** From the fields `message`, `code`, `remedy`, `exitCode` and `operations`, of which only the first is sure to be there. */
export function errorOfDocument(kind: ErrorKind, fields: Readonly<Record<string, unknown>>): EngineError {
  const { message, code, remedy, exitCode, operations } = fields;
  return new EngineError(
    kind,
    typeof code === "string" ? code : foreignErrorCode,
    typeof message === "string" ? message : "the engine failed without saying why",
    {
      ...(typeof remedy === "string" ? { remedy } : {}),
      ...(typeof exitCode === "number" ? { exitCode } : {}),
      ...(typeof operations === "string" ? { operations } : {}),
    },
  );
}

/** The errno name that a failed system call carries, if `thrown` is one. */
export function errnoOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}

/** Words for a connection that could not be made. `where` is the endpoint as the user gave it. */
export function unreachable(where: string, cause: unknown): TiffinError {
  const refused = errnoOf(cause) === "EACCES" || errnoOf(cause) === "EPERM";
  const message = refused
    ? `permission denied while trying to connect to the Tiffin engine at ${where}`
    : `Cannot connect to the Tiffin engine at ${where}. Is the engine running?`;
  const remedy = refused
    ? "run as root or as a member of the group that owns the socket"
    : where.startsWith("unix:")
      ? "start it with: tiffin daemon"
      : "see that it listens there, and that nothing on the way stops it";
  return new TiffinError(refused ? "forbidden" : "unavailable", unreachableCode, message, { remedy, cause });
}

/** The end of a connection on which nothing has been answered yet. */
export function hungUp(where: string, cause?: unknown): TiffinError {
  if (!/^(?:tcp|https?):/.test(where)) return connectionLost(cause);
  return new TiffinError("unavailable", lostCode, `the engine at ${where} hung up before it had answered`, {
    remedy:
      "it does so with who speaks no TLS, or shows no certificate, or none that its authority has signed: look at --tlsverify, --tlscacert, --tlscert and --tlskey",
    cause,
  });
}

export function connectionLost(cause?: unknown): TiffinError {
  return new TiffinError(
    "unavailable",
    lostCode,
    "the connection to the engine was lost",
    cause === undefined ? {} : { cause },
  );
}

/** The call was given up by the caller's own signal. */
export function cancelled(signal: AbortSignal): TiffinError {
  return new TiffinError(
    "cancelled",
    "client.cancelled",
    "the call was given up before the engine had answered",
    {
      cause: signal.reason,
    },
  );
}
