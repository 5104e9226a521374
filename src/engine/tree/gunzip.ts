/**
 * gzip as gzip(1) reads it: any number of members, and bytes after the last one that are none of its own, which are passed over.
 * zlib's own reader refuses those and drops what it had; so the headers are read here, and zlib sees what is between.
 */
import { crc32, createInflateRaw, type InflateRaw } from "node:zlib";
import { messageOf } from "../../lib/errors.ts";
import { freeBytes } from "../../lib/free-bytes.ts";

/** Large, because each one is a turn through the thread pool. */
const outputBytes = 256 * 1024;
const trailerBytes = 8;
const fixedHeaderBytes = 10;
const flagCrc = 2;
const flagExtra = 4;
const flagName = 8;
const flagComment = 16;
const limitNameBytes = 64 * 1024;

/** Throws what `source` throws; anything else is about the stream. A piece of `source` may be taken back after the next is asked for. */
export async function* gunzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const input = new Input(source);
  try {
    for (let member = 0; ; member += 1) {
      const header = await readHeader(input);
      if (header !== "whole") {
        if (member === 0) throw new Error(`its header is ${header}`);
        // What follows the last member still belongs to whoever counts and digests.
        while ((await input.piece()) !== undefined);
        return;
      }
      const sum = new Sum();
      for await (const piece of inflateMember(input)) {
        sum.update(piece);
        yield piece;
        freeBytes(piece);
      }
      const trailer = await input.take(trailerBytes);
      if (sum.agrees(trailer)) continue;
      // A source that knows its own digest may say now what is wrong, which is the better answer.
      await input.piece();
      throw new Error(
        trailer.length < trailerBytes ? "it ends in the middle" : "its check sum is another one",
      );
    }
  } finally {
    // Whoever reads no further must not wait for a source that is silent.
    void input.close().catch(() => {});
  }
}

class Sum {
  #crc = 0;
  #length = 0;

  update(piece: Uint8Array): void {
    this.#crc = crc32(piece, this.#crc);
    this.#length = (this.#length + piece.length) % 2 ** 32;
  }

  agrees(trailer: Uint8Array): boolean {
    if (trailer.length < trailerBytes) return false;
    const view = new DataView(trailer.buffer, trailer.byteOffset);
    return view.getUint32(0, true) === this.#crc && view.getUint32(4, true) === this.#length;
  }
}

/** Pieces, and as many bytes as are wanted. */
class Input {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Uint8Array | undefined;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next ones, never none; undefined at the end. */
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
      // A copy, unless it is all that is wanted: the source may take a piece back when it is asked for the next.
      found = found.length === 0 && next.length >= count ? next : Buffer.concat([found, next]);
    }
    this.unread(found.subarray(count));
    return found.slice(0, count);
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }
}

/** Reads one header; what is no header stays unread. */
async function readHeader(input: Input): Promise<"whole" | "missing" | "cut"> {
  const fixed = await input.take(fixedHeaderBytes);
  const [first, second, method, flags = 0] = fixed;
  if (first !== 0x1f || second !== 0x8b || (method !== undefined && method !== 8)) {
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

/** A `slice` of these is a copy, which one of a Buffer is not. */
function plainBytes({ buffer, byteOffset, length }: Buffer): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}

/** Up to the end of the deflated stream; what follows it stays unread. */
async function* inflateMember(input: Input): AsyncGenerator<Uint8Array> {
  const inflater = createInflateRaw({ chunkSize: outputBytes });
  const ended = new Promise<void>((resolve) => {
    for (const event of ["end", "close", "error"]) inflater.once(event, () => resolve());
  });
  const feeding = feed(input, inflater, ended).catch((thrown: unknown) => {
    inflater.destroy(thrown instanceof Error ? thrown : new Error(messageOf(thrown)));
  });
  try {
    for await (const piece of inflater) yield plainBytes(piece as Buffer);
    await feeding;
  } finally {
    inflater.destroy();
  }
}

async function feed(input: Input, inflater: InflateRaw, ended: Promise<void>): Promise<void> {
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
    // It has been inflated when this is over, so the source may take its piece back.
    await Promise.race([written, ended]);
    fed += piece.length;
    // The stream ended within this piece, or at the end of the one before.
    const left = fed - inflater.bytesWritten;
    if (left > 0) input.unread(piece.subarray(piece.length - left));
    if (left > 0 || over) return;
  }
}
