/**
 * The body of one request on a connection: nothing is decoded before a handler asks for it, and a handler asks once, for all
 * of it or for a stream. The connection owns the received bytes and offers them with `feed`; what is not the body's it keeps.
 */
import { messageOf } from "../lib/errors.ts";
import { freeBytes } from "../lib/free-bytes.ts";
import type { BodyBudget } from "./body-budget.ts";
import { BodyDecoder } from "./http-body.ts";
import type { RequestHead } from "./http-head.ts";
import { HttpProblem } from "./http-problem.ts";

const nothing = new Uint8Array(0);
/** So much of a streamed body is decoded ahead of its reader; beyond that the connection is not read. */
const limitAheadBytes = 256 * 1024;

/** What arrived at once is given back when the last of its pieces has been read. */
interface Piece {
  readonly bytes: Uint8Array;
  /** Set on the last one. */
  readonly arrived?: Uint8Array;
}

/** A body that is read in pieces: why it ends early, when it does, and who waits for the next piece. */
interface Streaming {
  failure: Error | undefined;
  wake: (() => void) | undefined;
  /** Its reader has had enough. */
  left: boolean;
}

export class RequestBody {
  readonly decoder: BodyDecoder;
  readonly #head: RequestHead;
  readonly #pieces: Piece[] = [];
  #bytes = 0;
  #limitBytes = 0;
  /** Nobody can tell any more where the body ends. */
  #broken = false;
  #resolve: ((body: Uint8Array) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;
  /** Set from the moment that the body is read as a stream. */
  #stream: Streaming | undefined;

  readonly #budget: BodyBudget;
  #takenBytes = 0;

  constructor(head: RequestHead, budget: BodyBudget) {
    this.#budget = budget;
    this.#head = head;
    this.decoder = new BodyDecoder(head.body);
  }

  /** All of it has been decoded. */
  get done(): boolean {
    return this.decoder.done;
  }

  /** As a stream whose end has not come. */
  get isBeingRead(): boolean {
    return this.#stream !== undefined && !this.#stream.left && !this.done;
  }

  /** A handler waits for it, or has room for more of it. */
  get wanted(): boolean {
    if (this.#stream === undefined) return this.#reject !== undefined;
    return !this.done && this.#stream.failure === undefined && this.#bytes < limitAheadBytes;
  }

  /** Rejects with `HttpProblem` 413 beyond `limitBytes`. The caller feeds what it has right after this. */
  read(limitBytes: number): Promise<Uint8Array> {
    if (this.#head.body.kind === "length" && this.#head.body.bytes > limitBytes) {
      return Promise.reject(new HttpProblem(413, `request body longer than ${limitBytes} bytes`));
    }
    if (this.done) return Promise.resolve(nothing);
    this.#limitBytes = limitBytes;
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /**
   * The body in pieces as they come, each valid until the next one is asked for; `more` is called when there is room for more of them. Ending early leaves the rest unread.
   * Rejects with `HttpProblem` 400 or 408 like `read`.
   */
  async *stream(more: () => void): AsyncGenerator<Uint8Array> {
    const stream: Streaming = { failure: undefined, wake: undefined, left: false };
    this.#stream = stream;
    try {
      for (;;) {
        const piece = this.#pieces.shift();
        if (piece !== undefined) {
          this.#bytes -= piece.bytes.length;
          yield piece.bytes;
          if (piece.arrived !== undefined) freeBytes(piece.arrived);
        } else if (stream.failure !== undefined) {
          throw stream.failure;
        } else if (this.done) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            stream.wake = resolve;
            more();
          });
          stream.wake = undefined;
        }
      }
    } finally {
      stream.left = true;
    }
  }

  /** Takes what belongs to the body and returns the rest. Fails the reader on malformed or too many bytes. */
  feed(received: Uint8Array): Uint8Array {
    let used = 0;
    const before = this.#pieces.length;
    try {
      used = this.decoder.push(received, (bytes) => {
        this.#bytes += bytes.length;
        if (this.#stream === undefined && this.#bytes > this.#limitBytes) {
          throw new HttpProblem(413, `request body longer than ${this.#limitBytes} bytes`);
        }
        if (this.#stream === undefined) this.#takeFromBudget(bytes.length);
        this.#pieces.push({ bytes });
      });
    } catch (thrown) {
      this.#broken = true;
      this.fail(thrown instanceof Error ? thrown : new Error(messageOf(thrown)));
      return received;
    }
    if (this.#stream === undefined) {
      if (this.done) this.#complete();
    } else if (this.#pieces.length > 0 || this.done) {
      this.#stream.wake?.();
    }
    if (used < received.length) return received.subarray(used);
    const last = this.#pieces.length > before ? this.#pieces.pop() : undefined;
    if (last !== undefined) this.#pieces.push({ ...last, arrived: received });
    return nothing;
  }

  #takeFromBudget(bytes: number): void {
    if (!this.#budget.take(bytes)) {
      throw new HttpProblem(503, "too many request bodies are under way; try again when others have ended");
    }
    this.#takenBytes += bytes;
  }

  #giveBack(): void {
    this.#budget.give(this.#takenBytes);
    this.#takenBytes = 0;
  }

  #complete(): void {
    this.#giveBack();
    const [only] = this.#pieces;
    const whole =
      this.#pieces.length === 1 && only !== undefined
        ? only.bytes
        : Buffer.concat(this.#pieces.map(({ bytes }) => bytes));
    this.#resolve?.(whole);
    this.#resolve = undefined;
    this.#reject = undefined;
  }

  /** Tells a waiting reader that there will be no body. */
  fail(error: Error): void {
    this.#giveBack();
    if (this.#stream !== undefined && !this.done) {
      this.#stream.failure ??= error;
      this.#stream.wake?.();
    }
    this.#reject?.(error);
    this.#resolve = undefined;
    this.#reject = undefined;
  }

  /** Discards an unread body; undefined when it has not all arrived or is malformed, else what follows it. */
  skip(received: Uint8Array): Uint8Array | undefined {
    if (this.#broken) return undefined;
    try {
      const used = this.decoder.push(received, () => undefined);
      return this.done ? received.subarray(used) : undefined;
    } catch {
      // A malformed rest ends the connection like an incomplete one.
      return undefined;
    }
  }
}
