/** One place where a repository can be had: the registry itself, or a mirror of it. */

export interface Endpoint {
  /** As people write it, `localhost:5000`: in errors, and what certificates are kept under. */
  readonly host: string;
  /** What credentials are kept under; `docker.io` for Docker's own. */
  readonly credentialHost: string;
  /** `https://localhost:5000`; a registry that may do without TLS has the plain one as its second. */
  readonly origins: readonly string[];
  /** `/v2`, or where a mirror has it. */
  readonly apiPath: string;
  readonly repository: string;
  readonly isMirror: boolean;
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** A mirror of many registries is told which one is meant. */
  readonly namespace?: string;
  /** Left out for such references: a mirror may be for digests or for tags alone. */
  readonly onlyFor?: "digest" | "tag";
}

/** The host that serves a reference's domain. */
export function registryHost(domain: string): string {
  return domain === "docker.io" ? "registry-1.docker.io" : domain;
}

/** `<host>` with what the scheme makes unnecessary left out, as certificates and credentials are kept under. */
export function originsOf(host: string, insecure: boolean): string[] {
  return insecure ? [`https://${host}`, `http://${host}`] : [`https://${host}`];
}
