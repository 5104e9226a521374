/**
 * Takes the compression off a stream, which its first bytes tell: gzip and zstd; anything else passes unchanged. A piece is valid
 * until the next one is asked for.
 */
import { TiffinError } from "../../../lib/errors.ts";
import { freeBytes } from "../../../lib/free-bytes.ts";

interface Compression {
  readonly name: string;
  readonly magic: readonly number[];
  readonly format: "gzip" | "zstd" | undefined;
}

const compressions: readonly Compression[] = [
  { name: "gzip", magic: [0x1f, 0x8b], format: "gzip" },
  { name: "zstd", magic: [0x28, 0xb5, 0x2f, 0xfd], format: "zstd" },
  { name: "bzip2", magic: [0x42, 0x5a, 0x68], format: undefined },
  { name: "xz", magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a], format: undefined },
];
const longestMagic = 5;

export async function* decompress(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const rest = source[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let length = 0;
  while (length < longestMagic) {
    const next = await rest.next();
    if (next.done === true) break;
    // Valid only until the next one is asked for.
    first.push(next.value.length < longestMagic ? next.value.slice() : next.value);
    length += next.value.length;
  }
  const start = first.length === 1 ? first[0] : Buffer.concat(first);
  if (start === undefined) return;
  const whole = resumed(start, rest);
  const compression = compressions.find(({ magic }) => magic.every((byte, index) => start[index] === byte));
  if (compression === undefined) {
    yield* whole;
    return;
  }
  if (compression.format === undefined) {
    await rest.return?.();
    throw new TiffinError(
      "notImplemented",
      "archive.compression",
      `archives compressed with ${compression.name} are not read`,
      { remedy: "send it plain, or compressed with gzip or zstd" },
    );
  }
  yield* inflated(whole, compression.format);
}

async function* resumed(start: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield start;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

async function* inflated(
  source: AsyncIterable<Uint8Array>,
  format: "gzip" | "zstd",
): AsyncGenerator<Uint8Array> {
  const pieces = source[Symbol.asyncIterator]();
  const compressed = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const next = await pieces.next();
      if (next.done === true) controller.close();
      else controller.enqueue(new Uint8Array(next.value));
    },
    async cancel() {
      await pieces.return?.();
    },
  });
  const stream = compressed.pipeThrough(new DecompressionStream(format));
  try {
    for await (const piece of stream) {
      yield piece;
      freeBytes(piece);
    }
  } catch (thrown) {
    if (thrown instanceof TiffinError) throw thrown;
    throw new TiffinError("invalid", "archive.compression", `the archive's ${format} stream is damaged`, {
      cause: thrown,
    });
  }
}
