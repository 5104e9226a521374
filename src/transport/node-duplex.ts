/** A `ByteDuplex` over streams of Node: a socket, a TLS session, or the two ends of a program's standard streams. */
import type { Readable, Writable } from "node:stream";
import type { ByteDuplex, DuplexHandlers } from "../lib/byte-duplex.ts";

export class NodeDuplex implements ByteDuplex {
  readonly #readable: Readable;
  readonly #writable: Writable;
  readonly #onDestroy: () => void;
  #handlers: DuplexHandlers | undefined;
  #early: Uint8Array[] = [];
  #ended = false;
  #closed: { readonly error: Error | undefined } | undefined;

  /** `onDestroy` ends what stands behind the streams. */
  constructor(
    readable: Readable,
    writable: Writable = asWritable(readable),
    onDestroy: () => void = () => {},
  ) {
    this.#readable = readable;
    this.#writable = writable;
    this.#onDestroy = onDestroy;
    let error: Error | undefined;
    const failed = (thrown: Error): void => {
      error ??= thrown;
    };
    readable.on("data", (chunk: Uint8Array) => {
      if (this.#handlers === undefined) this.#early.push(chunk);
      else this.#handlers.data(chunk);
    });
    readable.on("end", () => {
      this.#ended = true;
      this.#handlers?.end();
    });
    readable.on("error", failed);
    writable.on("drain", () => this.#handlers?.drain?.());
    if (Object.is(readable, writable)) {
      readable.on("close", () => this.#close(error));
      return;
    }
    // Of two streams the one for reading closes at its end while the other still answers, and that one may close while there is
    // something left to read; who cannot write any more, though, is done.
    const bothClosed = (): void => {
      if (readable.closed && writable.closed) this.#close(error);
    };
    readable.on("close", bothClosed);
    writable.on("close", bothClosed);
    writable.on("error", (thrown: Error) => {
      failed(thrown);
      this.#close(error);
    });
  }

  #close(error: Error | undefined): void {
    if (this.#closed !== undefined) return;
    this.#closed = { error };
    this.#handlers?.close(error);
  }

  listen(handlers: DuplexHandlers): void {
    this.#handlers = handlers;
    for (let chunk = this.#early.shift(); chunk !== undefined; chunk = this.#early.shift()) {
      handlers.data(chunk);
      if (this.#handlers !== handlers) return;
    }
    if (this.#ended) handlers.end();
    if (this.#closed !== undefined && this.#handlers === handlers) handlers.close(this.#closed.error);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#writable.writableEnded || this.#writable.destroyed) return true;
    // Node keeps what it cannot send at once, and the caller may use its bytes again.
    return this.#writable.write(chunk.slice());
  }

  end(): void {
    const done = (): void => this.#handlers?.drain?.();
    if (this.#writable.writableFinished) done();
    else if (!this.#writable.destroyed) this.#writable.end(done);
  }

  destroy(): void {
    this.#readable.destroy();
    this.#writable.destroy();
    this.#onDestroy();
  }

  pause(): void {
    this.#readable.pause();
  }

  resume(): void {
    this.#readable.resume();
  }
}

function asWritable(readable: Readable): Writable {
  if ("write" in readable) return readable as unknown as Writable;
  throw new TypeError("a stream for reading alone");
}
