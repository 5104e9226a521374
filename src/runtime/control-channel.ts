/**
 * A control connection to one executor: typed messages in both directions over a byte stream. The executor is
 * our own program, yet a supervisor may be older than this engine, so unknown types are skipped and lengths are
 * bounded.
 */
import { limits, type MessageName, messages } from "../abi/schema.ts";
import type { ByteDuplex } from "../lib/byte-duplex.ts";

type FieldsOf<N extends MessageName> = (typeof messages)[N]["fields"];

/** The fields of one message: u64 as bigint, u32 as number. */
export type MessageBody<N extends MessageName> = {
  readonly [F in keyof FieldsOf<N>]: FieldsOf<N>[F] extends "u64" ? bigint : number;
};

/** What an executor can say. `failed.object` is the text that follows the fixed fields. */
export type ExecutorMessage =
  | ({ readonly is: "synced" } & MessageBody<"synced">)
  | ({ readonly is: "started" } & MessageBody<"started">)
  | ({ readonly is: "failed"; readonly object: string } & MessageBody<"failed">)
  | ({ readonly is: "exited" } & MessageBody<"exited">)
  | ({ readonly is: "status" } & MessageBody<"status">);

const headerBytes = 8;
/** Larger than any message of this version; more means that the peer is not an executor. */
const bodyLimitBytes = 256 + limits.reportObjectBytes;

/** The bytes of a message with `fields` in the order of the schema (all of them u32). */
export function encodeMessage(name: MessageName, ...fields: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(headerBytes + fields.length * 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, messages[name].type, true);
  view.setUint32(4, fields.length * 4, true);
  fields.forEach((value, index) => {
    view.setUint32(headerBytes + index * 4, value, true);
  });
  return bytes;
}

const incoming = ["synced", "started", "failed", "exited", "status"] as const;
type Incoming = (typeof incoming)[number];

function decodeBody<N extends Incoming>(name: N, body: DataView): MessageBody<N> | undefined {
  const values: Record<string, number | bigint> = {};
  let at = 0;
  for (const [field, type] of Object.entries(messages[name].fields)) {
    const bytes = type === "u64" ? 8 : 4;
    if (at + bytes > body.byteLength) return undefined;
    values[field] = type === "u64" ? body.getBigUint64(at, true) : body.getUint32(at, true);
    at += bytes;
  }
  // Built from the schema's own field list just above.
  return values as MessageBody<N>;
}

const decoder = new TextDecoder();

function decodeMessage(type: number, bytes: Uint8Array): ExecutorMessage | undefined {
  const name = incoming.find((candidate) => messages[candidate].type === type);
  if (name === undefined) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (name === "failed") {
    const body = decodeBody(name, view);
    if (body === undefined) return undefined;
    const fixedBytes = Object.keys(messages.failed.fields).length * 4;
    const object = decoder.decode(bytes.subarray(fixedBytes, fixedBytes + body.objectBytes));
    return { is: name, object, ...body };
  }
  const body = decodeBody(name, view);
  // One member of the union per name; the compiler cannot follow the correlation.
  return body === undefined ? undefined : ({ is: name, ...body } as ExecutorMessage);
}

/** Splits a stream into messages. Returns false for a stream that cannot be from an executor. */
export class MessageSplitter {
  #rest: Uint8Array = new Uint8Array(0);

  push(chunk: Uint8Array, deliver: (message: ExecutorMessage) => void): boolean {
    let bytes = chunk;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + chunk.length);
      bytes.set(this.#rest);
      bytes.set(chunk, this.#rest.length);
    }
    let at = 0;
    while (bytes.length - at >= headerBytes) {
      const view = new DataView(bytes.buffer, bytes.byteOffset + at);
      const bodyBytes = view.getUint32(4, true);
      if (bodyBytes > bodyLimitBytes) return false;
      if (bytes.length - at < headerBytes + bodyBytes) break;
      const body = bytes.subarray(at + headerBytes, at + headerBytes + bodyBytes);
      const message = decodeMessage(view.getUint32(0, true), body);
      at += headerBytes + bodyBytes;
      if (message !== undefined) deliver(message);
    }
    this.#rest = bytes.slice(at);
    return true;
  }
}

export interface ControlHandlers {
  message(message: ExecutorMessage): void;
  /** Once: the executor is gone, or was let go of. */
  closed(): void;
}

export class ControlChannel {
  readonly #stream: ByteDuplex;
  readonly #splitter = new MessageSplitter();
  #handlers: ControlHandlers | undefined;
  #early: ExecutorMessage[] = [];
  #closed = false;

  constructor(stream: ByteDuplex) {
    this.#stream = stream;
    stream.listen({
      data: (chunk) => {
        const valid = this.#splitter.push(chunk, (message) => this.#deliver(message));
        if (!valid) stream.destroy();
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

  send(name: MessageName, ...fields: readonly number[]): void {
    this.#stream.write(encodeMessage(name, ...fields));
  }

  /** No more messages to the executor; it answers a missing GO by giving up. */
  end(): void {
    this.#stream.end();
  }

  close(): void {
    this.#stream.destroy();
  }

  #deliver(message: ExecutorMessage): void {
    if (this.#handlers === undefined) this.#early.push(message);
    else this.#handlers.message(message);
  }
}
