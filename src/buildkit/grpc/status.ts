/** Codes of gRPC, and how failures of either side become the other's. */
import { type ErrorKind, messageOf, TiffinError } from "../../lib/errors.ts";

export const codes = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

const codeOfKind: Partial<Record<ErrorKind, number>> = {
  // What clients show as it is: for the others they say the code's name first.
  invalid: codes.unknown,
  notFound: codes.notFound,
  conflict: codes.failedPrecondition,
  unauthorized: codes.unauthenticated,
  forbidden: codes.permissionDenied,
  unavailable: codes.unavailable,
  notImplemented: codes.unimplemented,
  cancelled: codes.cancelled,
  internal: codes.internal,
};

/** A call that the other side did not answer well. */
export class CallFailed extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export interface Failure {
  readonly code: number;
  readonly message: string;
}

export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof CallFailed) return { code: thrown.code, message: thrown.message };
  if (thrown instanceof TiffinError) {
    return { code: codeOfKind[thrown.kind] ?? codes.unknown, message: thrown.message };
  }
  if (thrown instanceof Error && thrown.name === "AbortError") {
    return { code: codes.cancelled, message: "context canceled" };
  }
  return { code: codes.unknown, message: messageOf(thrown) };
}

/** `grpc-message`: printable ASCII, everything else percent-encoded. */
export function encodeStatusMessage(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) =>
    byte >= 0x20 && byte < 0x7f && byte !== 0x25
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
  ).join("");
}

export function decodeStatusMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (thrown) {
    // Not percent-encoded at all: shown as it is.
    if (thrown instanceof URIError) return text;
    throw thrown;
  }
}
