/** What is built goes to the client: one stream of bytes to a file, or the files of a directory. */
import type { Metadata } from "../grpc/client.ts";
import { CallFailed, codes } from "../grpc/status.ts";
import { bytesMessage, type FileStat, packet, packetTypes } from "../messages/file-sync.ts";
import type { ClientSession } from "./client-session.ts";

const method = "/moby.filesync.v1.FileSend/DiffCopy";
const chunkBytes = 1024 * 1024;

function metadataOf(exporter: number): Metadata {
  return { "buildkit-attachable-exporter-id": String(exporter) };
}

export function takesOutput(session: ClientSession): boolean {
  return session.offers(method);
}

/** @param exporter Which of the client's outputs it is, in their order. Errors: `CallFailed`. */
export async function sendFile(
  session: ClientSession,
  exporter: number,
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const options = { metadata: metadataOf(exporter), signal };
  const call = session.connection.open(method, bytesMessage, bytesMessage, options);
  try {
    for await (const piece of bytes) {
      for (let at = 0; at < piece.length; at += chunkBytes) {
        await call.send({ data: piece.subarray(at, at + chunkBytes) });
      }
    }
    call.end();
    // It has all of it when it ends the call.
    for await (const _ of call.batches);
  } finally {
    call.cancel();
  }
}

/** A directory that is sent. */
export interface SentTree {
  /** In the order of a walk: directories before what is in them, names in the order of their bytes. */
  entries(): Iterable<FileStat>;
  content(path: string): AsyncIterable<Uint8Array>;
}

/** Sends a directory as far as the client does not have it. Errors: `CallFailed`. */
export async function sendDirectory(
  session: ClientSession,
  exporter: number,
  tree: SentTree,
  signal: AbortSignal,
): Promise<void> {
  const options = { metadata: metadataOf(exporter), signal };
  const call = session.connection.open(method, packet, packet, options);
  const paths: string[] = [];
  const wanted: number[] = [];
  let ended = false;
  let wake: (() => void) | undefined;
  // Both at once: the client asks while it still hears what there is.
  const hearing = (async (): Promise<void> => {
    for await (const batch of call.batches) {
      for (const { type, id, data } of batch) {
        if (type === packetTypes.request) wanted.push(id);
        else if (type === packetTypes.end) ended = true;
        else if (type === packetTypes.error)
          throw new CallFailed(codes.unknown, new TextDecoder().decode(data));
      }
      wake?.();
      if (ended) return;
    }
  })();
  let failure: unknown;
  hearing.catch((thrown: unknown) => {
    failure = thrown;
    wake?.();
  });
  try {
    for (const stat of tree.entries()) {
      if (failure !== undefined) throw failure;
      paths.push(stat.path);
      await call.send({ type: packetTypes.stat, stat });
    }
    await call.send({ type: packetTypes.stat });
    for (;;) {
      if (failure !== undefined) throw failure;
      const id = wanted.shift();
      if (id !== undefined) {
        const path = paths[id];
        if (path === undefined) throw new CallFailed(codes.invalidArgument, `the client asks for file ${id}`);
        for await (const data of tree.content(path)) await call.send({ type: packetTypes.data, id, data });
        await call.send({ type: packetTypes.data, id });
      } else if (ended) break;
      else {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        await promise;
      }
    }
    await call.send({ type: packetTypes.end });
    call.end();
  } finally {
    // The client has closed its side when it has the last packet.
    if (failure === undefined) await hearing.catch(() => {});
    else call.cancel();
  }
}
