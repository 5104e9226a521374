/** Turns the engine's error answers, and failures to reach it, into `TiffinError`. */
import { type ErrorKind, TiffinError } from "../lib/errors.ts";
import type { BufferedResponse } from "./transport.ts";

/** Every error that the engine itself reported carries this code; all others come from this side. */
export const engineErrorCode = "client.engine-error";
/** Nobody listens where the engine should be. */
export const unreachableCode = "client.unreachable";

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

/** The engine's message, or what there is instead when the body is not its usual JSON. */
export function errorOfResponse(response: BufferedResponse): TiffinError {
  const text = new TextDecoder().decode(response.body).trim();
  let message = text === "" ? `request failed with status ${response.status}` : text;
  let exitCode: number | undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    if (isRecord(parsed)) {
      if (typeof parsed["message"] === "string") message = parsed["message"];
      if (typeof parsed["exitCode"] === "number") exitCode = parsed["exitCode"];
    }
  } catch {
    // Not JSON: the text itself is the best there is.
  }
  return engineError(kindOfStatus(response.status), message, exitCode);
}

/** An error in the engine's own words. */
export function engineError(kind: ErrorKind, message: string, exitCode?: number): TiffinError {
  return new TiffinError(kind, engineErrorCode, message, exitCode === undefined ? {} : { exitCode });
}

export function isEngineError(thrown: unknown): thrown is TiffinError {
  return thrown instanceof TiffinError && thrown.code === engineErrorCode;
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
    : "start it with: tiffin daemon";
  return new TiffinError(refused ? "forbidden" : "unavailable", unreachableCode, message, { remedy, cause });
}

export function connectionLost(cause?: unknown): TiffinError {
  return new TiffinError(
    "unavailable",
    "client.connection-lost",
    "the connection to the engine was lost",
    cause === undefined ? {} : { cause },
  );
}
