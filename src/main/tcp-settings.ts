/** The settings of TCP, put together: what cannot be meant is told before the engine opens anything. */
import type { TlsFiles } from "../api/mod.ts";
import { type GivenSettings, usageError } from "./daemon-options.ts";

export interface TcpPlan {
  readonly hosts: readonly string[];
  readonly tls: TlsFiles | undefined;
  readonly unauthenticated: boolean;
}

/** Undefined where nothing is to listen by TCP. */
export function tcpPlan(given: GivenSettings): TcpPlan | undefined {
  const { tcpHosts = [], tlsVerify = false, tlsAuthority, tlsCertificate, tlsKey } = given;
  const wanted = { tlscacert: tlsAuthority, tlscert: tlsCertificate, tlskey: tlsKey };
  if (tlsVerify) {
    const missing = Object.entries(wanted).flatMap(([flag, file]) =>
      file === undefined ? [`--${flag}`] : [],
    );
    if (missing.length > 0) throw usageError(`--tlsverify needs ${missing.join(" and ")}`);
  }
  if ((tlsCertificate === undefined) !== (tlsKey === undefined)) {
    throw usageError("--tlscert and --tlskey belong together");
  }
  if (tlsAuthority !== undefined && !tlsVerify) {
    throw usageError(
      "--tlscacert is of no use without --tlsverify: clients would not be asked for a certificate",
    );
  }
  if (tcpHosts.length === 0) return undefined;
  const tls =
    tlsCertificate === undefined || tlsKey === undefined
      ? undefined
      : { certificate: tlsCertificate, key: tlsKey, authority: tlsVerify ? tlsAuthority : undefined };
  return { hosts: tcpHosts, tls, unauthenticated: given.unauthenticatedTcp ?? false };
}
