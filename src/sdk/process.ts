/**
 * A process in a container, held over the one connection that started it: its streams, its terminal, its signals and its exit.
 *
 *   const grep = await container.spawn(["grep", "soup"], { stdin: true });
 *   await grep.write("bread\nsoup\n");
 *   grep.end();
 *   for await (const { text } of grep.lines()) ...
 *   const code = await grep.exit();
 */

import { connectionLost, errorOfDocument } from "../client/api-error.ts";
import { answerOf } from "../client/session.ts";
import type { PendingUpgrade } from "../client/transport.ts";
import { decodeJson } from "../docker/decode.ts";
import { encodeFrame, encodeJsonFrame, FrameDecoder, frameText, frameTypes } from "../docker/framing.ts";
import { type RunStarted, runExited, runFailed, runStarted } from "../docker/types/run.ts";
import type { ByteDuplex } from "../lib/byte-duplex.ts";
import { TiffinError } from "../lib/errors.ts";
import { bytesOf, type Input, InputPipe, piecesOf } from "./input.ts";
import { type OutputPiece, OutputQueue } from "./output-queue.ts";
import { collected, linesOf, type Output, type OutputLine } from "./output-text.ts";

/** Characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

const nothing = new Uint8Array(0);

export class Process implements AsyncIterable<OutputPiece>, AsyncDisposable {
  /** Of the exec, or of the container where the process is its first. */
  readonly id: string;
  /** What the engine had to say about the start. */
  readonly warnings: readonly string[];
  readonly #duplex: ByteDuplex;
  readonly #queue: OutputQueue;
  readonly #input: InputPipe;
  readonly #exited: Promise<number>;

  /** @internal */
  constructor(opened: OpenedSession) {
    this.id = opened.started.Id;
    this.warnings = opened.started.Warnings;
    this.#duplex = opened.duplex;
    this.#queue = opened.queue;
    this.#input = opened.input;
    this.#exited = opened.exited;
  }

  /** Pieces of its output as they come. It may be read once, here or by `lines` or `output`. */
  [Symbol.asyncIterator](): AsyncGenerator<OutputPiece, void, undefined> {
    return this.#queue[Symbol.asyncIterator]();
  }

  /** Its output line by line. */
  lines(): AsyncGenerator<OutputLine, void, undefined> {
    return linesOf(this);
  }

  /** All of its output, when it has ended. */
  async output(): Promise<Output> {
    const texts = await collected(this);
    return { exitCode: await this.#exited, ...texts };
  }

  /** Waits for its end and gives the exit code. Output that nobody reads is dropped. */
  async exit(): Promise<number> {
    this.#queue.drop();
    return await this.#exited;
  }

  /** Writes to its standard input; resolves when more may be written. */
  async write(data: string | Uint8Array): Promise<void> {
    const bytes = bytesOf(data);
    if (bytes.length > 0) await this.#input.write(encodeFrame(frameTypes.stdin, bytes));
  }

  /** It reads the end of its standard input after what was written. */
  end(): void {
    this.#duplex.write(encodeFrame(frameTypes.stdinEnd, nothing));
  }

  /** Writes all of `input`, and then the end. */
  async feed(input: Input): Promise<void> {
    for await (const piece of piecesOf(input)) await this.write(piece);
    this.end();
  }

  kill(signal = "SIGKILL"): void {
    this.#duplex.write(encodeJsonFrame(frameTypes.signal, { signal }));
  }

  resize({ columns, rows }: TerminalSize): void {
    this.#duplex.write(encodeJsonFrame(frameTypes.resize, { h: rows, w: columns }));
  }

  /** Kills it if it runs, and waits for the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.exit().catch(() => undefined);
  }
}

/** @internal */
export interface OpenedSession {
  readonly started: RunStarted;
  readonly duplex: ByteDuplex;
  readonly queue: OutputQueue;
  readonly input: InputPipe;
  readonly exited: Promise<number>;
}

/**
 * Begins a session and waits for the start. When `signal` aborts, the process is killed; the start, its output and its exit end with an
 * error of kind `cancelled`, the start at once, whatever the engine is still busy with.
 * @internal
 */
export async function openSession(
  begin: () => Promise<PendingUpgrade<ByteDuplex>>,
  signal: AbortSignal | undefined,
): Promise<OpenedSession> {
  if (signal === undefined) return await started(await begin(), signal);
  if (signal.aborted) throw givenUp(signal);
  return await new Promise((resolve, reject) => {
    const abort = (): void => reject(givenUp(signal));
    signal.addEventListener("abort", abort);
    begin()
      .then(async (pending) => await started(pending, signal))
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", abort));
  });
}

function givenUp(signal: AbortSignal): TiffinError {
  return new TiffinError("cancelled", "client.cancelled", "the process was given up", {
    cause: signal.reason,
  });
}

async function started(
  pending: PendingUpgrade<ByteDuplex>,
  signal: AbortSignal | undefined,
): Promise<OpenedSession> {
  const { stream: duplex, early } = await answerOf(pending);
  const queue = new OutputQueue(duplex);
  const input = new InputPipe(duplex);
  let starting: { resolve(started: RunStarted): void; reject(failure: unknown): void } | undefined;
  let ending: { resolve(code: number): void; reject(failure: unknown): void } | undefined;
  const beginning = new Promise<RunStarted>((resolve, reject) => {
    starting = { resolve, reject };
  });
  const exited = new Promise<number>((resolve, reject) => {
    ending = { resolve, reject };
  });
  // Who never asks for the exit is not told of its failure either.
  exited.catch(() => undefined);
  beginning.catch(() => undefined);

  const fail = (failure: unknown): void => {
    starting?.reject(failure);
    ending?.reject(failure);
    queue.close(failure);
    input.close();
  };
  const abort = (): void => {
    duplex.write(encodeJsonFrame(frameTypes.signal, { signal: "SIGKILL" }));
    if (signal !== undefined) fail(givenUp(signal));
  };
  const decoder = new FrameDecoder({
    part(type, piece) {
      queue.push(type === frameTypes.stderr ? "stderr" : "stdout", piece);
    },
    control(type, payload) {
      const text = frameText(payload);
      if (type === frameTypes.started) starting?.resolve(decodeJson(text, runStarted, "frame"));
      if (type === frameTypes.failed) {
        const failure = decodeJson(text, runFailed, "frame");
        fail(errorOfDocument(failure.kind ?? "internal", { ...failure }));
      }
      if (type === frameTypes.exited) {
        const { StatusCode: code } = decodeJson(text, runExited, "frame");
        queue.close();
        ending?.resolve(code);
        duplex.destroy();
      }
      if (type === frameTypes.detached) fail(detached());
    },
  });
  duplex.listen({
    data(chunk) {
      try {
        decoder.push(chunk);
      } catch (thrown) {
        fail(thrown);
        duplex.destroy();
      }
    },
    end: () => duplex.destroy(),
    close(error) {
      signal?.removeEventListener("abort", abort);
      fail(connectionLost(error));
    },
    drain: () => input.drain(),
  });
  if (early.length > 0) decoder.push(early);
  if (signal?.aborted === true) abort();
  else signal?.addEventListener("abort", abort);
  return { started: await beginning, duplex, queue, input, exited };
}

function detached(): TiffinError {
  return new TiffinError("cancelled", "client.detached", "the detach keys were typed; the process goes on");
}
