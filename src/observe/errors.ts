/** The errors of observation: what was to be read of what, what was found, and what helps. */
import { type ErrorDetails, TiffinError } from "../lib/errors.ts";

export function misuse(message: string, remedy?: string): TiffinError {
  return new TiffinError("invalid", "observe.usage", message, detailsOf(remedy));
}

export function gone(message: string, remedy?: string): TiffinError {
  return new TiffinError("notFound", "observe.gone", message, detailsOf(remedy));
}

export function unreadable(message: string, remedy?: string): TiffinError {
  return new TiffinError("forbidden", "observe.unreadable", message, detailsOf(remedy));
}

function detailsOf(remedy: string | undefined): ErrorDetails {
  return remedy === undefined ? {} : { remedy };
}
