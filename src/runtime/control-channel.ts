/**
 * A control connection to one executor: typed messages in both directions over a byte stream. The executor is
 * our own program, but a stream that does not decode is cut off rather than believed.
 */
import { encodeMessage, type Message, type MessageFields } from "../abi/message.ts";
import { MessageSplitter } from "../abi/message-splitter.ts";
import type { MessageName } from "../abi/schema.ts";
import type { ByteDuplex } from "../lib/byte-duplex.ts";

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
          this.#splitter.push(chunk);
          for (let next = this.#splitter.next(); next !== undefined; next = this.#splitter.next()) {
            this.#deliver(next);
          }
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
    this.sendBytes(encodeMessage(name, fields));
  }

  /** A message as it is. */
  sendBytes(message: Uint8Array): void {
    this.#stream.write(message);
  }

  close(): void {
    this.#stream.destroy();
  }

  #deliver(message: Message): void {
    if (this.#handlers === undefined) this.#early.push(message);
    else this.#handlers.message(message);
  }
}
