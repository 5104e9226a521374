/**
 * A control connection to one executor: typed messages in both directions over a byte stream. The executor is
 * our own program, but a stream that does not decode is cut off rather than believed.
 */
import { decodeMessage, encodeMessage, type Message } from "../abi/message.ts";
import type { MessageName } from "../abi/schema.ts";
import type { ByteDuplex } from "../lib/byte-duplex.ts";

/** The fields of one message, as its encoder wants them. */
export type MessageFields<N extends MessageName> = Parameters<typeof encodeMessage<N>>[1];

/** Splits a stream into messages. */
export class MessageSplitter {
  #rest: Uint8Array = new Uint8Array(0);

  /** Throws `executor.malformed-message` for a stream that cannot be an executor's. */
  push(chunk: Uint8Array, deliver: (message: Message) => void): void {
    let bytes = chunk;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + chunk.length);
      bytes.set(this.#rest);
      bytes.set(chunk, this.#rest.length);
    }
    for (let next = decodeMessage(bytes); next !== undefined; next = decodeMessage(bytes)) {
      bytes = bytes.subarray(next.consumed);
      deliver(next.message);
    }
    // The chunk belongs to the transport, which may reuse it.
    this.#rest = bytes.slice();
  }
}

export interface ControlHandlers {
  message(message: Message): void;
  /** Once: the executor is gone, or was let go of. */
  closed(): void;
}

export class ControlChannel {
  readonly #stream: ByteDuplex;
  readonly #splitter = new MessageSplitter();
  #handlers: ControlHandlers | undefined;
  #early: Message[] = [];
  #closed = false;

  constructor(stream: ByteDuplex) {
    this.#stream = stream;
    stream.listen({
      data: (chunk) => {
        try {
          this.#splitter.push(chunk, (message) => this.#deliver(message));
        } catch {
          // Whoever listens hears of the close and reports a vanished executor.
          stream.destroy();
        }
      },
      end: () => stream.end(),
      close: () => {
        this.#closed = true;
        this.#handlers?.closed();
      },
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Sets who receives; may be called again to hand over. Messages that came before are delivered at once. */
  listen(handlers: ControlHandlers): void {
    this.#handlers = handlers;
    for (let next = this.#early.shift(); next !== undefined; next = this.#early.shift()) {
      handlers.message(next);
      if (this.#handlers !== handlers) return;
    }
    if (this.#closed) handlers.closed();
  }

  /**
   * Keeps what comes from now on for the next `listen`. A handler calls it at the message that ends its interest:
   * the next one may be in the same chunk.
   */
  hold(): void {
    this.#handlers = undefined;
  }

  send<N extends MessageName>(name: N, fields: MessageFields<N>): void {
    this.#stream.write(encodeMessage(name, fields));
  }

  close(): void {
    this.#stream.destroy();
  }

  #deliver(message: Message): void {
    if (this.#handlers === undefined) this.#early.push(message);
    else this.#handlers.message(message);
  }
}
