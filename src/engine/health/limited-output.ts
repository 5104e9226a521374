/** The beginning of what a check says, as much as is shown. */
import { FrameDecoder } from "../../docker/framing.ts";

const limitBytes = 4096;

export class LimitedOutput {
  readonly #bytes = new Uint8Array(limitBytes);
  #length = 0;
  #isCut = false;
  readonly #frames = new FrameDecoder({ part: (_type, piece) => this.#add(piece), control() {} });

  /** A piece of a stream in frames. */
  push(chunk: Uint8Array): void {
    this.#frames.push(chunk);
  }

  get text(): string {
    const text = new TextDecoder().decode(this.#bytes.subarray(0, this.#length));
    return this.#isCut ? `${text}...` : text;
  }

  #add(piece: Uint8Array): void {
    const kept = piece.subarray(0, limitBytes - this.#length);
    this.#bytes.set(kept, this.#length);
    this.#length += kept.length;
    if (kept.length < piece.length) this.#isCut = true;
  }
}
