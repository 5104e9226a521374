/** A call whose messages are pieces of a stream both ways, as a byte stream: a connection within a connection. */
import type { ByteDuplex, DuplexHandlers } from "../../lib/byte-duplex.ts";
import type { OpenCall } from "./client.ts";

interface Piece {
  readonly data: Uint8Array;
}

/** Far below what the peer takes in one message. */
const pieceBytes = 32 * 1024;

export class CallDuplex implements ByteDuplex {
  readonly #call: Pick<OpenCall<Piece, Piece>, "send" | "end" | "batches" | "cancel">;
  #handlers: DuplexHandlers | undefined;
  #unsent = 0;
  #needDrain = false;
  #ended = false;
  #over = false;
  #resumed: (() => void) | undefined;
  #paused = false;

  constructor(call: Pick<OpenCall<Piece, Piece>, "send" | "end" | "batches" | "cancel">) {
    this.#call = call;
  }

  listen(handlers: DuplexHandlers): void {
    const first = this.#handlers === undefined;
    this.#handlers = handlers;
    if (first) void this.#read();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#over || this.#ended) return true;
    for (let at = 0; at < chunk.length; at += pieceBytes) {
      this.#unsent += 1;
      // A failure is told by the reading side.
      void this.#call
        .send({ data: chunk.slice(at, at + pieceBytes) })
        .catch(() => {})
        .then(() => this.#sent());
    }
    this.#needDrain = this.#unsent > 1;
    return !this.#needDrain;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#unsent === 0) this.#call.end();
  }

  destroy(): void {
    this.#ended = true;
    this.#call.cancel();
    this.resume();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#resumed?.();
    this.#resumed = undefined;
  }

  #sent(): void {
    this.#unsent -= 1;
    if (this.#unsent > 0) return;
    if (this.#needDrain) {
      this.#needDrain = false;
      this.#handlers?.drain?.();
    }
    if (this.#ended) this.#call.end();
  }

  async #read(): Promise<void> {
    let failure: Error | undefined;
    try {
      for await (const batch of this.#call.batches) {
        for (const { data } of batch) {
          while (this.#paused) {
            await new Promise<void>((resolve) => {
              this.#resumed = resolve;
            });
          }
          if (data.length > 0) this.#handlers?.data(data);
        }
      }
    } catch (thrown) {
      failure = thrown instanceof Error ? thrown : new Error(String(thrown));
    }
    this.#over = true;
    if (failure === undefined) this.#handlers?.end();
    this.#handlers?.close(failure);
  }
}
