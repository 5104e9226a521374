/** A stream of bytes as the messages that it consists of, and the bytes that belong to one. */
import { decodeMessage, type Message } from "./message.ts";

export class MessageSplitter {
  #rest: Uint8Array = new Uint8Array(0);

  /** What has come. The chunk stays the transport's, which may fill it again. */
  push(chunk: Uint8Array): void {
    const bytes = new Uint8Array(this.#rest.length + chunk.length);
    bytes.set(this.#rest);
    bytes.set(chunk, this.#rest.length);
    this.#rest = bytes;
  }

  /** The next message that is whole. Throws `executor.malformed-message` for a stream that has none. */
  next(): Message | undefined {
    const next = decodeMessage(this.#rest);
    if (next === undefined) return undefined;
    this.#rest = this.#rest.subarray(next.consumed);
    return next.message;
  }

  /** The next `count` bytes, which follow a message; undefined while they are not all there. */
  takeBytes(count: number): Uint8Array | undefined {
    if (this.#rest.length < count) return undefined;
    const bytes = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return bytes;
  }
}
