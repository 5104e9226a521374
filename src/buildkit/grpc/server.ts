/**
 * The server's side of gRPC, on connections that somebody else accepted: a table of methods, and for each call its messages.
 */
import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { ByteDuplex } from "../../lib/byte-duplex.ts";
import type { Message } from "../protobuf/message.ts";
import { frame, MessageSplitter } from "./framing.ts";
import { nodeStreamOf } from "./node-stream.ts";
import { drained, piecesOf } from "./pieces.ts";
import { CallFailed, codes, encodeStatusMessage, failureOf } from "./status.ts";

/** A definition of many steps is long. */
const limitMessageBytes = 16 * 1024 * 1024;
const limitStreams = 100;

/** What is known of a call beside its messages. */
export interface CallContext {
  /** Header fields; of a repeated one the values with commas in between. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Aborted when the caller gives up or goes. */
  readonly signal: AbortSignal;
}

/** Receives the bytes of messages, and returns those of its answers. */
export type Method = (messages: AsyncIterable<Uint8Array>, context: CallContext) => AsyncIterable<Uint8Array>;

/** One message there, one back. */
export function unary<In, Out>(
  incoming: Message<In>,
  outgoing: Message<Out>,
  handle: (request: In, context: CallContext) => Promise<Partial<Out>>,
): Method {
  return async function* (messages, context) {
    for await (const bytes of messages) {
      yield outgoing.encode(await handle(incoming.decode(bytes), context));
      return;
    }
    throw new CallFailed(codes.invalidArgument, "a call without a message");
  };
}

/** One message there, any number back. */
export function answeredInPieces<In, Out>(
  incoming: Message<In>,
  outgoing: Message<Out>,
  handle: (request: In, context: CallContext) => AsyncIterable<Partial<Out>>,
): Method {
  return async function* (messages, context) {
    for await (const bytes of messages) {
      for await (const answer of handle(incoming.decode(bytes), context)) yield outgoing.encode(answer);
      return;
    }
    throw new CallFailed(codes.invalidArgument, "a call without a message");
  };
}

export class GrpcServer {
  readonly #methods: ReadonlyMap<string, Method>;
  readonly #server: Http2Server;

  /** @param methods By path: `/package.Service/Method`. */
  constructor(methods: ReadonlyMap<string, Method>) {
    this.#methods = methods;
    this.#server = createServer({ settings: { maxConcurrentStreams: limitStreams } });
    this.#server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      // Its failure is the caller's, who is told or has gone.
      stream.on("error", () => {});
      void this.#answer(stream, headers);
    });
    this.#server.on("sessionError", () => {});
  }

  /** Answers calls on this connection until it is over. */
  serve(duplex: ByteDuplex): void {
    const stream = nodeStreamOf(duplex);
    stream.on("error", () => {});
    this.#server.emit("connection", stream);
  }

  async #answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const path = String(headers[constants.HTTP2_HEADER_PATH] ?? "");
    const method = this.#methods.get(path);
    const abort = new AbortController();
    stream.once("close", () => abort.abort());
    let trailers: Record<string, string> = { "grpc-status": String(codes.ok) };
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    stream.respond(
      { [constants.HTTP2_HEADER_STATUS]: 200, "content-type": "application/grpc" },
      { waitForTrailers: true },
    );
    try {
      if (method === undefined) {
        throw new CallFailed(codes.unimplemented, `unknown service or method ${path}`);
      }
      const metadata = new Map(
        Object.entries(headers).flatMap(([name, value]) =>
          value === undefined
            ? []
            : [[name, Array.isArray(value) ? value.join(",") : String(value)] as const],
        ),
      );
      for await (const bytes of method(messagesOf(stream), { metadata, signal: abort.signal })) {
        if (stream.destroyed) return;
        if (!stream.write(frame(bytes))) await drained(stream);
      }
    } catch (thrown) {
      const { code, message } = failureOf(thrown);
      trailers = { "grpc-status": String(code), "grpc-message": encodeStatusMessage(message) };
    }
    if (!stream.destroyed) stream.end();
  }
}

async function* messagesOf(stream: ServerHttp2Stream): AsyncGenerator<Uint8Array> {
  const splitter = new MessageSplitter(limitMessageBytes);
  for await (const piece of piecesOf(stream)) yield* splitter.push(piece);
}
