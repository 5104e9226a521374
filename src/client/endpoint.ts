/** Where the engine listens, in Docker's notation. */
import { TiffinError } from "../lib/errors.ts";

export type Endpoint =
  | { readonly kind: "unix"; readonly path: string; readonly text: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly text: string };

export const defaultEndpointText = "unix:///run/tiffin.sock";

/** `unix:///PATH` or `tcp://HOST[:PORT]` (default port 2375). Throws `invalid`. */
export function parseEndpoint(text: string): Endpoint {
  const unix = /^unix:\/\/(\/.+)$/.exec(text)?.[1];
  if (unix !== undefined) return { kind: "unix", path: unix, text };
  const tcp = /^(?:tcp|http):\/\/(\[[0-9a-fA-F:.]+\]|[^:/\s]+)(?::(\d{1,5}))?\/?$/.exec(text);
  const port = Number(tcp?.[2] ?? 2375);
  if (tcp?.[1] !== undefined && port >= 1 && port <= 65535) {
    return { kind: "tcp", host: tcp[1].replace(/^\[|\]$/g, ""), port, text };
  }
  throw new TiffinError(
    "invalid",
    "client.bad-endpoint",
    `unable to parse the engine's address ${JSON.stringify(text)}: wanted unix:///PATH or tcp://HOST:PORT`,
  );
}

/** The option wins over TIFFIN_HOST, that over DOCKER_HOST; none of them means the default socket. */
export function chooseEndpoint(
  option: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Endpoint {
  return parseEndpoint(option || env["TIFFIN_HOST"] || env["DOCKER_HOST"] || defaultEndpointText);
}
