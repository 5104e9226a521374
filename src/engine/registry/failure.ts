/** What can go wrong on the line to a registry, in words, and whether it is worth another try. */
import { messageOf, TiffinError } from "../../lib/errors.ts";

export interface LineFailure {
  readonly text: string;
  /** The same request may succeed when it is sent again. */
  readonly transient: boolean;
  readonly remedy?: string;
}

/** A connection over which nothing, or next to nothing, comes. */
export class StalledError extends Error {
  override readonly name = "StalledError";
}

const resetText = "the connection was closed in the middle";
const notHttp = "the answer is not HTTP";
const codes: ReadonlyMap<string, LineFailure> = new Map<string, LineFailure>(
  Object.entries({
    ECONNREFUSED: { text: "connection refused", transient: false },
    ENOTFOUND: {
      text: "no such host",
      transient: false,
      remedy: "check the image's name, and this machine's name servers (/etc/resolv.conf)",
    },
    EAI_AGAIN: { text: "the host's name cannot be looked up now", transient: true },
    EHOSTUNREACH: { text: "no route to the host", transient: false },
    ENETUNREACH: { text: "the network is unreachable", transient: false },
    ETIMEDOUT: { text: "the connection timed out", transient: true },
    ECONNRESET: { text: resetText, transient: true },
    ECONNABORTED: { text: resetText, transient: true },
    EPIPE: { text: resetText, transient: true },
    ConnectionClosed: { text: resetText, transient: true },
    EPROTO: {
      text: "the TLS handshake failed: the server speaks plain HTTP, or wants a client certificate",
      transient: false,
      remedy:
        "list the registry under insecure-registries when it has no TLS, or put client.cert and client.key into /etc/docker/certs.d/HOST",
    },
    ERR_TLS_CERT_ALTNAME_INVALID: {
      text: "the certificate is for another host",
      transient: false,
    },
    CERT_HAS_EXPIRED: { text: "the certificate has expired", transient: false },
    Malformed_HTTP_Response: { text: notHttp, transient: false },
    UnrequestedUpgrade: { text: `${notHttp} but another protocol, which nobody asked for`, transient: false },
    ResponseHeadersTooLarge: { text: "the headers of the answer are too large", transient: false },
  }),
);

const untrusted: LineFailure = {
  text: "the certificate is signed by an authority that is not trusted here",
  transient: false,
  remedy: "put the authority's certificate into /etc/docker/certs.d/HOST/ca.crt",
};
const certificateCode = /CERT|SIGNATURE|ISSUER|SELF_SIGNED/;

function codeOf(thrown: unknown): string {
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown)) return "";
  return typeof thrown.code === "string" ? thrown.code : "";
}

/** What `fetch` has thrown. */
export function lineFailure(thrown: unknown): LineFailure {
  if (thrown instanceof StalledError) return { text: thrown.message, transient: true };
  const code = codeOf(thrown);
  const known = codes.get(code);
  if (known !== undefined) return known;
  if (certificateCode.test(code)) return { ...untrusted, text: `${untrusted.text} (${messageOf(thrown)})` };
  const [first = ""] = messageOf(thrown).split(". For more information");
  return { text: first, transient: true };
}

/** The error of a request that could not be made, or whose answer did not arrive. */
export function unreachable(what: string, host: string, failure: LineFailure, cause: unknown): TiffinError {
  return new TiffinError("unavailable", "registry.unreachable", `cannot ${what}: ${failure.text}`, {
    cause,
    ...(failure.remedy === undefined ? {} : { remedy: failure.remedy.replaceAll("HOST", host) }),
  });
}

/** Somebody has called it off. */
export function cancelled(what: string): TiffinError {
  return new TiffinError("cancelled", "registry.cancelled", `${what} was called off`);
}
