/**
 * A connection that was taken over while its request body, sent in chunks, was still coming: the chunks are the input
 * (some clients stream stdin that way), so reading unwraps them and the last chunk is the end. Writing is untouched.
 */
import type { ByteDuplex, DuplexHandlers } from "../lib/byte-duplex.ts";
import { messageOf } from "../lib/errors.ts";
import type { BodyDecoder } from "./http-body.ts";

export class DechunkedDuplex implements ByteDuplex {
  readonly #duplex: ByteDuplex;
  readonly #body: BodyDecoder;

  constructor(duplex: ByteDuplex, body: BodyDecoder) {
    this.#duplex = duplex;
    this.#body = body;
  }

  listen(handlers: DuplexHandlers): void {
    let failure: Error | undefined;
    this.#duplex.listen({
      data: (chunk) => {
        if (this.#body.done || failure !== undefined) return;
        try {
          this.#body.push(chunk, (piece) => handlers.data(piece));
        } catch (thrown) {
          failure = thrown instanceof Error ? thrown : new Error(messageOf(thrown));
          this.#duplex.destroy();
          return;
        }
        if (this.#body.done) handlers.end();
      },
      end: () => {
        if (!this.#body.done) handlers.end();
      },
      close: (error) => handlers.close(failure ?? error),
      drain: () => handlers.drain?.(),
    });
  }

  write(chunk: Uint8Array): boolean {
    return this.#duplex.write(chunk);
  }

  end(): void {
    this.#duplex.end();
  }

  destroy(): void {
    this.#duplex.destroy();
  }

  pause(): void {
    this.#duplex.pause();
  }

  resume(): void {
    this.#duplex.resume();
  }
}
