/**
 * Compressed streams of any kind to plain bytes: what a stream is is seen at its beginning, whatever a media type says. gzip may
 * have several members, and bytes after the last one that are none, as gzip(1) takes it; the digests of what is unpacked
 * are checked elsewhere, so the members' own check sums are not.
 */
import { createInflateRaw, createZstdDecompress, type InflateRaw, type ZstdDecompress } from "node:zlib";
import { messageOf, TiffinError } from "../../lib/errors.ts";

export type Compression = "gzip" | "zstd" | "none";

/** Large, because each one is a turn through the thread pool. */
const pieceBytes = 256 * 1024;
const sniffedBytes = 4;
const gzipTrailerBytes = 8;
const skippableLow = 0x184d2a50;
const skippableMask = 0xfffffff0;
const zstdMagic = 0xfd2fb528;

export function compressionOf(start: Uint8Array): Compression {
  if (start[0] === 0x1f && start[1] === 0x8b) return "gzip";
  if (start.length < sniffedBytes) return "none";
  const magic = new DataView(start.buffer, start.byteOffset).getUint32(0, true);
  return magic === zstdMagic || (magic & skippableMask) >>> 0 === skippableLow ? "zstd" : "none";
}

/** Reads pieces, and as many bytes as are wanted. */
class Input {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Uint8Array | undefined;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async piece(): Promise<Uint8Array | undefined> {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined && rest.length > 0) return rest;
    for (;;) {
      const next = await this.#source.next();
      if (next.done === true) return undefined;
      if (next.value.length > 0) return next.value;
    }
  }

  /** Puts bytes back in front. */
  unread(bytes: Uint8Array): void {
    const rest = this.#rest;
    this.#rest = rest === undefined || rest.length === 0 ? bytes : Buffer.concat([bytes, rest]);
  }

  /** Exactly `count` bytes, or fewer at the end. */
  async take(count: number): Promise<Uint8Array> {
    let found: Uint8Array = new Uint8Array(0);
    while (found.length < count) {
      const next = await this.piece();
      if (next === undefined) break;
      found = found.length === 0 ? next : Buffer.concat([found, next]);
    }
    this.unread(found.subarray(count));
    return found.subarray(0, count);
  }

  async drain(): Promise<void> {
    while ((await this.piece()) !== undefined);
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }
}

function broken(what: string, cause?: unknown): TiffinError {
  return new TiffinError(
    "invalid",
    "registry.bad-compression",
    `the layer's compression is broken: ${what}`,
    {
      cause,
    },
  );
}

/** The plain bytes of `source`. Throws `invalid` `registry.bad-compression`, and what `source` throws. */
export async function* inflate(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const input = new Input(source);
  try {
    const start = await input.take(sniffedBytes);
    input.unread(start);
    const compression = compressionOf(start);
    if (compression === "gzip") yield* gunzip(input);
    else if (compression === "zstd") yield* through(input, createZstdDecompress({ chunkSize: pieceBytes }));
    else for (let piece = await input.piece(); piece !== undefined; piece = await input.piece()) yield piece;
  } finally {
    await input.close();
  }
}

async function* gunzip(input: Input): AsyncGenerator<Uint8Array, void, undefined> {
  for (let member = 0; ; member += 1) {
    const header = await gzipHeader(input);
    if (header !== "whole") {
      if (member === 0) throw broken(`its gzip header is ${header}`);
      // What follows the last member is nobody's, but still part of the blob.
      await input.drain();
      return;
    }
    yield* through(input, createInflateRaw({ chunkSize: pieceBytes }));
    const trailer = await input.take(gzipTrailerBytes);
    if (trailer.length < gzipTrailerBytes) throw broken("it ends in the middle");
  }
}

const fixedHeaderBytes = 10;
const flagCrc = 2;
const flagExtra = 4;
const flagName = 8;
const flagComment = 16;
const limitNameBytes = 64 * 1024;

/** Reads one header; what is no header stays unread. */
async function gzipHeader(input: Input): Promise<"whole" | "missing" | "cut"> {
  const fixed = await input.take(fixedHeaderBytes);
  const [first, second, method, flags = 0] = fixed;
  if (first !== 0x1f || second !== 0x8b || method !== 8) {
    input.unread(fixed);
    return "missing";
  }
  if (fixed.length < fixedHeaderBytes) return "cut";
  if ((flags & flagExtra) !== 0) {
    const [low = 0, high = 0] = await input.take(2);
    await input.take(low + high * 256);
  }
  for (const flag of [flagName, flagComment]) {
    if ((flags & flag) !== 0 && !(await skipText(input))) return "cut";
  }
  if ((flags & flagCrc) !== 0) await input.take(2);
  return "whole";
}

async function skipText(input: Input): Promise<boolean> {
  for (let skipped = 0; skipped < limitNameBytes; ) {
    const piece = await input.piece();
    if (piece === undefined) return false;
    const end = piece.indexOf(0);
    if (end >= 0) {
      input.unread(piece.subarray(end + 1));
      return true;
    }
    skipped += piece.length;
  }
  return false;
}

/** Bytes through a decompressor, up to the end of what it takes for one stream; the rest stays unread. */
async function* through(
  input: Input,
  inflater: InflateRaw | ZstdDecompress,
): AsyncGenerator<Uint8Array, void, undefined> {
  const ended = new Promise<void>((resolve) => {
    inflater.once("end", resolve);
    inflater.once("close", resolve);
    inflater.once("error", () => resolve());
  });
  const feeding = feed(input, inflater, ended).catch((thrown: unknown) => {
    inflater.destroy(thrown instanceof Error ? thrown : new Error(messageOf(thrown)));
  });
  try {
    for await (const piece of inflater) yield piece;
    await feeding;
  } catch (thrown) {
    if (
      thrown instanceof Error &&
      "code" in thrown &&
      typeof thrown.code === "string" &&
      !(thrown instanceof TiffinError)
    ) {
      if (thrown.code === "Z_BUF_ERROR") throw broken("it ends in the middle", thrown);
      if (/^Z_|^ZSTD_|^ERR_ZSTD/i.test(thrown.code)) throw broken(messageOf(thrown), thrown);
    }
    throw thrown;
  } finally {
    inflater.destroy();
    // A source that is being read is waited for: it is one generator's turn at a time.
    await feeding;
  }
}

async function feed(
  input: Input,
  inflater: InflateRaw | ZstdDecompress,
  ended: Promise<void>,
): Promise<void> {
  let fed = 0;
  let over = false;
  void ended.then(() => {
    over = true;
  });
  for (;;) {
    const piece = await input.piece();
    if (piece === undefined) {
      inflater.end();
      return;
    }
    if (over) {
      input.unread(piece);
      return;
    }
    const written = new Promise<void>((resolve) => {
      inflater.write(piece, () => resolve());
    });
    await Promise.race([written, ended]);
    fed += piece.length;
    const left = fed - inflater.bytesWritten;
    // The stream ended within this piece, or at the end of the one before.
    if (left > 0) input.unread(piece.subarray(piece.length - left));
    if (left > 0 || over) return;
  }
}
