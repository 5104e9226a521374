/**
 * Files of a client's directory, as fsutil sends them: first what stands there, in the order of a walk, and meanwhile the
 * content of those files that were asked for. Who receives decides what it wants; the order, names and numbers of the client are checked here.
 */
import { TiffinError } from "../../lib/errors.ts";
import { shownName } from "../../lib/shown-name.ts";
import type { CallOptions, Metadata } from "../grpc/client.ts";
import { type FileStat, packet, packetTypes } from "../messages/file-sync.ts";
import { decodeGoMode } from "../messages/go-mode.ts";
import type { ClientSession } from "./client-session.ts";

const method = "/moby.filesync.v1.FileSync/DiffCopy";
const limitEntries = 4_000_000;
const limitPathBytes = 4096;
const limitNameBytes = 255;
const limitErrorBytes = 4096;
/** Of names of files whose content has not come: all of a million usual ones may wait at once. */
const limitWaitingBytes = 128 * 1024 * 1024;

export interface FilesWanted {
  /** As the client calls the directory. */
  readonly name: string;
  /** Patterns of `.dockerignore`'s kind. */
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** These, and what their links lead to. */
  readonly follow?: readonly string[];
}

export interface FileReceiver {
  /** What stands at a path that is relative and clean, parents first. True: its content is wanted. */
  entry(path: string, stat: FileStat): boolean;
  /** The next piece of a file's content, of those that were wanted. Pieces of different files may alternate. */
  content(path: string, piece: Uint8Array): void;
  endOfFile(path: string): void;
}

/** Receives all of it. Errors: `buildkit.files`, `buildkit.no-files`, those of the call and of `receiver`. */
export async function receiveFiles(
  session: ClientSession,
  wanted: FilesWanted,
  receiver: FileReceiver,
  signal: AbortSignal,
  limitBytes = limitWaitingBytes,
): Promise<void> {
  if (!session.offers(method)) {
    throw new TiffinError("invalid", "buildkit.no-files", "the client offers no local files to its build");
  }
  const options: CallOptions = { metadata: metadataOf(wanted), signal };
  const call = session.connection.open(method, packet, packet, options);
  const order = new WalkOrder();
  const pending = new Map<number, string>();
  let count = 0;
  let waitingBytes = 0;
  let complete = false;
  let finished = false;
  try {
    for await (const batch of call.batches) {
      const requests: { readonly type: number; readonly id: number }[] = [];
      for (const { type, stat, id, data } of batch) {
        if (finished && type !== packetTypes.end) throw broken("it goes on after its end");
        if (type === packetTypes.stat && stat === undefined) complete = true;
        else if (type === packetTypes.stat && stat !== undefined) {
          if (complete || count === limitEntries) throw broken("too many entries");
          const path = order.check(stat);
          if (receiver.entry(path, stat)) {
            pending.set(count, path);
            waitingBytes += path.length;
            if (waitingBytes > limitBytes) throw broken("too many files wait for their content");
            requests.push({ type: packetTypes.request, id: count });
          }
          count += 1;
        } else if (type === packetTypes.data) {
          const path = pending.get(id);
          if (path === undefined) throw broken(`content that nobody asked for (${id})`);
          if (data.length > 0) receiver.content(path, data);
          else {
            receiver.endOfFile(path);
            pending.delete(id);
            waitingBytes -= path.length;
          }
        } else if (type === packetTypes.error) {
          throw new TiffinError(
            "invalid",
            "buildkit.files",
            `the client cannot send its files: ${new TextDecoder().decode(data.subarray(0, limitErrorBytes))}`,
          );
        } else if (type === packetTypes.end && finished) return;
        else throw broken(`a packet of type ${type}`);
      }
      // Nobody waits for their way out: the client reads only as fast as we read what it sends.
      if (requests.length > 0) call.post(requests);
      if (complete && pending.size === 0 && !finished) {
        finished = true;
        call.post([{ type: packetTypes.end }]);
        call.end();
      }
    }
    if (!finished) throw broken("it ends early");
  } finally {
    call.cancel();
  }
}

function broken(what: string): TiffinError {
  return new TiffinError("invalid", "buildkit.files", `the client's files cannot be received: ${what}`);
}

/**
 * The client's words about what to send. Their bytes go as they are: newer clients know an escaped form, too, but older ones
 * would look for names with percent signs.
 */
function metadataOf({ name, include = [], exclude = [], follow = [] }: FilesWanted): Metadata {
  const metadata: Record<string, string[]> = {};
  const say = (key: string, values: readonly string[]): void => {
    // A header field has one character for each byte.
    if (values.length > 0) metadata[key] = values.map((value) => Buffer.from(value).toString("latin1"));
  };
  say("dir-name", [name]);
  say("include-patterns", include);
  say("exclude-patterns", exclude);
  say("followpaths", follow);
  return metadata;
}

/** Entries come in the order of a walk: a directory before what is in it, names in the order of their bytes, each once. */
class WalkOrder {
  /** The directories that the last entry is in, and itself. */
  #at: readonly string[] = [];
  #lastIsDirectory = true;

  /** The path of an entry, after it was found to be where an entry may be. */
  check({ path, mode }: FileStat): string {
    const shown = shownName(path);
    const parts = path.split("/");
    if (path.length > limitPathBytes || parts.some((part) => !isName(part))) {
      throw broken(`${shown} is no path within a directory`);
    }
    const same = parts.findIndex((part, index) => part !== this.#at[index]);
    const common = same === -1 ? parts.length : same;
    const last = parts.length - 1;
    // All but its own name has been sent, as directories.
    if (common === parts.length || common < last)
      throw broken(`${shown} comes twice, or before its directory`);
    const before = this.#at[common];
    if (before === undefined ? !this.#lastIsDirectory : !inOrder(before, parts[last] ?? "")) {
      throw broken(`${shown} is out of order`);
    }
    this.#at = parts;
    this.#lastIsDirectory = decodeGoMode(mode).type === "directory";
    return path;
  }
}

function inOrder(before: string, name: string): boolean {
  return Buffer.compare(Buffer.from(before), Buffer.from(name)) < 0;
}

function isName(part: string): boolean {
  return (
    part !== "" &&
    part !== "." &&
    part !== ".." &&
    !part.includes("\0") &&
    Buffer.byteLength(part) <= limitNameBytes
  );
}
