/**
 * `ClientTransport` by blocking system calls: no event loop, so that a short command's whole life is a handful
 * of calls. The promises it returns are settled when it returns them. Nothing else in the process runs
 * while it waits; signals keep their default action unless the caller polls the stream itself.
 */

import { TiffinError } from "../lib/errors.ts";
import { connectionLost, errnoOf, unreachable } from "./api-error.ts";
import { encodeRequest } from "./request-head.ts";
import { BodyDecoder, bodyFraming, decodeHead, headEnd } from "./response-parser.ts";
import type { ConnectSync, SyncSocket } from "./sync-socket.ts";
import {
  type BufferedResponse,
  type ClientTransport,
  maxBufferedBodyBytes,
  type RequestSpec,
  type ResponseHead,
  type StreamedResponse,
  type Upgraded,
} from "./transport.ts";

const readBytes = 256 * 1024;

export interface SyncTransportOptions {
  readonly path: string;
  /** The endpoint as the user knows it, for messages. */
  readonly where: string;
  readonly connect: ConnectSync;
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
    const exchange = await this.#exchange(spec, false);
    return this.#buffered(spec, exchange);
  }

  async stream(spec: RequestSpec): Promise<StreamedResponse> {
    const exchange = await this.#exchange(spec, false);
    return { ...exchange.head, chunks: this.#chunks(spec, exchange) };
  }

  async upgrade(spec: RequestSpec): Promise<Upgraded<SyncSocket> | BufferedResponse> {
    const exchange = await this.#exchange(spec, true);
    const { head, socket, rest } = exchange;
    // Docker's engines before 1.20 of the protocol hijack with a plain 200.
    const hijacked =
      head.status === 200 && /^application\/vnd\.docker\./.test(head.headers.get("content-type") ?? "");
    if (head.status === 101 || hijacked) return { head, stream: socket, early: rest };
    return this.#buffered(spec, exchange);
  }

  close(): void {
    this.#idle?.close();
    this.#idle = undefined;
  }

  async #connect(): Promise<SyncSocket> {
    const { connect, path, where, bringUp } = this.#options;
    try {
      return connect(path);
    } catch (thrown) {
      const nobody = ["ENOENT", "ECONNREFUSED"].includes(errnoOf(thrown) ?? "");
      if (!nobody || bringUp === undefined) throw unreachable(where, thrown);
    }
    await bringUp();
    try {
      return connect(path);
    } catch (thrown) {
      throw unreachable(where, thrown);
    }
  }

  async #exchange(spec: RequestSpec, upgrade: boolean): Promise<Exchange> {
    const bytes = encodeRequest(spec, { upgrade });
    const kept = this.#idle;
    this.#idle = undefined;
    if (kept !== undefined) {
      const reused = this.#attempt(kept, bytes);
      if ("head" in reused) return reused;
      // The engine closed the idle connection. Repeat only what it cannot have performed.
      if (!reused.unsent && spec.method !== "GET" && spec.method !== "HEAD") throw connectionLost();
    }
    const exchange = this.#attempt(await this.#connect(), bytes);
    if ("head" in exchange) return exchange;
    throw connectionLost();
  }

  /** `unsent` when the connection was closed before the request; false when it closed without any answer. */
  #attempt(socket: SyncSocket, bytes: Uint8Array): Exchange | { readonly unsent: boolean } {
    let unsent = false;
    try {
      socket.write(bytes);
    } catch (thrown) {
      unsent = errnoOf(thrown) === "EPIPE" || errnoOf(thrown) === "ECONNRESET";
      if (!unsent) throw connectionLost(thrown);
      // An engine that refuses early has answered already: its words are worth more than EPIPE, so read on.
    }
    const buffer = new Uint8Array(readBytes);
    let filled = 0;
    for (;;) {
      const got = readOrEnd(socket, buffer.subarray(filled));
      if (got === 0) {
        socket.close();
        if (filled === 0) return { unsent };
        throw connectionLost();
      }
      filled += got;
      for (
        let end = headEnd(buffer.subarray(0, filled));
        end >= 0;
        end = headEnd(buffer.subarray(0, filled))
      ) {
        const head = decodeHead(buffer.subarray(0, end));
        if (head.status !== 100) return { socket, head, buffer, rest: buffer.subarray(end, filled) };
        buffer.copyWithin(0, end, filled);
        filled -= end;
      }
    }
  }

  #buffered(spec: RequestSpec, exchange: Exchange): BufferedResponse {
    const decoder = new BodyDecoder(bodyFraming(exchange.head, spec.method));
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
    const decoder = new BodyDecoder(bodyFraming(exchange.head, spec.method));
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
