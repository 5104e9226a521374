/** The way in. */
import { chosenEndpoint } from "../client/chosen-endpoint.ts";
import type { TlsSettings } from "../client/endpoint.ts";
import { TiffinError } from "../lib/errors.ts";
import type { Cancellable } from "./context.ts";
import { Engine } from "./engine.ts";

export interface ConnectOptions extends Cancellable {
  /**
   * `unix:///PATH`, `tcp://HOST:PORT` or `ssh://[USER@]HOST`. Without it: TIFFIN_HOST, DOCKER_HOST, the context, the default
   * socket, whichever comes first.
   */
  readonly host?: string;
  /** A context of `tiffin context` or `docker context`, instead of an address. */
  readonly context?: string;
  /** For `tcp://`; without it DOCKER_TLS_VERIFY and DOCKER_CERT_PATH decide. */
  readonly tls?: TlsSettings;
  /** Instead of the process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Finds the engine and makes sure that it answers. Throws `unavailable` when it does not. */
export async function connect(options: ConnectOptions = {}): Promise<Engine> {
  const { host, context, tls, env = process.env, signal } = options;
  if (host !== undefined && context !== undefined) {
    throw new TiffinError("invalid", "client.two-addresses", "both a host and a context are given", {
      remedy: "give one of them",
    });
  }
  const engine = new Engine(await chosenEndpoint({ host, context, tls, env }));
  await engine.ping({ signal });
  return engine;
}
