/** The streams of a container's first process, shared with whoever else is attached. Letting go leaves the container alone. */
import type { Upgraded } from "../client/transport.ts";
import { FrameDecoder, frameTypes } from "../docker/framing.ts";
import type { ByteDuplex } from "../lib/byte-duplex.ts";
import { TiffinError } from "../lib/errors.ts";
import { bytesOf, InputPipe } from "./input.ts";
import { type OutputPiece, OutputQueue } from "./output-queue.ts";
import { linesOf, type OutputLine } from "./output-text.ts";

export class Attachment implements AsyncIterable<OutputPiece>, AsyncDisposable {
  readonly #duplex: ByteDuplex;
  readonly #queue: OutputQueue;
  readonly #input: InputPipe;

  /** @internal */
  constructor({ head, stream, early }: Upgraded<ByteDuplex>, signal: AbortSignal | undefined) {
    this.#duplex = stream;
    const queue = new OutputQueue(stream);
    const input = new InputPipe(stream);
    this.#queue = queue;
    this.#input = input;
    const abort = (): void => {
      queue.close(
        new TiffinError("cancelled", "client.cancelled", "the attachment was given up", {
          cause: signal?.reason,
        }),
      );
      stream.destroy();
    };
    const isFramed = head.headers.get("content-type") === "application/vnd.docker.multiplexed-stream";
    const decoder = new FrameDecoder({
      part: (type, piece) => queue.push(type === frameTypes.stderr ? "stderr" : "stdout", piece),
      control: () => undefined,
    });
    const take = (chunk: Uint8Array): void => {
      if (!isFramed) {
        queue.push("stdout", chunk);
        return;
      }
      try {
        decoder.push(chunk);
      } catch (thrown) {
        queue.close(thrown);
        stream.destroy();
      }
    };
    stream.listen({
      data: take,
      end: () => stream.destroy(),
      close() {
        signal?.removeEventListener("abort", abort);
        queue.close();
        input.close();
      },
      drain: () => input.drain(),
    });
    if (early.length > 0) take(early);
    if (signal?.aborted === true) abort();
    else signal?.addEventListener("abort", abort);
  }

  /** Pieces of output as they come, until the process ends. It may be read once, here or by `lines`. */
  [Symbol.asyncIterator](): AsyncGenerator<OutputPiece, void, undefined> {
    return this.#queue[Symbol.asyncIterator]();
  }

  lines(): AsyncGenerator<OutputLine, void, undefined> {
    return linesOf(this);
  }

  /** Writes to the process's standard input; resolves when more may be written. */
  async write(data: string | Uint8Array): Promise<void> {
    await this.#input.write(bytesOf(data));
  }

  /** No more input. */
  end(): void {
    this.#duplex.end();
  }

  /** Lets go of the streams. */
  detach(): void {
    this.#duplex.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.detach();
  }
}
