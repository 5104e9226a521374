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
  try {
    return new NodeDuplex(await connected(connectTls(options), "secureConnect"));
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
    // Those of the network have errno names, and are told as an engine that is not there.
    if (/^E[A-Z]+$/.test(code)) throw thrown;
    const { message, remedy } = reasons.find(({ codes }) => codes.test(code)) ?? {};
    throw new TiffinError(
      "unauthorized",
      "client.tls",
      `no trusted connection to ${text}: ${message ?? messageOf(thrown)}`,
      {
        remedy:
          remedy ??
          "look at ca, cert and key: the engine's certificate must be signed by ca and have its name",
        cause: thrown,
      },
    );
  }
}

/** What OpenSSL's and BoringSSL's codes mean here, for Node and Bun. */
const reasons: readonly { readonly codes: RegExp; readonly message?: string; readonly remedy: string }[] = [
  {
    codes: /KEY_VALUES_MISMATCH/,
    message: "the key of this side does not belong to its certificate",
    remedy: "give cert and key that were made together",
  },
  {
    codes: /_PEM_|_ASN1_|BORINGSSL|NO_START_LINE|BAD_BASE64/,
    message: "what was given as ca, cert or key is no sound PEM text",
    remedy: "each begins with -----BEGIN; a key must be without a passphrase",
  },
  { codes: /CERT_HAS_EXPIRED/, remedy: "give the engine a new certificate; it takes it over on SIGHUP" },
  { codes: /CERT_NOT_YET_VALID/, remedy: "compare the clocks of both machines" },
  {
    codes: /ALTNAME/,
    remedy: "use a name that is in the engine's certificate, or give it one with this name",
  },
];

/** A connection is one run of ssh, whose words go to this program's standard error. */
function dialSsh(endpoint: SshEndpoint): Promise<ByteDuplex> {
  const [program = "ssh", ...words] = sshCommand(endpoint);
  const child = spawn(program, words, { stdio: ["pipe", "pipe", "inherit"] });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("spawn", () => resolve(new NodeDuplex(child.stdout, child.stdin, () => child.kill())));
  });
}
