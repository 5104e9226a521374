/** The API of an engine: Docker's routes and Tiffin's additions over HTTP, behind the narrow interfaces of `backend.ts`. */
import { writeSync } from "node:fs";
import { messageOf, TiffinError } from "../lib/errors.ts";
import type { HttpHandler, RequestCaller } from "../transport/http-message.ts";
import { HttpServer } from "../transport/http-server.ts";
import type { Backends } from "./backend.ts";
import { Dispatcher } from "./dispatch.ts";
import { archiveHandlers } from "./handlers/archive.ts";
import { buildHandlers } from "./handlers/build.ts";
import { buildkitHandlers } from "./handlers/buildkit.ts";
import { containerHandlers } from "./handlers/container.ts";
import { execHandlers } from "./handlers/exec.ts";
import { imageHandlers } from "./handlers/image.ts";
import { networkHandlers } from "./handlers/network.ts";
import { reachHandlers } from "./handlers/reach.ts";
import { streamHandlers } from "./handlers/stream.ts";
import { systemHandlers } from "./handlers/system.ts";
import { volumeHandlers } from "./handlers/volume.ts";
import { bindSocketPath } from "./socket-path.ts";
import type { ListenTcp, TcpWishes } from "./tcp-listener.ts";

export type { Backends } from "./backend.ts";
export { bindSocketPath, checkSocketPath } from "./socket-path.ts";
export type { TcpDoor } from "./tcp-listener.ts";
export type { TlsFiles } from "./tls-files.ts";

/** How long requests under way may go on after `close`. */
const defaultGraceMs = 2_000;

export interface ApiOptions {
  /** Shown in the `Server` header. */
  readonly version?: string;
  /** Told every failure that is the engine's own fault, once. By default one line on standard error. */
  readonly onFault?: (error: unknown) => void;
  /** How many bytes that were written to a socket its peer has not read. */
  readonly unread?: (fd: number) => number;
  /** The process at the other end of a socket; undefined where nobody can tell. */
  readonly callerAt?: (fd: number) => RequestCaller | undefined;
}

export interface ApiServer {
  /** Answers a request that has not come by a connection. */
  readonly handle: HttpHandler;
  /** `unix:///path`. `invalid` for another form, `conflict` when an engine answers there. */
  listen(host: string): Promise<void>;
  /** Serves a connection that has been accepted, and owns its descriptor. */
  adopt(fd: number): Promise<void>;
  /** Ends idle connections, waits up to `graceMs` for the others, then cuts all. */
  close(graceMs?: number): Promise<void>;
}

/** Loads what most engines, which listen to this machine alone, do not need. */
export async function prepareTcp(wishes: TcpWishes): Promise<ListenTcp> {
  return (await import("./tcp-listener.ts")).prepareTcp(wishes);
}

function writeFault(error: unknown): void {
  const code = error instanceof TiffinError ? ` [${error.code}]` : "";
  const stack = error instanceof Error ? `\n${error.stack ?? ""}` : "";
  writeSync(2, `tiffin: request failed${code}: ${messageOf(error)}${stack}\n`);
}

export function createApi(backends: Backends, options: ApiOptions = {}): ApiServer {
  const onFault = options.onFault ?? writeFault;
  const dispatcher = new Dispatcher({
    handlers: {
      ...volumeHandlers(backends.volumes),
      ...systemHandlers(backends.system, backends.events),
      ...imageHandlers(backends.images, onFault),
      ...buildHandlers(backends.builds, backends.buildkit, onFault),
      ...buildkitHandlers(backends.buildkit),
      ...networkHandlers(backends.networks),
      ...containerHandlers(backends.containers),
      ...archiveHandlers(backends.containers),
      ...execHandlers(backends.execs),
      ...reachHandlers(backends.reach),
      ...streamHandlers(backends.containers, backends.execs, onFault),
    },
    server: options.version === undefined ? "Tiffin (linux)" : `Tiffin/${options.version} (linux)`,
    onFault,
  });
  const server = new HttpServer({
    handler: (request) => dispatcher.handle(request),
    onFault,
    unread: options.unread,
    callerAt: options.callerAt,
  });
  return {
    handle: (request) => dispatcher.handle(request),
    async listen(host) {
      const path = /^unix:\/\/(\/.+)$/.exec(host)?.[1];
      if (path === undefined) {
        throw new TiffinError("invalid", "api.host", `invalid host ${JSON.stringify(host)}`, {
          remedy: "use unix:///PATH, and tcp://HOST:PORT beside it",
        });
      }
      await bindSocketPath(path, () => server.listen({ unix: path }));
    },
    adopt: (fd) => server.adopt(fd),
    close: (graceMs = defaultGraceMs) => server.close(graceMs),
  };
}
