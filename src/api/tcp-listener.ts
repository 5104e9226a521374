/**
 * The API beyond this machine: TCP, with TLS on both sides. Each connection is relayed to the engine's own socket, so that what
 * stands behind it is one server with one set of limits. Whoever reaches the API is root here, so a listener that does not ask for a
 * certificate is refused beyond loopback, unless that is asked for aloud.
 */
import { createServer as createPlain, type Server, type Socket } from "node:net";
import { createServer as createTls, Server as TlsServer } from "node:tls";
import { messageOf, TiffinError } from "../lib/errors.ts";
import { connectDuplex } from "../transport/bun-duplex.ts";
import { NodeDuplex } from "../transport/node-duplex.ts";
import { type Pems, readTls, type TlsFiles } from "./tls-files.ts";

export interface TcpWishes {
  /** `tcp://HOST:PORT` */
  readonly hosts: readonly string[];
  readonly tls: TlsFiles | undefined;
  /** Anybody may use the engine from anywhere, and that is meant. */
  readonly unauthenticated: boolean;
  warn(sentence: string): void;
}

export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

const limitConnections = 1024;
const limitHandshakeMs = 10_000;
const plainPort = 2375;
const tlsPort = 2376;

export function parseTcpHost(text: string, hasTls: boolean): TcpAddress {
  const [, host, port] = /^tcp:\/\/(\[[0-9a-fA-F:.]+\]|[^:/\s[\]]+)(?::(\d{1,5}))?\/?$/.exec(text) ?? [];
  const number = Number(port ?? (hasTls ? tlsPort : plainPort));
  if (host !== undefined && number <= 65_535) return { host: host.replace(/^\[|\]$/g, ""), port: number };
  throw new TiffinError(
    "invalid",
    "api.host",
    `invalid host ${JSON.stringify(text)}: wanted tcp://HOST:PORT`,
  );
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

function checkIsMeant(address: TcpAddress, { tls, unauthenticated, warn }: TcpWishes): void {
  if (tls?.authority !== undefined) return;
  const place = `tcp://${address.host}:${address.port}`;
  const open = tls === undefined ? "without TLS" : "without asking clients for a certificate";
  if (!isLoopback(address.host) && !unauthenticated) {
    throw new TiffinError(
      "forbidden",
      "api.unauthenticated",
      `will not listen at ${place} ${open}: whoever reaches it would be root on this machine`,
      {
        remedy:
          "give --tlsverify with --tlscacert, --tlscert and --tlskey, or say --unauthenticated-tcp true",
        exitCode: 125,
      },
    );
  }
  warn(`whoever reaches ${place} is root on this machine: it is open ${open}`);
}

function serverFor(pems: Pems | undefined, take: (socket: Socket) => void): Server {
  if (pems === undefined) return createPlain({ allowHalfOpen: true }, take);
  const isMutual = pems.ca !== undefined;
  const options = {
    ...pems,
    allowHalfOpen: true,
    requestCert: isMutual,
    rejectUnauthorized: isMutual,
    minVersion: "TLSv1.2" as const,
    handshakeTimeout: limitHandshakeMs,
  };
  try {
    return createTls(options, take);
  } catch (thrown) {
    throw new TiffinError(
      "invalid",
      "api.certificate",
      `the certificate, key and authority do not fit together: ${messageOf(thrown)}`,
      { cause: thrown },
    );
  }
}

async function listening(server: Server, { host, port }: TcpAddress): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      reject(
        new TiffinError(
          "unavailable",
          "api.tcp-bind",
          `cannot listen at tcp://${host}:${port}: ${messageOf(cause)}`,
          {
            cause,
          },
        ),
      );
    });
    server.listen({ host, port }, resolve);
  });
}

/** Listens until it is disposed of; connections lead to the engine's own socket. */
export interface TcpDoor extends Disposable {
  /**
   * Reads the certificates anew, and throws what is wrong with them. What it returns puts them in force for connections to come, and
   * is true when they are others; those that are open live on.
   */
  renew(tls: TlsFiles, warn: (sentence: string) => void): () => boolean;
}
export type ListenTcp = (socketPath: string) => Promise<TcpDoor>;

/** Checks all that can be checked before an engine is there: addresses, whether they are meant, certificates. */
export function prepareTcp(wishes: TcpWishes): ListenTcp {
  const { hosts, tls, warn } = wishes;
  const addresses = hosts.map((host) => parseTcpHost(host, tls !== undefined));
  for (const address of addresses) checkIsMeant(address, wishes);
  const pems = tls === undefined ? undefined : readTls(tls, warn);
  return (socketPath) => listenAt(addresses, pems, socketPath);
}

/** What lets another certificate be shown; the servers speak TLS. */
function renewing(servers: readonly Server[], first: Pems | undefined): TcpDoor["renew"] {
  let last = first;
  return (tls, warn) => {
    const next = readTls(tls, warn);
    return () => {
      if (Bun.deepEquals(last, next)) return false;
      for (const server of servers) if (server instanceof TlsServer) server.setSecureContext(next);
      last = next;
      return true;
    };
  };
}

async function listenAt(
  addresses: readonly TcpAddress[],
  pems: Pems | undefined,
  socketPath: string,
): Promise<TcpDoor> {
  const open = new Set<NodeDuplex>();
  const take = (socket: Socket): void => {
    const client = new NodeDuplex(socket);
    open.add(client);
    relay(client, socketPath)
      .catch(() => client.destroy())
      .finally(() => open.delete(client));
  };
  const servers: Server[] = [];
  const close = (): void => {
    for (const server of servers) server.close();
    for (const client of open) client.destroy();
  };
  try {
    for (const address of addresses) {
      const server = serverFor(pems, take);
      server.maxConnections = limitConnections;
      // Strangers who do not speak TLS, or show no certificate, are nobody's concern.
      server.on("tlsClientError", (_error: Error, socket: Socket) => socket.destroy());
      servers.push(server);
      await listening(server, address);
    }
  } catch (thrown) {
    close();
    throw thrown;
  }
  return { [Symbol.dispose]: close, renew: renewing(servers, pems) };
}

/** Both ways with half-close; an end of one connection is an end of the other, whatever is still on its way to nobody. */
async function relay(client: NodeDuplex, socketPath: string): Promise<void> {
  const engine = await connectDuplex({ unix: socketPath });
  const { promise: over, resolve } = Promise.withResolvers<void>();
  let isAnswered = false;
  client.listen({
    data(chunk) {
      if (!engine.write(chunk)) client.pause();
    },
    end: () => engine.end(),
    close() {
      engine.destroy();
      resolve();
    },
    drain() {
      if (isAnswered) client.destroy();
      else engine.resume();
    },
  });
  engine.listen({
    data(chunk) {
      if (!client.write(chunk)) engine.pause();
    },
    end: () => client.end(),
    close() {
      isAnswered = true;
      client.end();
    },
    drain: () => client.resume(),
  });
  await over;
}
