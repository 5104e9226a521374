/**
 * Output of a process between the connection that it comes by and the one loop that reads it. The connection is paused while
 * much is waiting; once somebody only waits for the end, what nobody reads is dropped, so that the end comes.
 */
import type { ByteDuplex } from "../lib/byte-duplex.ts";
import { TiffinError } from "../lib/errors.ts";

/** A piece of what a process has written. With a terminal all of it is `stdout`. */
export interface OutputPiece {
  readonly stream: "stdout" | "stderr";
  readonly data: Uint8Array;
}

const highWaterBytes = 1024 * 1024;

export class OutputQueue implements AsyncIterable<OutputPiece> {
  readonly #duplex: ByteDuplex;
  #pieces: OutputPiece[] = [];
  #waitingBytes = 0;
  #isRead = false;
  #isDropped = false;
  #over: { readonly failure: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(duplex: ByteDuplex) {
    this.#duplex = duplex;
  }

  push(stream: "stdout" | "stderr", data: Uint8Array): void {
    if (this.#isDropped || this.#over !== undefined) return;
    this.#pieces.push({ stream, data: data.slice() });
    this.#waitingBytes += data.length;
    if (this.#waitingBytes > highWaterBytes) this.#duplex.pause();
    this.#wake?.();
  }

  /** No more will come; `failure` is thrown to the reader after what is there. */
  close(failure?: unknown): void {
    this.#over ??= { failure };
    this.#wake?.();
  }

  /** Drops what nobody reads. A reader that is there goes on. */
  drop(): void {
    if (this.#isRead) return;
    this.#isDropped = true;
    this.#pieces = [];
    this.#waitingBytes = 0;
    this.#duplex.resume();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<OutputPiece, void, undefined> {
    if (this.#isRead || this.#isDropped) {
      throw new TiffinError("conflict", "client.output-taken", "the output of this process is read already", {
        remedy: "read it in one place, and before waiting for the exit",
      });
    }
    this.#isRead = true;
    try {
      for (;;) {
        const piece = this.#pieces.shift();
        if (piece !== undefined) {
          const before = this.#waitingBytes;
          this.#waitingBytes -= piece.data.length;
          if (before > highWaterBytes && this.#waitingBytes <= highWaterBytes) this.#duplex.resume();
          yield piece;
        } else if (this.#over !== undefined) {
          if (this.#over.failure !== undefined) throw this.#over.failure;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      // Who leaves the loop early wants no more of it.
      this.#isRead = false;
      this.drop();
    }
  }
}
