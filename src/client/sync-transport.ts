/**
 * `ClientTransport` by blocking system calls: no event loop, so that a short command's whole life is a handful
 * of calls. The promises it returns are settled when it returns them. Nothing else in the process runs
 * while it waits; signals keep their default action unless the caller polls the stream itself.
 */

import { TiffinError } from "../lib/errors.ts";
import { chunkParts } from "../transport/write-chunk.ts";
import { connectionLost, errnoOf, hungUp, unreachable } from "./api-error.ts";
import { encodeRequest, lastChunk } from "./request-head.ts";
import { AnswerBody, bodyFraming, decodeHead, headEnd } from "./response-parser.ts";
import type { SyncSocket } from "./sync-socket.ts";
import {
  type BufferedResponse,
  type ClientTransport,
  isHijack,
  maxBufferedBodyBytes,
  type PendingUpgrade,
  type RequestSpec,
  type ResponseHead,
  type StreamedResponse,
} from "./transport.ts";

const readBytes = 256 * 1024;

export interface SyncTransportOptions {
  /** The endpoint as the user knows it, for messages. */
  readonly where: string;
  /** Throws an error with the errno name as `code`, or a `TiffinError`, which is passed on. */
  readonly connect: () => SyncSocket | Promise<SyncSocket>;
  /** Tried once when nobody listens: brings the engine up, or throws. */
  readonly bringUp?: () => Promise<void>;
}

interface Exchange {
  readonly socket: SyncSocket;
  readonly head: ResponseHead;
  /** What came after the head: a view into `buffer`, which is free to be overwritten once it is used. */
  readonly rest: Uint8Array;
  readonly buffer: Uint8Array;
}

export class SyncTransport implements ClientTransport<SyncSocket> {
  readonly #options: SyncTransportOptions;
  #idle: SyncSocket | undefined;

  constructor(options: SyncTransportOptions) {
    this.#options = options;
  }

  async request(spec: RequestSpec): Promise<BufferedResponse> {
    const exchange = await this.#exchange(spec);
    return this.#buffered(spec, exchange);
  }

  async stream(spec: RequestSpec): Promise<StreamedResponse> {
    const exchange = await this.#exchange(spec);
    return { ...exchange.head, chunks: this.#chunks(spec, exchange) };
  }

  async beginUpgrade(spec: RequestSpec): Promise<PendingUpgrade<SyncSocket>> {
    const socket = await this.#connect();
    send(socket, encodeRequest(spec, { upgrade: true }));
    return {
      stream: socket,
      answer: async () => {
        const exchange = receive(socket);
        if (exchange === undefined) throw hungUp(this.#options.where);
        const { head, rest } = exchange;
        return isHijack(head) ? { head, stream: socket, early: rest } : this.#buffered(spec, exchange);
      },
      abandon: () => socket.close(),
    };
  }

  close(): void {
    this.#idle?.close();
    this.#idle = undefined;
  }

  async #connect(): Promise<SyncSocket> {
    const { connect, where, bringUp } = this.#options;
    try {
      const socket = connect();
      // Not awaited where it is there: who waits by blocking calls must not have to wait for a turn of the event loop.
      return socket instanceof Promise ? await socket : socket;
    } catch (thrown) {
      if (thrown instanceof TiffinError) throw thrown;
      const nobody = ["ENOENT", "ECONNREFUSED"].includes(errnoOf(thrown) ?? "");
      if (!nobody || bringUp === undefined) throw unreachable(where, thrown);
    }
    await bringUp();
    try {
      return await connect();
    } catch (thrown) {
      throw unreachable(where, thrown);
    }
  }

  async #exchange(spec: RequestSpec): Promise<Exchange> {
    const bytes = encodeRequest(spec, { upgrade: false });
    const kept = spec.upload === undefined ? this.#idle : undefined;
    if (kept !== undefined) {
      this.#idle = undefined;
      const unsent = !send(kept, bytes);
      const reused = receive(kept);
      if (reused !== undefined) return reused;
      // The engine closed the idle connection. Repeat only what it cannot have performed.
      if (!unsent && spec.method !== "GET" && spec.method !== "HEAD") throw connectionLost();
    }
    const socket = await this.#connect();
    send(socket, bytes);
    if (spec.upload !== undefined) await upload(spec.upload, socket);
    const exchange = receive(socket);
    if (exchange === undefined) throw hungUp(this.#options.where);
    return exchange;
  }

  #buffered(spec: RequestSpec, exchange: Exchange): BufferedResponse {
    const decoder = new AnswerBody(bodyFraming(exchange.head, spec.method));
    const pieces: Uint8Array[] = [];
    let total = 0;
    const keep = (chunk: Uint8Array): void => {
      total += chunk.length;
      if (total > maxBufferedBodyBytes) {
        throw new TiffinError(
          "internal",
          "client.answer-too-big",
          `the engine's answer exceeds ${maxBufferedBodyBytes} bytes`,
        );
      }
      pieces.push(chunk.slice());
    };
    try {
      decoder.push(exchange.rest, keep);
      while (!decoder.done) {
        const got = readInto(exchange);
        if (got.length === 0) {
          decoder.finish();
          break;
        }
        decoder.push(got, keep);
      }
    } catch (thrown) {
      exchange.socket.close();
      throw thrown;
    }
    this.#release(exchange);
    return {
      ...exchange.head,
      body: pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : joined(pieces, total),
    };
  }

