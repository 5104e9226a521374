/** Archives in files of a build's own. */
import { descriptorStatus } from "../../../kernel/directory.ts";
import { openFile, openFlags } from "../../../kernel/files.ts";
import { readSome, writeAll } from "../../../kernel/io.ts";
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import { TiffinError } from "../../../lib/errors.ts";
import type { StepContext } from "../solve/mod.ts";

const pieceBytes = 256 * 1024;

/** Of a directory that others may have put together: nothing that leads elsewhere, or that one could wait for. */
export function openPlainFile(path: string): OwnedFd {
  const flags = openFlags.readOnly | openFlags.noFollow | openFlags.nonBlocking;
  const file = openFile(undefined, path, flags);
  if (descriptorStatus(file).type === "file") return file;
  file[Symbol.dispose]();
  throw new TiffinError("invalid", "build.cache", `${path} is no file`);
}

export async function* piecesOf(path: string): AsyncGenerator<Uint8Array> {
  using file = openPlainFile(path);
  const piece = new Uint8Array(pieceBytes);
  for (let got = readSome(file, piece); got > 0; got = readSome(file, piece)) yield piece.slice(0, got);
}

export interface WrittenArchive {
  readonly path: string;
  readonly digest: string;
}

/** Gone with the build. With `wanted` it has to have that digest. Errors: `build.cache`, and those of the source. */
export async function writeArchive(
  { place, services }: StepContext,
  source: AsyncIterable<Uint8Array>,
  wanted?: string,
): Promise<WrittenArchive> {
  const path = `${place.directory()}/archive`;
  const hash = new Bun.CryptoHasher("sha256");
  const { limitBytes } = services;
  let bytes = 0;
  {
    const flags = openFlags.writeOnly | openFlags.create | openFlags.exclusive;
    using file = openFile(undefined, path, flags, { mode: 0o600 });
    for await (const piece of source) {
      bytes += piece.length;
      if (limitBytes > 0 && bytes > limitBytes) {
        throw new TiffinError("invalid", "build.cache", `more than ${limitBytes} bytes of one cache mount`);
      }
      hash.update(piece);
      writeAll(file, piece);
    }
  }
  const digest = hash.digest("hex");
  if (wanted === undefined || wanted === digest) return { path, digest };
  throw new TiffinError(
    "invalid",
    "build.cache",
    `a cache mount's archive is ${digest}, ${wanted} was wanted`,
  );
}
