/** A stream that first tells what a log holds and then, if there is one, goes on with a live stream. */
import { encodeFrame, frameTypes } from "../../docker/framing.ts";
import type { ByteDuplex, DuplexHandlers } from "../../lib/byte-duplex.ts";
import type { LogCursor } from "../log/mod.ts";

export class ReplayStream implements ByteDuplex {
  readonly #live: ByteDuplex | undefined;
  readonly #tty: boolean;
  #cursor: LogCursor | undefined;
  #handlers: DuplexHandlers | undefined;
  #paused = false;
  #closed = false;

  /** Without a cursor nothing is told, without a live stream it ends after the past. */
  constructor(cursor: LogCursor | undefined, live: ByteDuplex | undefined, tty: boolean) {
    this.#cursor = cursor;
    this.#live = live;
    this.#tty = tty;
    live?.pause();
  }

  listen(handlers: DuplexHandlers): void {
    this.#handlers = handlers;
    if (this.#cursor === undefined && this.#live !== undefined) this.#live.listen(handlers);
    else this.#pump();
  }

  write(chunk: Uint8Array): boolean {
    return this.#live?.write(chunk) ?? true;
  }

  end(): void {
    this.#live?.end();
  }

  destroy(): void {
    this.#dropCursor();
    if (this.#live !== undefined) this.#live.destroy();
    else this.#close();
  }

  pause(): void {
    this.#paused = true;
    if (this.#cursor === undefined) this.#live?.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#cursor === undefined) this.#live?.resume();
    else this.#pump();
  }

  #pump(): void {
    const handlers = this.#handlers;
    if (handlers === undefined || this.#closed) return;
    while (!this.#paused && this.#cursor !== undefined) {
      const batch = this.#cursor.next();
      if (batch === undefined) {
        this.#dropCursor();
        this.#live?.listen(handlers);
        this.#live?.resume();
        break;
      }
      for (const entry of batch) {
        handlers.data(this.#tty ? entry.bytes : encodeFrame(frameTypes[entry.stream], entry.bytes));
      }
    }
    if (this.#cursor === undefined && this.#live === undefined) {
      handlers.end();
      this.#close();
    }
  }

  #dropCursor(): void {
    this.#cursor?.[Symbol.dispose]();
    this.#cursor = undefined;
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handlers?.close();
  }
}
