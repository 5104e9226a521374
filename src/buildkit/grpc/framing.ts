/** Messages in a stream of bytes: a byte that says whether it is compressed, four of length, the message. */
import { CallFailed, codes } from "./status.ts";

const headBytes = 5;

/** One piece, ready to be sent. */
export function frame(body: Uint8Array): Uint8Array {
  const framed = Buffer.allocUnsafe(headBytes + body.length);
  framed[0] = 0;
  framed.writeUInt32BE(body.length, 1);
  framed.set(body, headBytes);
  return framed;
}

/** Cuts what arrives into messages. */
export class MessageSplitter {
  readonly #limitBytes: number;
  /** What has come of the next message: pieces are joined once, when it is complete. */
  #pieces: Uint8Array[] = [];
  #held = 0;
  #wanted = headBytes;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** True between messages. */
  get idle(): boolean {
    return this.#held === 0;
  }

  /** The messages that this piece completes; they share its memory. Errors: `CallFailed`. */
  push(piece: Uint8Array): Uint8Array[] {
    const messages: Uint8Array[] = [];
    let rest = piece;
    if (this.#held > 0) {
      this.#pieces.push(piece);
      this.#held += piece.length;
      if (this.#held < this.#wanted) return messages;
      rest = Buffer.concat(this.#pieces);
      this.#pieces = [];
      this.#held = 0;
    }
    for (;;) {
      const length = this.#lengthOf(rest);
      this.#wanted = length === undefined ? headBytes : headBytes + length;
      if (length === undefined || rest.length < this.#wanted) break;
      messages.push(rest.subarray(headBytes, this.#wanted));
      rest = rest.subarray(this.#wanted);
    }
    if (rest.length > 0) {
      this.#pieces = [rest];
      this.#held = rest.length;
    }
    return messages;
  }

  #lengthOf(bytes: Uint8Array): number | undefined {
    if (bytes.length < headBytes) return undefined;
    const [compressed = 0, a = 0, b = 0, c = 0, d = 0] = bytes;
    if (compressed !== 0) throw new CallFailed(codes.unimplemented, "compressed messages were not agreed on");
    const length = a * 0x1000000 + b * 0x10000 + c * 0x100 + d;
    if (length > this.#limitBytes) {
      throw new CallFailed(
        codes.resourceExhausted,
        `received message larger than max (${length} vs. ${this.#limitBytes})`,
      );
    }
    return length;
  }
}
