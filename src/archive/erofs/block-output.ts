/**
 * What is appended to an image, gathered so that the sink gets large pieces. Content is put behind what is there, made
 * whole blocks, or taken back as long as it was not handed on.
 */
import { blockBytes } from "./format.ts";
import type { ImageSink } from "./sink.ts";

const bufferBytes = 1024 * 1024;

export class BlockOutput {
  readonly #sink: ImageSink;
  readonly #buffer = new Uint8Array(bufferBytes);
  #filled = 0;
  #handedOn = 0;

  constructor(sink: ImageSink) {
    this.#sink = sink;
  }

  /** The number of the block that comes next; only between blocks. */
  get nextBlock(): number {
    return (this.#handedOn + this.#filled) / blockBytes;
  }

  get totalBytes(): number {
    return this.#handedOn + this.#filled;
  }

  /** Makes sure that the next `bytes`, at most a megabyte, can be taken back until they are there. Only between blocks. */
  keepTogether(bytes: number): void {
    if (this.#filled + bytes > bufferBytes) this.flush();
  }

  /** At most as many bytes as `keepTogether` has made room for, or whole blocks. */
  write(piece: Uint8Array): void {
    let rest = piece;
    while (this.#filled + rest.length > bufferBytes) {
      const taken = bufferBytes - this.#filled;
      this.#buffer.set(rest.subarray(0, taken), this.#filled);
      this.#filled += taken;
      rest = rest.subarray(taken);
      this.flush();
    }
    this.#buffer.set(rest, this.#filled);
    this.#filled += rest.length;
  }

  /** The last bytes that were written. */
  last(bytes: number): Uint8Array {
    return this.#buffer.subarray(this.#filled - bytes, this.#filled);
  }

  takeBack(bytes: number): void {
    this.#filled -= bytes;
  }

  /** Zeros up to the end of the block. */
  pad(): void {
    const end = Math.ceil(this.#filled / blockBytes) * blockBytes;
    this.#buffer.fill(0, this.#filled, end);
    this.#filled = end;
  }

  flush(): void {
    if (this.#filled === 0) return;
    this.#sink.append(this.#buffer.subarray(0, this.#filled));
    this.#handedOn += this.#filled;
    this.#filled = 0;
  }
}
