/** Which engine is meant: by an address, by a context, or by neither. */
import { TiffinError } from "../lib/errors.ts";
import { ContextStore, defaultContext, endpointOf, readTls } from "./contexts.ts";
import {
  defaultEndpointText,
  type Endpoint,
  namedEndpoint,
  parseEndpoint,
  type TlsSettings,
} from "./endpoint.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface EndpointWishes {
  readonly host: string | undefined;
  readonly context: string | undefined;
  /** Instead of what the environment says. */
  readonly tls: TlsSettings | undefined;
  readonly env: Environment;
}

/** Where the files of Docker's command line are: DOCKER_CONFIG, or `.docker` in the home directory. */
export function configDirectory(env: Environment): string {
  return env["DOCKER_CONFIG"] || `${env["HOME"] || "/root"}/.docker`;
}

/**
 * The address given, TIFFIN_HOST, DOCKER_HOST; then the context given, TIFFIN_CONTEXT, DOCKER_CONTEXT, the current one; then the
 * default socket. DOCKER_TLS_VERIFY and DOCKER_CERT_PATH are for addresses; a context has its own certificates.
 */
export function chosenEndpoint({ host, context, tls, env }: EndpointWishes): Endpoint {
  const named = context === undefined ? namedEndpoint(host, env) : undefined;
  if (named !== undefined) return parseEndpoint(named, tls ?? tlsOfEnvironment(env));
  const store = new ContextStore(configDirectory(env));
  const chosen = context ?? (env["TIFFIN_CONTEXT"] || env["DOCKER_CONTEXT"] || store.current());
  if (chosen === defaultContext) return parseEndpoint(defaultEndpointText);
  const endpoint = endpointOf(store.get(chosen));
  return tls !== undefined && endpoint.kind === "tcp" ? { ...endpoint, tls } : endpoint;
}

/** Set and empty is not set, as in Docker. */
function tlsOfEnvironment(env: Environment): TlsSettings | undefined {
  const verify = Boolean(env["DOCKER_TLS_VERIFY"]);
  if (!verify && !env["DOCKER_TLS"]) return undefined;
  return { ...certificatesIn(env["DOCKER_CERT_PATH"] || configDirectory(env)), verify };
}

/** Throws `invalid` when there are none: who asks for TLS and has no certificates has named the wrong directory. */
export function certificatesIn(directory: string): Omit<TlsSettings, "verify"> {
  const found = readTls(directory);
  if ((found.cert === undefined) !== (found.key === undefined)) {
    const [there, missing] = found.cert === undefined ? ["key.pem", "cert.pem"] : ["cert.pem", "key.pem"];
    throw new TiffinError("invalid", "client.certificates", `${directory} has ${there} and no ${missing}`);
  }
  if (found.ca !== undefined || found.cert !== undefined) return found;
  throw new TiffinError(
    "invalid",
    "client.certificates",
    `there are no ca.pem, cert.pem and key.pem in ${directory}`,
    {
      remedy: "set DOCKER_CERT_PATH to the directory that has them",
    },
  );
}
