/** Bytes that a command sends to the engine: of a file, or of its standard input. */
import { errnoOf } from "../client/api-error.ts";
import { messageOf } from "../lib/errors.ts";
import { type CliIo, pollIn } from "./io.ts";

const pieceBytes = 256 * 1024;

/** What stands in `path`. Throws at once when it cannot be opened. */
export function fileInput(io: CliIo, path: string): AsyncIterable<Uint8Array> {
  const file = io.openFile(path);
  return (async function* () {
    using open = file;
    for (;;) {
      const piece = new Uint8Array(pieceBytes);
      const got = open.read(piece);
      if (got === 0) return;
      yield piece.subarray(0, got);
    }
  })();
}

/** Standard input to its end. */
export async function* standardInput(io: CliIo): AsyncGenerator<Uint8Array> {
  for (;;) {
    const piece = new Uint8Array(pieceBytes);
    const got = io.readInput(piece);
    if (got === 0) return;
    if (got !== undefined) {
      yield piece.subarray(0, got);
      continue;
    }
    const table = io.newPollTable(1);
    table.set(0, 0, pollIn);
    await table.wait();
  }
}

const reasons: ReadonlyMap<string | undefined, string> = new Map([
  ["ENOENT", "no such file or directory"],
  ["EACCES", "permission denied"],
  ["EISDIR", "is a directory"],
  ["ENOTDIR", "not a directory"],
]);

function reasonOf(thrown: unknown): string {
  return reasons.get(errnoOf(thrown)) ?? messageOf(thrown);
}

/** The same for names as commands take them: `-` is standard input. */
export function namedInput(io: CliIo, name: string): AsyncIterable<Uint8Array> {
  if (name === "-") return standardInput(io);
  try {
    return fileInput(io, name.startsWith("/") ? name : `${io.cwd}/${name}`);
  } catch (thrown) {
    throw new Error(`open ${name}: ${reasonOf(thrown)}`);
  }
}
