/** What a build asks of a client beside files: credentials of registries, secrets, a conversation with its ssh agent. */
import type { ByteDuplex } from "../../lib/byte-duplex.ts";
import { CallDuplex } from "../grpc/call-duplex.ts";
import { CallFailed, codes } from "../grpc/status.ts";
import { bytesMessage } from "../messages/file-sync.ts";
import {
  agentRequest,
  credentialsRequest,
  credentialsResponse,
  nothing,
  secretRequest,
  secretResponse,
} from "../messages/session-services.ts";
import type { ClientSession } from "./client-session.ts";

const methods = {
  credentials: "/moby.filesync.v1.Auth/Credentials",
  secret: "/moby.buildkit.secrets.v1.Secrets/GetSecret",
  checkAgent: "/moby.sshforward.v1.SSH/CheckAgent",
  agent: "/moby.sshforward.v1.SSH/ForwardAgent",
  upload: "/moby.upload.v1.Upload/Pull",
} as const;

/** As BuildKit's own clients offer at most, with what goes around it. */
const limitSecretBytes = 600_000;
const defaultAgent = "default";

export interface Credentials {
  readonly username: string;
  /** An identity token where there is no user name. */
  readonly secret: string;
}

function isMissing(thrown: unknown): boolean {
  return (
    thrown instanceof CallFailed && (thrown.code === codes.notFound || thrown.code === codes.unimplemented)
  );
}

/** Undefined: the client has none for that host. Errors: `CallFailed`. */
export async function askCredentials(
  session: ClientSession,
  host: string,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  if (!session.offers(methods.credentials)) return undefined;
  const request = { as: credentialsRequest, value: { host } };
  const { username, secret } = await session.connection.unary(
    methods.credentials,
    request,
    credentialsResponse,
    { signal },
  );
  return username === "" && secret === "" ? undefined : { username, secret };
}

/** Undefined: the client has no secret of that id. Errors: `CallFailed`. */
export async function askSecret(
  session: ClientSession,
  id: string,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  if (!session.offers(methods.secret)) return undefined;
  try {
    const options = { signal, limitBytes: limitSecretBytes };
    const request = { as: secretRequest, value: { id } };
    return (await session.connection.unary(methods.secret, request, secretResponse, options)).data;
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw thrown;
  }
}

/** Whether the client forwards to an agent of that id. */
export async function hasAgent(session: ClientSession, id: string, signal: AbortSignal): Promise<boolean> {
  if (!session.offers(methods.agent)) return false;
  try {
    const request = { as: agentRequest, value: { id: id === "" ? defaultAgent : id } };
    await session.connection.unary(methods.checkAgent, request, nothing, { signal });
    return true;
  } catch (thrown) {
    if (thrown instanceof CallFailed && thrown.code !== codes.cancelled) return false;
    throw thrown;
  }
}

/** A new connection to the client's agent. It ends when either side does, or with the session. */
export function connectAgent(session: ClientSession, id: string, signal: AbortSignal): ByteDuplex {
  const metadata = { "buildkit.ssh.id": id === "" ? defaultAgent : id };
  return new CallDuplex(
    session.connection.open(methods.agent, bytesMessage, bytesMessage, { metadata, signal }),
  );
}

/** What the client sends at that address of its own: an archive that it reads from its standard input. */
export async function* pullUpload(
  session: ClientSession,
  { host, path }: { readonly host: string; readonly path: string },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const metadata = { urlhost: host, urlpath: path };
  const call = session.connection.open(methods.upload, bytesMessage, bytesMessage, { metadata, signal });
  try {
    for await (const batch of call.batches) for (const { data } of batch) yield data;
  } finally {
    call.cancel();
  }
}
