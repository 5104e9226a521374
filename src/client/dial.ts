/** Opens connections to an engine with what Node and Bun both have. */
import { spawn } from "node:child_process";
import { connect as connectNet, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ByteDuplex } from "../lib/byte-duplex.ts";
import { messageOf, TiffinError } from "../lib/errors.ts";
import { NodeDuplex } from "../transport/node-duplex.ts";
import { type Endpoint, type SshEndpoint, sshCommand, type TcpEndpoint } from "./endpoint.ts";

export async function dial(endpoint: Endpoint): Promise<ByteDuplex> {
  switch (endpoint.kind) {
    case "unix":
      return new NodeDuplex(
        await connected(connectNet({ path: endpoint.path, allowHalfOpen: true }), "connect"),
      );
    case "tcp":
      return await dialTcp(endpoint);
    case "ssh":
      return dialSsh(endpoint);
  }
}

function connected(socket: Socket, event: "connect" | "secureConnect"): Promise<Socket> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => {
      socket.off("error", reject);
      resolve(socket);
    });
    socket.once("error", reject);
  });
}

async function dialTcp({ host, port, tls, text }: TcpEndpoint): Promise<ByteDuplex> {
  if (tls === undefined) {
    return new NodeDuplex(await connected(connectNet({ host, port, allowHalfOpen: true }), "connect"));
  }
  const { ca, cert, key, verify, serverName } = tls;
  // Its type does not name `allowHalfOpen`, its documentation does.
  const options = {
    host,
    port,
    allowHalfOpen: true,
    rejectUnauthorized: verify,
    minVersion: "TLSv1.2" as const,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(serverName !== undefined && { servername: serverName }),
  };
  const socket = connectTls(options);
  try {
    return new NodeDuplex(await connected(socket, "secureConnect"));
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
    // Those of the network have errno names, and are told as an engine that is not there.
    if (/^E[A-Z]+$/.test(code)) throw thrown;
    throw new TiffinError(
      "unauthorized",
      "client.tls",
      `no trusted connection to ${text}: ${messageOf(thrown)}`,
      {
        remedy: "look at ca, cert and key: the engine's certificate must be signed by ca and have its name",
        cause: thrown,
      },
    );
  }
}

/** A connection is one run of ssh, whose words go to this program's standard error. */
function dialSsh(endpoint: SshEndpoint): Promise<ByteDuplex> {
  const [program = "ssh", ...words] = sshCommand(endpoint);
  const child = spawn(program, words, { stdio: ["pipe", "pipe", "inherit"] });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("spawn", () => resolve(new NodeDuplex(child.stdout, child.stdin, () => child.kill())));
  });
}
