/**
 * Takes the compression off a stream, which its first bytes tell: gzip (of any number of members, with anything after them), zstd,
 * bzip2 and xz; anything else passes unchanged. A piece is valid until the next one is asked for. What comes out is counted: a few kilobytes may stand for
 * terabytes.
 */
import { limitUnpackedBytes, tooLarge } from "../../archive/mod.ts";
import { TiffinError } from "../../lib/errors.ts";
import { freeBytes } from "../../lib/free-bytes.ts";
import { bunzip2 } from "./bunzip2.ts";
import { gunzip } from "./gunzip.ts";

export type Compression = "gzip" | "zstd" | "bzip2" | "xz";

const magics: readonly { readonly name: Compression; readonly magic: readonly number[] }[] = [
  { name: "gzip", magic: [0x1f, 0x8b] },
  { name: "zstd", magic: [0x28, 0xb5, 0x2f, 0xfd] },
  { name: "bzip2", magic: [0x42, 0x5a, 0x68] },
  { name: "xz", magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a] },
];
const longestMagic = 5;

/** A frame of zstd that holds no data may come first: its magic has 16 values. */
function isSkippable([first = 0, ...rest]: Uint8Array): boolean {
  return (first & 0xf0) === 0x50 && [0x2a, 0x4d, 0x18].every((byte, index) => rest[index] === byte);
}

/** What the first bytes of a stream say. */
export function compressionOf(start: Uint8Array): Compression | undefined {
  if (isSkippable(start.subarray(0, 4))) return "zstd";
  return magics.find(({ magic }) => magic.every((byte, index) => start[index] === byte))?.name;
}

/** Errors: `archive.compression` for a damaged stream, `archive.too-large`. */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  limitBytes = limitUnpackedBytes,
): AsyncGenerator<Uint8Array> {
  const rest = source[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let length = 0;
  while (length < longestMagic) {
    const next = await rest.next();
    if (next.done === true) break;
    // Valid only until the next one is asked for.
    first.push(next.value.length < longestMagic ? new Uint8Array(next.value) : next.value);
    length += next.value.length;
  }
  const start = first.length === 1 ? first[0] : Buffer.concat(first);
  if (start === undefined) return;
  const whole = resumed(start, rest);
  const compression = compressionOf(start);
  let total = 0;
  try {
    for await (const piece of compression === undefined ? whole : inflated(whole, compression)) {
      total += piece.length;
      if (total > limitBytes) throw tooLarge(limitBytes);
      yield piece;
    }
  } finally {
    // Whoever reads no further must not wait for a source that is silent.
    void whole.return(undefined).catch(() => {});
  }
}

async function* resumed(start: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield start;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

async function* inflated(source: AsyncIterable<Uint8Array>, format: Compression): AsyncGenerator<Uint8Array> {
  try {
    if (format === "xz") yield* unxz(source);
    else if (format === "bzip2") yield* bunzip2(guarded(source));
    else if (format === "zstd") yield* unzstd(source);
    else yield* gunzip(guarded(source));
  } catch (thrown) {
    if (thrown instanceof SourceFailure) throw thrown.cause;
    if (thrown instanceof TiffinError) throw thrown;
    throw new TiffinError("invalid", "archive.compression", `the archive's ${format} stream is damaged`, {
      cause: thrown,
    });
  }
}

/** What the source of bytes threw: it says nothing about the compression. */
class SourceFailure extends Error {}

async function* guarded(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (cause) {
    throw new SourceFailure("the source failed", { cause });
  }
}

async function* unxz(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { XzReadableStream } = await import("xz-decompress");
  for await (const piece of new XzReadableStream(webStream(source))) yield piece;
}

/** Here it is the newer interface that notices when a frame is cut short. */
async function* unzstd(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of webStream(source).pipeThrough(new DecompressionStream("zstd"))) {
    yield piece;
    freeBytes(piece);
  }
}

function webStream(source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array<ArrayBuffer>> {
  const pieces = guarded(source);
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const next = await pieces.next();
      if (next.done === true) controller.close();
      else controller.enqueue(new Uint8Array(next.value));
    },
    async cancel() {
      await pieces.return(undefined);
    },
  });
}
