/**
 * The command line's way to an engine that is not behind a unix socket of this machine. It speaks by blocking calls on one
 * descriptor, so TLS and TCP are spoken by a second run of this program, the bridge, and ssh by ssh; both have the other end of a
 * socket pair as their standard input and output. Certificates go to the bridge in a file without a name.
 */
import { type Endpoint, type SshEndpoint, sshCommand } from "../client/endpoint.ts";
import type { SyncSocket } from "../client/sync-socket.ts";
import { decodeJson, object, oneOf, optional, text } from "../docker/decode.ts";
import { readToEnd } from "../kernel/io.ts";
import { sealedMemfd } from "../kernel/memfd.ts";
import type { OwnedFd } from "../kernel/owned-fd.ts";
import { socketPair } from "../kernel/socket-pair.ts";
import { spawn } from "../kernel/spawn.ts";
import { UnixStream } from "../kernel/unix-stream.ts";
import { errorKinds, TiffinError } from "../lib/errors.ts";
import { bridgeFds, bridgeWord } from "./bridge.ts";
import { selfCommand } from "./self-command.ts";

const limitReportBytes = 64 * 1024;
const standardError = 2;
const report = object({ kind: oneOf(...errorKinds), code: text, message: text, remedy: optional(text) });

/** Connects; throws what the way there failed with. */
export function dialOut(endpoint: Endpoint): SyncSocket {
  const [ours, theirs] = socketPair("the connection to the engine");
  try {
    if (endpoint.kind === "ssh") startSsh(endpoint, theirs);
    else startBridge(endpoint, theirs);
  } catch (thrown) {
    ours[Symbol.dispose]();
    throw thrown;
  } finally {
    theirs[Symbol.dispose]();
  }
  const stream = new UnixStream(ours);
  return {
    fd: ours.raw,
    read: (into) => stream.read(into),
    write: (bytes) => stream.write(bytes),
    shutdownWrite: () => stream.endWriting(),
    close: () => stream[Symbol.dispose](),
  };
}

function environment(): readonly string[] {
  return Object.entries(process.env).map(([key, value]) => `${key}=${value ?? ""}`);
}

/** What ssh has to say it says itself. */
function startSsh(endpoint: SshEndpoint, socket: OwnedFd): void {
  spawn({
    executable: "/usr/bin/env",
    argv: ["env", ...sshCommand(endpoint)],
    env: environment(),
    fds: [
      [socket, 0],
      [socket, 1],
      [standardError, standardError],
    ],
  });
}

function startBridge(endpoint: Endpoint, socket: OwnedFd): void {
  using address = sealedMemfd("endpoint", new TextEncoder().encode(JSON.stringify(endpoint)));
  const [listens, tells] = socketPair("the bridge's report");
  using heard = listens;
  try {
    const fds: readonly (readonly [OwnedFd, number])[] = [
      [socket, bridgeFds.caller],
      [address, bridgeFds.endpoint],
      [tells, bridgeFds.report],
    ];
    spawn({ ...selfCommand([bridgeWord]), env: environment(), fds });
  } finally {
    tells[Symbol.dispose]();
  }
  const told = new TextDecoder().decode(readToEnd(heard, limitReportBytes));
  if (told === "") return;
  const { kind, code, message, remedy } = decodeJson(told, report, "report of the bridge");
  throw new TiffinError(kind, code, message, remedy === undefined ? {} : { remedy });
}
