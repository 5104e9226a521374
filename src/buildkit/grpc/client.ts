/**
 * Calls of gRPC over a connection that is there already: the client's side, of which the peer is whoever made the connection.
 * Nothing of the peer is believed: messages have a limit, and a call ends when the connection does.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import type { ByteDuplex } from "../../lib/byte-duplex.ts";
import type { Message } from "../protobuf/message.ts";
import { frame, MessageSplitter } from "./framing.ts";
import { nodeStreamOf } from "./node-stream.ts";
import { drained, piecesOf } from "./pieces.ts";
import { CallFailed, codes, decodeStatusMessage } from "./status.ts";

/** As Go's gRPC takes them at most. */
const limitMessageBytes = 4 * 1024 * 1024;
/** What may be on the way to us in one stream, and on the whole connection. */
const windowBytes = 4 * 1024 * 1024;

export type Metadata = Readonly<Record<string, string | string[]>>;

export interface CallOptions {
  readonly metadata?: Metadata;
  readonly signal?: AbortSignal | undefined;
  readonly limitBytes?: number;
}

/** A call with messages both ways. */
export interface OpenCall<In, Out> {
  /** Resolves when there is room for more. Errors: `CallFailed`. */
  send(value: Partial<Out>): Promise<void>;
  /** Sends without waiting for room: for what is small, and what the peer cannot read while nobody reads what it sends. */
  post(values: readonly Partial<Out>[]): void;
  /** No more will be sent. */
  end(): void;
  /** What has arrived, in order; ends when the peer says that all went well. Errors: `CallFailed`. */
  readonly batches: AsyncIterable<readonly In[]>;
  /** Ends the call whatever its state. */
  cancel(): void;
}

export class GrpcConnection {
  readonly #session: ClientHttp2Session;
  readonly #closed: Promise<void>;

  constructor(duplex: ByteDuplex) {
    const stream = nodeStreamOf(duplex);
    this.#session = connect("http://localhost", {
      createConnection: () => stream,
      settings: { enablePush: false, initialWindowSize: windowBytes },
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#closed = promise;
    // Every call hears of it by itself.
    this.#session.on("error", () => {});
    this.#session.on("close", () => resolve());
    stream.on("close", () => {
      this.#session.destroy();
      resolve();
    });
    stream.on("error", () => {});
  }

  /** Settles when the connection is over. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  destroy(): void {
    this.#session.destroy();
  }

  /** One message there, one back. Errors: `CallFailed`, and the signal's reason. */
  async unary<Out, In>(
    path: string,
    request: { readonly as: Message<Out>; readonly value: Partial<Out> },
    response: Message<In>,
    options: CallOptions = {},
  ): Promise<In> {
    const call = this.open(path, request.as, response, options);
    await call.send(request.value);
    call.end();
    let answer: In | undefined;
    for await (const batch of call.batches) answer ??= batch[0];
    if (answer === undefined) throw new CallFailed(codes.internal, `${path} was answered by nothing`);
    return answer;
  }

  open<Out, In>(
    path: string,
    outgoing: Message<Out>,
    incoming: Message<In>,
    { metadata = {}, signal, limitBytes = limitMessageBytes }: CallOptions = {},
  ): OpenCall<In, Out> {
    if (this.#session.destroyed || this.#session.closed) throw gone(path);
    const stream = this.#session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: path,
      "content-type": "application/grpc",
      te: "trailers",
      ...metadata,
    });
    const cancel = (): void => stream.close(constants.NGHTTP2_CANCEL);
    if (signal?.aborted === true) cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    stream.once("close", () => signal?.removeEventListener("abort", cancel));
    // Whoever reads the answer hears of it.
    stream.on("error", () => {});
    const ended = endOf(stream, path, signal);
    return {
      async send(value) {
        if (stream.destroyed) throw await ended;
        if (stream.write(frame(outgoing.encode(value)))) return;
        await drained(stream);
      },
      post(values) {
        stream.write(Buffer.concat(values.map((value) => frame(outgoing.encode(value)))));
      },
      end: () => stream.end(),
      batches: batchesOf(stream, incoming, limitBytes, ended),
      cancel,
    };
  }
}

function gone(path: string): CallFailed {
  return new CallFailed(codes.unavailable, `the client has gone (${path})`);
}

/** What a call came to: undefined is well. */
async function endOf(
  stream: ClientHttp2Stream,
  path: string,
  signal: AbortSignal | undefined,
): Promise<CallFailed | undefined> {
  const { promise, resolve } = Promise.withResolvers<CallFailed | undefined>();
  let told: { readonly code: number; readonly message: string } | undefined;
  const hear = (headers: Readonly<Record<string, unknown>>): void => {
    const code = headers["grpc-status"];
    if (code === undefined) return;
    const text = headers["grpc-message"];
    told = { code: Number(code), message: typeof text === "string" ? decodeStatusMessage(text) : "" };
  };
  stream.once("response", (headers) => {
    const status = Number(headers[":status"]);
    if (status !== 200) told = { code: codes.unavailable, message: `${path} was answered with ${status}` };
    hear(headers);
  });
  stream.once("trailers", hear);
  stream.once("close", () => {
    if (signal?.aborted === true) resolve(new CallFailed(codes.cancelled, "context canceled"));
    else if (told === undefined) resolve(gone(path));
    else resolve(told.code === codes.ok ? undefined : new CallFailed(told.code, told.message));
  });
  return await promise;
}

async function* batchesOf<In>(
  stream: ClientHttp2Stream,
  incoming: Message<In>,
  limitBytes: number,
  ended: Promise<CallFailed | undefined>,
): AsyncGenerator<readonly In[]> {
  const splitter = new MessageSplitter(limitBytes);
  try {
    for await (const piece of piecesOf(stream)) {
      const batch = splitter.push(piece).map((bytes) => incoming.decode(bytes));
      if (batch.length > 0) yield batch;
    }
    const failure = await ended;
    if (failure !== undefined) throw failure;
    if (!splitter.idle) throw new CallFailed(codes.internal, "the answer ends in the middle of a message");
  } finally {
    stream.close(constants.NGHTTP2_CANCEL);
  }
}
