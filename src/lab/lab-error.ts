/** The bench's errors: what was to be done with what, what was found, and what helps. */
import { type ErrorDetails, TiffinError } from "../lib/errors.ts";

export function misuse(message: string, details?: ErrorDetails): TiffinError {
  return new TiffinError("invalid", "lab.usage", message, details);
}

export function missing(message: string, details?: ErrorDetails): TiffinError {
  return new TiffinError("notFound", "lab.missing", message, details);
}

export function taken(message: string, details?: ErrorDetails): TiffinError {
  return new TiffinError("conflict", "lab.taken", message, details);
}

export function refused(message: string, details?: ErrorDetails): TiffinError {
  return new TiffinError("internal", "lab.refused", message, details);
}

/** `lo, veth0 and veth1`; "nothing" for an empty list. */
export function listed(names: readonly string[]): string {
  if (names.length === 0) return "nothing";
  const shown = names.slice(0, 12);
  const more = names.length - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}
