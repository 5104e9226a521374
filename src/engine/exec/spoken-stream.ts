/** A stream that says one thing on standard error and ends: a failure, told where a client expects output. */
import { encodeFrame, frameTypes } from "../../docker/framing.ts";
import type { ByteDuplex, DuplexHandlers } from "../../lib/byte-duplex.ts";

export class SpokenStream implements ByteDuplex {
  readonly #bytes: Uint8Array;
  #told = false;

  constructor(text: string, tty: boolean) {
    const bytes = new TextEncoder().encode(text);
    this.#bytes = tty ? bytes : encodeFrame(frameTypes.stderr, bytes);
  }

  listen(handlers: DuplexHandlers): void {
    if (!this.#told) handlers.data(this.#bytes);
    this.#told = true;
    handlers.end();
    handlers.close();
  }

  write(): boolean {
    return true;
  }

  end(): void {}

  destroy(): void {}

  pause(): void {}

  resume(): void {}
}
