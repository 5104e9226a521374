/**
 * Work of the engine that tells how it gets on: a loop sees the messages, `await` gives the result, and one may do both. It
 * begins with whichever comes first.
 *
 *   const image = await engine.images.pull("debian");
 *
 *   const pulling = engine.images.pull("debian");
 *   for await (const { id, status } of pulling) console.log(id, status);
 *   const image = await pulling;
 */
import { errorOfDocument, kindOfStatus } from "../client/api-error.ts";
import type { ProgressMessage } from "../docker/types/progress.ts";
import { TiffinError } from "../lib/errors.ts";

export class Progress<T> implements AsyncIterable<ProgressMessage>, PromiseLike<T> {
  readonly #messages: AsyncGenerator<ProgressMessage, T, undefined>;
  #result: Promise<T> | undefined;
  readonly #settle: { resolve(value: T): void; reject(failure: unknown): void };
  readonly #whole: Promise<T>;

  /** @internal */
  constructor(
    lines: () => AsyncIterable<ProgressMessage>,
    resultOf: (messages: readonly ProgressMessage[]) => T | Promise<T>,
    keeps: (message: ProgressMessage) => boolean = () => false,
  ) {
    let settle: { resolve(value: T): void; reject(failure: unknown): void } | undefined;
    this.#whole = new Promise<T>((resolve, reject) => {
      settle = { resolve, reject };
    });
    if (settle === undefined) throw new Error("promises call their executor at once");
    this.#settle = settle;
    this.#whole.catch(() => undefined);
    this.#messages = followed(lines, resultOf, keeps);
  }

  /**
   * The messages. A failure that the engine tells in the middle is thrown here, and to who awaits. Leaving the loop early gives
   * the work up.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<ProgressMessage, void, undefined> {
    try {
      for (;;) {
        const next = await this.#messages.next();
        if (next.done === true) {
          this.#settle.resolve(next.value);
          return;
        }
        yield next.value;
      }
    } catch (thrown) {
      this.#settle.reject(thrown);
      throw thrown;
    } finally {
      // Without effect on one that has ended.
      this.#settle.reject(
        new TiffinError("cancelled", "client.cancelled", "its messages were no longer read"),
      );
      await this.#messages.return(undefined as never);
    }
  }

  // biome-ignore lint/suspicious/noThenProperty: being awaited is what it is for
  then<A = T, B = never>(
    onDone?: ((value: T) => A | PromiseLike<A>) | null,
    onFailed?: ((failure: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#result ??= this.#finish();
    return this.#result.then(onDone, onFailed);
  }

  async #finish(): Promise<T> {
    for await (const _message of this) {
      // Nobody looks.
    }
    return await this.#whole;
  }
}

async function* followed<T>(
  lines: () => AsyncIterable<ProgressMessage>,
  resultOf: (messages: readonly ProgressMessage[]) => T | Promise<T>,
  keeps: (message: ProgressMessage) => boolean,
): AsyncGenerator<ProgressMessage, T, undefined> {
  const kept: ProgressMessage[] = [];
  for await (const message of lines()) {
    if (message.error !== undefined || message.errorDetail !== undefined) throw failureOf(message);
    if (keeps(message)) kept.push(message);
    yield message;
  }
  return await resultOf(kept);
}

/** A status that a registry or a command may have given. */
const leastStatus = 400;
const mostStatus = 599;

function failureOf({ error, errorDetail }: ProgressMessage): TiffinError {
  const { code, message, remedy, tiffinCode, tiffinKind } = errorDetail ?? {};
  const isStatus = code !== undefined && code >= leastStatus && code <= mostStatus;
  const kind = tiffinKind ?? (isStatus ? kindOfStatus(code) : "internal");
  return errorOfDocument(kind, { message: message ?? error, code: tiffinCode, remedy });
}
