/** What programs give a process to read. */
import type { ByteDuplex } from "../lib/byte-duplex.ts";

export type Input = string | Uint8Array | AsyncIterable<string | Uint8Array>;

const encoder = new TextEncoder();

export function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? encoder.encode(data) : data;
}

/** The pieces of `input`. */
export async function* piecesOf(input: Input): AsyncGenerator<Uint8Array, void, undefined> {
  if (typeof input === "string" || input instanceof Uint8Array) yield bytesOf(input);
  else for await (const piece of input) yield bytesOf(piece);
}

/** Writes with the connection's backpressure. */
export class InputPipe {
  readonly #duplex: ByteDuplex;
  #isOver = false;
  #drained: (() => void)[] = [];

  constructor(duplex: ByteDuplex) {
    this.#duplex = duplex;
  }

  /** Resolves when more may be written. What is written to a process that has ended is lost, as in a pipe. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#isOver || this.#duplex.write(bytes)) return;
    await new Promise<void>((resolve) => {
      this.#drained.push(resolve);
    });
  }

  /** To be called by whoever listens to the connection. */
  drain(): void {
    for (const resume of this.#drained.splice(0)) resume();
  }

  close(): void {
    this.#isOver = true;
    this.drain();
  }
}
