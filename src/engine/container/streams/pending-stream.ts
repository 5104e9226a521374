/**
 * A stream that a client holds before the process exists. It keeps what the client does to it and does the same to
 * the real stream once the start has made one; if no start comes, it ends.
 */
import type { ByteDuplex, DuplexHandlers } from "../../../lib/byte-duplex.ts";

/** More typed-ahead stdin than this is refused by asking the writer to wait. */
const typedAheadBytes = 256 * 1024;

export class PendingStream implements ByteDuplex {
  readonly flags: number;
  #target: ByteDuplex | undefined;
  #handlers: DuplexHandlers | undefined;
  #typed: Uint8Array[] = [];
  #typedBytes = 0;
  #ended = false;
  #destroyed = false;
  #paused = false;
  #waiting = false;

  /** `flags` are the `attachFlags` of the wire schema. */
  constructor(flags: number) {
    this.flags = flags;
  }

  /** Whether the client has gone already, so that the start need not serve it. */
  get abandoned(): boolean {
    return this.#destroyed;
  }

  /** The start has happened: everything goes to `target` from here on. */
  connect(target: ByteDuplex): void {
    if (this.#destroyed) {
      target.destroy();
      return;
    }
    this.#target = target;
    if (this.#paused) target.pause();
    for (const chunk of this.#typed) target.write(chunk);
    this.#typed = [];
    if (this.#ended) target.end();
    if (this.#handlers !== undefined) target.listen(this.#handlers);
    if (this.#waiting) this.#handlers?.drain?.();
  }

  /** No start will come. */
  abandon(): void {
    if (this.#target !== undefined || this.#destroyed) return;
    this.#destroyed = true;
    this.#typed = [];
    this.#handlers?.end();
    this.#handlers?.close();
  }

  listen(handlers: DuplexHandlers): void {
    this.#handlers = handlers;
    if (this.#target !== undefined) this.#target.listen(handlers);
    else if (this.#destroyed) {
      handlers.end();
      handlers.close();
    }
  }

  write(chunk: Uint8Array): boolean {
    if (this.#target !== undefined) return this.#target.write(chunk);
    if (this.#destroyed || this.#ended) return true;
    this.#typed.push(new Uint8Array(chunk));
    this.#typedBytes += chunk.length;
    this.#waiting = this.#typedBytes >= typedAheadBytes;
    return !this.#waiting;
  }

  end(): void {
    if (this.#target !== undefined) this.#target.end();
    else this.#ended = true;
  }

  destroy(): void {
    if (this.#target !== undefined) {
      this.#target.destroy();
      return;
    }
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#typed = [];
    this.#handlers?.close();
  }

  pause(): void {
    if (this.#target !== undefined) this.#target.pause();
    else this.#paused = true;
  }

  resume(): void {
    if (this.#target !== undefined) this.#target.resume();
    else this.#paused = false;
  }
}
