/** The one place where a kind of failure becomes an HTTP status, and a failure a body. */
import type { ErrorResponse } from "../docker/types/error.ts";
import { type ErrorKind, messageOf, TiffinError } from "../lib/errors.ts";

export function statusOf(kind: ErrorKind): number {
  switch (kind) {
    case "invalid":
      return 400;
    case "notFound":
      return 404;
    case "conflict":
      return 409;
    case "notModified":
      return 304;
    case "unauthorized":
      return 401;
    case "forbidden":
      return 403;
    case "unavailable":
      return 503;
    case "notImplemented":
      return 501;
    // Nobody is left to read it in most cases; Docker says 500 to the rest.
    case "cancelled":
    case "internal":
      return 500;
  }
}

/** Everything thrown as the typed error that it is, or as an internal one. */
export function asTiffinError(thrown: unknown): TiffinError {
  if (thrown instanceof TiffinError) return thrown;
  return new TiffinError("internal", "api.fault", messageOf(thrown), { cause: thrown });
}

export function errorBody(error: TiffinError): ErrorResponse {
  return {
    message: error.message,
    code: error.code,
    ...(error.remedy !== undefined && { remedy: error.remedy }),
    ...(error.exitCode !== undefined && { exitCode: error.exitCode }),
  };
}
