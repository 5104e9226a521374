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

/** What a client is told of a mistake of the program itself: its text would be about the program, which is nobody's business. */
const faultText = "internal error of the engine; its log says more";

/** An errno, or SQLite's name for one. Codes such as ERR_OUT_OF_RANGE are of mistakes. */
const refusalCode = /^(?:E[A-Z0-9]+|SQLITE_[A-Z_]+)$/;

/**
 * Everything thrown as the typed error that it is, or as an internal one. What the operating system or the database refused has
 * a code and a text about the world; anything else is a mistake of ours.
 */
export function asTiffinError(thrown: unknown): TiffinError {
  if (thrown instanceof TiffinError) return thrown;
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  const text = refusalCode.test(code) ? messageOf(thrown) : faultText;
  return new TiffinError("internal", "api.fault", text, { cause: thrown });
}

/** A message may repeat what a client or an image said, which may have any length. */
const longestMessage = 8192;
const shownStart = 4096;
const shownEnd = 1024;

function bounded(text: string): string {
  if (text.length <= longestMessage) return text;
  return `${text.slice(0, shownStart)} [${text.length - shownStart - shownEnd} characters] ${text.slice(-shownEnd)}`;
}

export function errorBody(error: TiffinError): ErrorResponse {
  return {
    message: bounded(error.message),
    code: error.code,
    ...(error.remedy !== undefined && { remedy: bounded(error.remedy) }),
    ...(error.exitCode !== undefined && { exitCode: error.exitCode }),
    ...(error.operations !== undefined && { operations: bounded(error.operations) }),
  };
}
