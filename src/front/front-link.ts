/** The connection to one front: what it sends as events, what it is told as messages. A stream that does not decode is cut off. */
import { type AskedWords, askedWords } from "../abi/asked-words.ts";
import { engineFront, helper } from "../abi/front.ts";
import { encodeMessage, type Message, type MessageFields } from "../abi/message.ts";
import { MessageSplitter } from "../abi/message-splitter.ts";
import type { MessageName } from "../abi/schema.ts";
import type { StandardFd, WindowSize } from "../cli/io.ts";
import type { ByteDuplex } from "../lib/byte-duplex.ts";

const largestInputBytes = 64 * 1024;

export interface FrontCommand extends AskedWords {
  /** Bit n: descriptor n is a terminal. */
  readonly terminals: number;
}

export interface FrontEvents {
  command(command: FrontCommand): void;
  window(fd: StandardFd, size: WindowSize): void;
  signal(number: number): void;
  /** Empty at the end. */
  input(bytes: Uint8Array): void;
  outputFailed(fd: 1 | 2, errno: number): void;
  /** There is room for output again. */
  drain(): void;
  close(): void;
}

export class FrontLink {
  readonly #duplex: ByteDuplex;
  readonly #events: FrontEvents;
  readonly #splitter = new MessageSplitter();
  /** A message whose bytes have not all come. */
  #waiting: Message | undefined;
  #isFull = false;
  #isClosed = false;

  constructor(duplex: ByteDuplex, events: FrontEvents) {
    this.#duplex = duplex;
    this.#events = events;
    duplex.listen({
      data: (chunk) => this.#receive(chunk),
      end: () => duplex.destroy(),
      close: () => {
        this.#isClosed = true;
        events.close();
      },
      drain: () => {
        this.#isFull = false;
        events.drain();
      },
    });
  }

  /** Not while the front has much to write. */
  get isWritable(): boolean {
    return !this.#isFull;
  }

  send<N extends MessageName>(name: N, fields: MessageFields<N>): void {
    this.#write(encodeMessage(name, fields));
  }

  /** In pieces, so that a front can read them into a buffer of its own. */
  output(fd: 1 | 2, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += engineFront.chunkBytes) {
      const piece = bytes.subarray(at, at + engineFront.chunkBytes);
      this.#write(Buffer.concat([encodeMessage("output", { fd, bytes: piece.length }), piece]));
    }
  }

  whenLost(code: number, text: Uint8Array): void {
    const bytes = text.subarray(0, engineFront.lostTextBytes);
    this.#write(Buffer.concat([encodeMessage("whenLost", { code, bytes: bytes.length }), bytes]));
  }

  /** Now; what was sent is lost where it has not been taken. */
  cut(): void {
    this.#duplex.destroy();
  }

  #write(bytes: Uint8Array): void {
    if (!this.#isClosed && !this.#duplex.write(bytes)) this.#isFull = true;
  }

  #receive(chunk: Uint8Array): void {
    try {
      this.#splitter.push(chunk);
      while (this.#takeOne());
    } catch {
      this.#duplex.destroy();
    }
  }

  #takeOne(): boolean {
    const message = this.#waiting ?? this.#splitter.next();
    if (message === undefined) return false;
    this.#waiting = this.#handle(message) ? undefined : message;
    return this.#waiting === undefined;
  }

  /** False while bytes are missing. Throws on what no front says. */
  #handle(message: Message): boolean {
    switch (message.name) {
      case "window": {
        const { fd, rows, columns } = message.fields;
        if (fd === 0 || fd === 1 || fd === 2) this.#events.window(fd, { rows, columns });
        return true;
      }
      case "command": {
        const { bytes, argumentCount, terminals } = message.fields;
        const body = this.#body(bytes, helper.requestBytes);
        if (body === undefined) return false;
        const asked = askedWords(body, argumentCount);
        if (asked === undefined) throw new Error("this is no command");
        this.#events.command({ ...asked, terminals });
        return true;
      }
      case "caught":
        this.#events.signal(message.fields.signal);
        return true;
      case "input": {
        const body = this.#body(message.fields.bytes, largestInputBytes);
        if (body !== undefined) this.#events.input(body.slice());
        return body !== undefined;
      }
      case "outputFailed": {
        const { fd, errno } = message.fields;
        if (fd === 1 || fd === 2) this.#events.outputFailed(fd, errno);
        return true;
      }
      default:
        throw new Error(`a front does not say ${message.name}`);
    }
  }

  #body(bytes: number, limitBytes: number): Uint8Array | undefined {
    if (bytes > limitBytes) throw new Error("this is too much");
    return this.#splitter.takeBytes(bytes);
  }
}
