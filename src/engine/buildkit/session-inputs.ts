/** What a build gets from its client's session, asked for only when a step wants it. */
import {
  askCredentials,
  askSecret,
  type ClientSession,
  connectAgent,
  hasAgent,
  pullUpload,
  receiveFiles,
} from "../../buildkit/mod.ts";
import { openDirectory } from "../../kernel/files.ts";
import { archiveContext, type BuildInputs, type LocalContext, type NamedContext } from "../build/mod.ts";
import { SyncedDirectory } from "./synced-directory.ts";

export interface SessionFiles {
  readonly session: ClientSession;
  /** What a context may have at most. */
  readonly limitBytes: number;
}

/** Does the work of a transfer, which says how many bytes came, as a step that is told of. */
export type TellTransfer = (transfer: () => Promise<number>) => Promise<void>;

const untold: TellTransfer = async (transfer) => {
  await transfer();
};

/** A directory that the client calls `name`. */
export function sessionDirectory(
  { session, limitBytes }: SessionFiles,
  name: string,
  tell: TellTransfer = untold,
): LocalContext {
  const { sharedKey } = session.head;
  return {
    ...(sharedKey !== "" && { sharedKey: `${sharedKey}:${name}` }),
    async receive(
      directory: string,
      wanted: Parameters<LocalContext["receive"]>[1],
      signal: AbortSignal,
    ): Promise<number> {
      let total = 0;
      await tell(async () => {
        using root = openDirectory(directory);
        using synced = new SyncedDirectory(root, limitBytes);
        await receiveFiles(session, { name, ...wanted }, synced, signal);
        synced.finish();
        total = synced.totalBytes;
        return synced.received.bytes;
      });
      return total;
    },
  };
}

const uploadHost = "buildkit-session";

/** An address of the client's own, from which it sends an archive; undefined: it is none. */
export function uploadContext(files: SessionFiles, url: string): LocalContext | undefined {
  const match = new RegExp(`^https?://(${uploadHost})(/.*)$`).exec(url);
  const [, host, path] = match ?? [];
  if (host === undefined || path === undefined) return undefined;
  return archiveContext((signal) => pullUpload(files.session, { host, path }, signal), files.limitBytes);
}

/** Docker's own registry, as credentials know it. */
const hubKeys = ["https://index.docker.io/v1/", "registry-1.docker.io", "docker.io"];

export function sessionInputs(
  files: SessionFiles,
  contexts: ReadonlyMap<string, NamedContext>,
  signal: AbortSignal,
): BuildInputs {
  const { session } = files;
  return {
    contexts,
    secret: (id) => askSecret(session, id, signal),
    hasAgent: (id) => hasAgent(session, id, signal),
    connectAgent: async (id) => connectAgent(session, id, signal),
    async credentials(host) {
      for (const key of host === "docker.io" ? hubKeys : [host]) {
        const found = await askCredentials(session, key, signal);
        if (found === undefined) continue;
        const { username, secret } = found;
        return username === "" ? { identitytoken: secret } : { username, password: secret };
      }
      return undefined;
    },
  };
}
