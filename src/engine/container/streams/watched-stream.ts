/** A stream that tells when its output is over: all of it has been given to whoever listens, or nobody does any more. */
import type { ByteDuplex, DuplexHandlers } from "../../../lib/byte-duplex.ts";

export class WatchedStream implements ByteDuplex {
  readonly #inner: ByteDuplex;
  readonly #over: () => void;

  constructor(inner: ByteDuplex, over: () => void) {
    this.#inner = inner;
    this.#over = over;
  }

  listen(handlers: DuplexHandlers): void {
    this.#inner.listen({
      data: (chunk) => handlers.data(chunk),
      end: () => {
        handlers.end();
        this.#over();
      },
      close: (error) => {
        handlers.close(error);
        this.#over();
      },
      drain: () => handlers.drain?.(),
    });
  }

  write(chunk: Uint8Array): boolean {
    return this.#inner.write(chunk);
  }

  end(): void {
    this.#inner.end();
  }

  destroy(): void {
    this.#inner.destroy();
    this.#over();
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }
}