  async *#chunks(spec: RequestSpec, exchange: Exchange): AsyncGenerator<Uint8Array> {
    const decoder = new AnswerBody(bodyFraming(exchange.head, spec.method));
    let complete = false;
    try {
      let bytes = exchange.rest;
      for (;;) {
        const ready: Uint8Array[] = [];
        decoder.push(bytes, (chunk) => ready.push(chunk));
        yield* ready;
        if (decoder.done) break;
        bytes = readInto(exchange);
        if (bytes.length === 0) {
          decoder.finish();
          break;
        }
      }
      complete = true;
    } finally {
      if (complete) this.#release(exchange);
      else exchange.socket.close();
    }
  }

  #release(exchange: Exchange): void {
    const ends = (exchange.head.headers.get("connection") ?? "").toLowerCase() === "close";
    const untilClose =
      !exchange.head.headers.has("content-length") && !exchange.head.headers.has("transfer-encoding");
    const bodyless = exchange.head.status === 204 || exchange.head.status === 304;
    if (ends || (untilClose && !bodyless) || this.#idle !== undefined) exchange.socket.close();
    else this.#idle = exchange.socket;
  }
}

/** Sends the whole body, unless the engine has answered and closed before. */
async function upload(source: AsyncIterable<Uint8Array>, socket: SyncSocket): Promise<void> {
  for await (const piece of source) {
    if (piece.length > 0 && !chunkParts(piece).every((part) => send(socket, part))) return;
  }
  send(socket, lastChunk);
}

/**
 * False when the peer had closed already. That is no error yet: an engine that refuses early has answered, and its words are
 * worth more than EPIPE, so the answer is read in any case.
 */
function send(socket: SyncSocket, bytes: Uint8Array): boolean {
  try {
    socket.write(bytes);
    return true;
  } catch (thrown) {
    if (errnoOf(thrown) !== "EPIPE" && errnoOf(thrown) !== "ECONNRESET") throw connectionLost(thrown);
    return false;
  }
}

/** Reads up to the end of the head. Undefined when the connection was closed before the first byte of an answer. */
function receive(socket: SyncSocket): Exchange | undefined {
  const buffer = new Uint8Array(readBytes);
  let filled = 0;
  for (;;) {
    const got = readOrEnd(socket, buffer.subarray(filled));
    if (got === 0) {
      socket.close();
      if (filled === 0) return undefined;
      throw connectionLost();
    }
    filled += got;
    for (let end = headEnd(buffer.subarray(0, filled)); end >= 0; end = headEnd(buffer.subarray(0, filled))) {
      const head = decodeHead(buffer.subarray(0, end));
      if (head.status !== 100) return { socket, head, buffer, rest: buffer.subarray(end, filled) };
      buffer.copyWithin(0, end, filled);
      filled -= end;
    }
  }
}

/** Like read(2), with a reset counted as an end: both mean that no more will come. */
function readOrEnd(socket: SyncSocket, into: Uint8Array): number {
  try {
    return socket.read(into);
  } catch (thrown) {
    if (errnoOf(thrown) === "ECONNRESET") return 0;
    throw connectionLost(thrown);
  }
}

function readInto({ socket, buffer }: Exchange): Uint8Array {
  return buffer.subarray(0, readOrEnd(socket, buffer));
}

function joined(pieces: readonly Uint8Array[], total: number): Uint8Array {
  const whole = new Uint8Array(total);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
