/**
 * bzip2, a block at a time: the package's stream takes all blocks at once that it has the bytes of, and a few hundred bytes can be a
 * gigabyte of them. Memory is that of one block, compressed and not: at most some fifty megabytes.
 */
import { pause } from "../../lib/timer.ts";

/** What a block may take when it is compressed, for a size of blocks. */
const blockBytes = (size: number): number => 25_000 + 100_000 * size;
const headerBytes = 4;
const firstOutputBytes = 1024 * 1024;

/** Throws when the stream is damaged or ends early. */
export async function* bunzip2(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { default: bzip2 } = await import("unbzip2-stream/lib/bzip2.js");
  const { default: bitIterator } = await import("unbzip2-stream/lib/bit_iterator.js");
  const input = new Input(source);
  await input.have(headerBytes);
  const bits = bitIterator(() => input.take());
  const output = new Output();
  let size = 0;
  let buffer = new Int32Array(0);
  let sum = 0;
  for (;;) {
    await input.have(bits.bytesRead + (size === 0 ? headerBytes : blockBytes(size)));
    if (size === 0) {
      // Several streams may follow each other.
      if (input.bytes <= bits.bytesRead) return;
      size = bzip2.header(bits);
      buffer = buffer.length === 100_000 * size ? buffer : new Int32Array(100_000 * size);
      sum = 0;
      continue;
    }
    const next = bzip2.decompress(bits, output.put, buffer, buffer.length, sum);
    if (next === null) {
      size = 0;
      continue;
    }
    sum = next;
    yield output.take();
    // A block takes a while.
    await pause(0);
  }
}

/** What has come and was not taken by the reader of bits. */
class Input {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #pieces: Uint8Array[] = [];
  /** All that has come. */
  bytes = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Waits until so many bytes have come in all, or there are no more. */
  async have(bytes: number): Promise<void> {
    while (this.bytes < bytes) {
      const next = await this.#source.next();
      if (next.done === true) return;
      // A piece is valid only until the next is asked for; slice() of a Buffer would be no copy.
      if (next.value.length > 0) this.#pieces.push(new Uint8Array(next.value));
      this.bytes += next.value.length;
    }
  }

  take(): Uint8Array {
    const piece = this.#pieces.shift();
    if (piece === undefined) throw new RangeError("the stream ends early");
    return piece;
  }
}

/** The bytes of one block. */
class Output {
  #bytes = new Uint8Array(firstOutputBytes);
  #filled = 0;

  readonly put = (byte: number): void => {
    if (this.#filled === this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes[this.#filled] = byte;
    this.#filled += 1;
  };

  /** Valid until the next byte. */
  take(): Uint8Array {
    const block = this.#bytes.subarray(0, this.#filled);
    this.#filled = 0;
    return block;
  }
}
