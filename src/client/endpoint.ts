/** Where the engine listens, in Docker's notation. */
import { TiffinError } from "../lib/errors.ts";

/** Certificates as PEM text. */
export interface TlsSettings {
  /** Who signed the engine's certificate; the machine's authorities without it. */
  readonly ca?: string | undefined;
  /** What this side shows, with its key. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** False: any certificate will do. */
  readonly verify: boolean;
  /** The name that the engine's certificate must have, where it is not the host's. */
  readonly serverName?: string | undefined;
}

export interface UnixEndpoint {
  readonly kind: "unix";
  readonly path: string;
  readonly text: string;
}
export interface TcpEndpoint {
  readonly kind: "tcp";
  readonly host: string;
  readonly port: number;
  readonly text: string;
  /** Undefined: nothing is encrypted. */
  readonly tls?: TlsSettings | undefined;
}
/** An engine behind the ssh of another machine, where `docker system dial-stdio` leads to it. */
export interface SshEndpoint {
  readonly kind: "ssh";
  /** For ssh: `[USER@]HOST`. */
  readonly destination: string;
  readonly port: number | undefined;
  /** The socket there, where it is not the usual one. */
  readonly path: string | undefined;
  readonly text: string;
}
export type Endpoint = UnixEndpoint | TcpEndpoint | SshEndpoint;

export const defaultEndpointText = "unix:///run/tiffin.sock";
const plainPort = 2375;
const tlsPort = 2376;

export function badEndpoint(
  text: string,
  wanted = "unix:///PATH, tcp://HOST:PORT or ssh://[USER@]HOST",
): TiffinError {
  return new TiffinError(
    "invalid",
    "client.bad-endpoint",
    `unable to parse the engine's address ${JSON.stringify(text)}: wanted ${wanted}`,
  );
}

/** `unix:///PATH`, `tcp://HOST[:PORT]` (2376 with TLS, otherwise 2375) or `ssh://[USER@]HOST[:PORT][/SOCKET]`. Throws `invalid`. */
export function parseEndpoint(text: string, tls?: TlsSettings): Endpoint {
  const unix = /^unix:\/\/(\/.+)$/.exec(text)?.[1];
  if (unix !== undefined) return { kind: "unix", path: unix, text };
  if (text.startsWith("ssh://")) return parseSsh(text);
  const tcp = /^(tcp|https?):\/\/(\[[0-9a-fA-F:.]+\]|[^:/\s]+)(?::(\d{1,5}))?\/?$/.exec(text);
  const [, scheme, host] = tcp ?? [];
  const settings = tls ?? (scheme === "https" ? { verify: true } : undefined);
  const port = Number(tcp?.[3] ?? (settings === undefined ? plainPort : tlsPort));
  if (host !== undefined && port >= 1 && port <= 65535) {
    const bare = host.replace(/^\[|\]$/g, "");
    return { kind: "tcp", host: bare, port, text, ...(settings === undefined ? {} : { tls: settings }) };
  }
  throw badEndpoint(text);
}

/** What begins with `-` would be an option of ssh. */
const sshPattern =
  /^ssh:\/\/((?:[A-Za-z0-9_.][A-Za-z0-9_.-]*@)?)(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.][A-Za-z0-9_.-]*)(?::(\d{1,5}))?(\/[^\s]*)?$/;

function parseSsh(text: string): SshEndpoint {
  const [whole, user = "", host = "", port, path] = sshPattern.exec(text) ?? [];
  const wanted = "ssh://[USER@]HOST[:PORT][/SOCKET], without a password";
  if (whole === undefined) throw badEndpoint(text, wanted);
  const number = port === undefined ? undefined : Number(port);
  if (number !== undefined && (number < 1 || number > 65535)) throw badEndpoint(text, wanted);
  return {
    kind: "ssh",
    destination: `${user}${host.replace(/^\[|\]$/g, "")}`,
    port: number,
    path: path === undefined || path === "/" ? undefined : path,
    text,
  };
}

/** The words of the program that leads to the engine of `endpoint` by its standard input and output. */
export function sshCommand({ destination, port, path }: SshEndpoint): readonly string[] {
  // A shell there takes the words apart.
  const remote = path === undefined ? [] : ["--host", `'unix://${path.replaceAll("'", "'\\''")}'`];
  return [
    "ssh",
    "-T",
    ...(port === undefined ? [] : ["-p", String(port)]),
    "--",
    destination,
    "docker",
    ...remote,
    "system",
    "dial-stdio",
  ];
}

/** The option wins over TIFFIN_HOST, that over DOCKER_HOST; undefined when none of them is there. */
export function namedEndpoint(
  option: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  return option || env["TIFFIN_HOST"] || env["DOCKER_HOST"] || undefined;
}

/** As named; none means the default socket. */
export function chooseEndpoint(
  option: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Endpoint {
  return parseEndpoint(namedEndpoint(option, env) ?? defaultEndpointText);
}
