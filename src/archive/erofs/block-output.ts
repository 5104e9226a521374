/**
 * What is appended to an image, gathered so that the sink gets it in whole segments. Content is put behind what is there, made
 * whole blocks, or taken back as long as it was not handed on.
 */
import { blockBytes } from "./format.ts";
import { type ImageSink, segmentBytes } from "./sink.ts";

/** What moves to the front when segments have been handed on is less than one of them, so little is copied. */
const bufferBytes = 2 * segmentBytes;

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

  /** Makes sure that the next `bytes`, at most a segment, can be taken back until they are there. */
  keepTogether(bytes: number): void {
    if (this.#filled + bytes > bufferBytes) this.#handOn();
  }

  write(piece: Uint8Array): void {
    let rest = piece;
    while (this.#filled + rest.length > bufferBytes) {
      const taken = bufferBytes - this.#filled;
      this.#buffer.set(rest.subarray(0, taken), this.#filled);
      this.#filled += taken;
      rest = rest.subarray(taken);
      this.#handOn();
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

  /** There is no more; what is left makes no whole segment. */
  end(): void {
    this.#handOn();
    if (this.#filled > 0) this.#sink.append(this.#buffer.subarray(0, this.#filled));
    this.#handedOn += this.#filled;
    this.#filled = 0;
  }

  #handOn(): void {
    const whole = this.#filled - (this.#filled % segmentBytes);
    if (whole === 0) return;
    this.#sink.append(this.#buffer.subarray(0, whole));
    this.#buffer.copyWithin(0, whole, this.#filled);
    this.#handedOn += whole;
    this.#filled -= whole;
  }
}
