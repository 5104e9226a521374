/**
 * Bytes gathered into pieces of a size that is worth sending: what is written little by little costs whoever carries it as much
 * for ten bytes as for thousands.
 */
export const pieceBytes = 256 * 1024;

export class Pieces {
  readonly #isReused: boolean;
  #piece = new Uint8Array(pieceBytes);
  #filled = 0;

  /** Each piece is memory of its own, all zeros before it is filled; or all are the same, and valid until the next is asked for. */
  constructor(memory: "own" | "reused") {
    this.#isReused = memory === "reused";
  }

  /** Where the next bytes go, at most `most` of them: fill it from its beginning, then say how far by `advance`. */
  room(most: number): Uint8Array {
    return this.#piece.subarray(this.#filled, this.#filled + most);
  }

  /** So many bytes of the room are there now; a piece that they make full is the caller's to send. */
  *advance(bytes: number): Generator<Uint8Array> {
    this.#filled += bytes;
    if (this.#filled < pieceBytes) return;
    this.#filled = 0;
    const full = this.#piece;
    if (!this.#isReused) this.#piece = new Uint8Array(pieceBytes);
    yield full;
  }

  *write(bytes: Uint8Array): Generator<Uint8Array> {
    // Nearly always: so much cheaper than the generators below.
    if (bytes.length < pieceBytes - this.#filled) {
      this.#piece.set(bytes, this.#filled);
      this.#filled += bytes.length;
      return;
    }
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + pieceBytes - this.#filled);
      this.#piece.set(part, this.#filled);
      at += part.length;
      yield* this.advance(part.length);
    }
  }

  /** What is left, when nothing more comes. */
  *end(): Generator<Uint8Array> {
    if (this.#filled > 0) yield this.#piece.subarray(0, this.#filled);
    this.#filled = 0;
  }
}
