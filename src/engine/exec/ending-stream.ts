/**
 * A stream whose end is not told before something else has happened. A client that has read everything asks for the
 * exit code at once, so the code must be known when the stream ends; the two arrive on different sockets.
 */
import type { ByteDuplex, DuplexHandlers } from "../../lib/byte-duplex.ts";

export class EndingStream implements ByteDuplex {
  readonly #inner: ByteDuplex;
  readonly #before: Promise<unknown>;
  #destroyed = false;

  constructor(inner: ByteDuplex, before: Promise<unknown>) {
    this.#inner = inner;
    this.#before = before;
  }

  listen(handlers: DuplexHandlers): void {
    const later = (work: () => void): void => {
      // A client that left does not wait for anything.
      if (this.#destroyed) work();
      else this.#before.then(work, work);
    };
    this.#inner.listen({
      data: (chunk) => handlers.data(chunk),
      end: () => later(() => handlers.end()),
      close: (error) => later(() => handlers.close(error)),
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
    this.#destroyed = true;
    this.#inner.destroy();
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }
}
