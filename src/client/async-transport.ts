/**
 * `ClientTransport` over byte streams, for programs that do other things meanwhile (the package for programs, tests). One
 * connection per request: a unix connect costs less than bookkeeping of idle connections would.
 */

import type { ByteDuplex } from "../lib/byte-duplex.ts";
import { TiffinError } from "../lib/errors.ts";
import { writeChunk } from "../transport/write-chunk.ts";
import { cancelled, connectionLost, errnoOf, hungUp, unreachable } from "./api-error.ts";
import type { Endpoint } from "./endpoint.ts";
import { encodeRequest, lastChunk } from "./request-head.ts";
import { AnswerBody, bodyFraming, decodeHead, headEnd } from "./response-parser.ts";
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

export interface AsyncTransportOptions {
  readonly endpoint: Endpoint;
  /** Makes a connection. What it throws is told as an engine that cannot be reached, unless it is a `TiffinError`. */
  readonly open: (endpoint: Endpoint) => Promise<ByteDuplex>;
  /** Tried once when nobody listens: brings the engine up, or throws. */
  readonly bringUp?: () => Promise<void>;
}

/** Above this much undelivered body the socket is paused until the consumer takes some. */
const highWaterBytes = 1024 * 1024;

/** What was received and not yet consumed, with one waiter at most. */
class Inbox {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #over: { readonly error: Error | undefined } | undefined;
  #wake: (() => void) | undefined;
  #drained: (() => void) | undefined;
  readonly #duplex: ByteDuplex;
  readonly #signal: AbortSignal | undefined;
  readonly #abort: () => void;

  constructor(duplex: ByteDuplex, signal: AbortSignal | undefined) {
    this.#duplex = duplex;
    this.#signal = signal;
    const settle = (error: Error | undefined): void => {
      this.#over ??= { error };
      signal?.removeEventListener("abort", this.#abort);
      this.#wake?.();
      this.#drained?.();
    };
    this.#abort = () => {
      settle(undefined);
      duplex.destroy();
    };
    signal?.addEventListener("abort", this.#abort);
    duplex.listen({
      data: (chunk) => {
        this.#chunks.push(chunk.slice());
        this.#bytes += chunk.length;
        if (this.#bytes > highWaterBytes) duplex.pause();
        this.#wake?.();
      },
      end: () => settle(undefined),
      close: settle,
      drain: () => this.#drained?.(),
    });
    if (signal?.aborted === true) this.#abort();
  }

  /** Sends a piece of the body as fast as the engine takes it. False when it takes no more: it has answered, or is gone. */
  async send(piece: Uint8Array): Promise<boolean> {
    if (this.#over !== undefined) return false;
    if (writeChunk(this.#duplex, piece)) return true;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
    this.#drained = undefined;
    return this.#over === undefined;
  }

  /** The body is complete. */
  sendLast(): void {
    if (this.#over === undefined) this.#duplex.write(lastChunk);
  }

  /** The next bytes, or undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    while (this.#chunks.length === 0 && this.#over === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    if (this.#signal?.aborted === true) throw cancelled(this.#signal);
    const chunk = this.#chunks.shift();
    if (chunk === undefined) {
      if (this.#over?.error !== undefined) throw connectionLost(this.#over.error);
      return undefined;
    }
    if (this.#bytes > highWaterBytes && this.#bytes - chunk.length <= highWaterBytes) this.#duplex.resume();
    this.#bytes -= chunk.length;
    return chunk;
  }

  /** Everything that is here now, to hand the stream over. From here on the signal is the receiver's matter. */
  takeArrived(): Uint8Array[] {
    this.#signal?.removeEventListener("abort", this.#abort);
    const arrived = this.#chunks;
    this.#chunks = [];
    if (this.#bytes > highWaterBytes) this.#duplex.resume();
    this.#bytes = 0;
    return arrived;
  }
}

interface Pending {
  readonly where: string;
  readonly duplex: ByteDuplex;
  readonly inbox: Inbox;
}

interface Exchange extends Pending {
  readonly head: ResponseHead;
  readonly rest: Uint8Array;
}

export class AsyncTransport implements ClientTransport<ByteDuplex> {
  readonly #options: AsyncTransportOptions;

  constructor(options: AsyncTransportOptions) {
    this.#options = options;
  }

  async request(spec: RequestSpec): Promise<BufferedResponse> {
    return buffered(spec, await this.#exchange(spec));
  }

  /** The answer may come while the body is still sent. */
  async stream(spec: RequestSpec): Promise<StreamedResponse> {
    const { upload: source, ...head } = spec;
    if (source === undefined) {
      const exchange = await this.#exchange(spec);
      return { ...exchange.head, chunks: bodyChunks(spec, exchange) };
    }
    const pending = await this.#send(spec, false, false);
    let failure: { readonly thrown: unknown } | undefined;
    const sending = upload(source, pending.inbox, pending.duplex).catch((thrown: unknown) => {
      failure = { thrown };
    });
    try {
      const exchange = await receive(pending);
      return { ...exchange.head, chunks: bodyChunks(head, exchange) };
    } catch (thrown) {
      await sending;
      throw failure === undefined ? thrown : failure.thrown;
    }
  }

  async beginUpgrade(spec: RequestSpec): Promise<PendingUpgrade<ByteDuplex>> {
    const pending = await this.#send(spec, true);
    return {
      stream: pending.duplex,
      async answer() {
        const exchange = await receive(pending);
        const { head, rest, duplex, inbox } = exchange;
        if (!isHijack(head)) return buffered(spec, exchange);
        // From here to the caller's `listen` only microtasks run, so nothing can arrive unseen in between.
        return {
          head,
          stream: duplex,
          early: inbox.takeArrived().reduce(concatenated, new Uint8Array(rest)),
        };
      },
      abandon: () => pending.duplex.destroy(),
    };
  }

  close(): void {}

  async #send(spec: RequestSpec, upgrade: boolean, withBody = true): Promise<Pending> {
    if (spec.signal?.aborted === true) throw cancelled(spec.signal);
    const duplex = await this.#connect();
    duplex.write(encodeRequest(spec, { upgrade }));
    const inbox = new Inbox(duplex, spec.signal);
    if (withBody && spec.upload !== undefined) await upload(spec.upload, inbox, duplex);
    return { where: this.#options.endpoint.text, duplex, inbox };
  }

  async #exchange(spec: RequestSpec): Promise<Exchange> {
    return receive(await this.#send(spec, false));
  }

  async #connect(): Promise<ByteDuplex> {
    const { endpoint, open, bringUp } = this.#options;
    try {
      return await open(endpoint);
    } catch (thrown) {
      if (thrown instanceof TiffinError) throw thrown;
      const nobody = ["ENOENT", "ECONNREFUSED"].includes(errnoOf(thrown) ?? "");
      if (!nobody || bringUp === undefined) throw unreachable(endpoint.text, thrown);
    }
    await bringUp();
    return open(endpoint).catch((thrown: unknown) => {
      throw unreachable(endpoint.text, thrown);
    });
  }
}

/** Sends the whole body, unless the engine answers before. What the source throws is thrown here. */
async function upload(source: AsyncIterable<Uint8Array>, inbox: Inbox, duplex: ByteDuplex): Promise<void> {
  try {
    for await (const piece of source) {
      if (piece.length > 0 && !(await inbox.send(piece))) return;
    }
  } catch (thrown) {
    duplex.destroy();
    throw thrown;
  }
  inbox.sendLast();
}

async function firstOf(inbox: Inbox, where: string): Promise<Uint8Array> {
  try {
    const chunk = await inbox.next();
    if (chunk !== undefined) return chunk;
  } catch (thrown) {
    if (thrown instanceof TiffinError && thrown.kind === "unavailable") throw hungUp(where, thrown.cause);
    throw thrown;
  }
  throw hungUp(where);
}

/** Reads up to the end of the head. */
async function receive({ where, duplex, inbox }: Pending): Promise<Exchange> {
  let received = new Uint8Array(0);
  for (;;) {
    const chunk = received.length === 0 ? await firstOf(inbox, where) : await inbox.next();
    if (chunk === undefined) throw connectionLost();
    received = received.length === 0 ? new Uint8Array(chunk) : concatenated(received, chunk);
    for (let end = headEnd(received); end >= 0; end = headEnd(received)) {
      const head = decodeHead(received.subarray(0, end));
      received = received.slice(end);
      if (head.status !== 100) return { where, duplex, inbox, head, rest: received };
    }
  }
}

function concatenated(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

async function buffered(spec: RequestSpec, exchange: Exchange): Promise<BufferedResponse> {
  const pieces: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of bodyChunks(spec, exchange)) {
    total += chunk.length;
    if (total > maxBufferedBodyBytes) {
      throw new TiffinError(
        "internal",
        "client.answer-too-big",
        `the engine's answer exceeds ${maxBufferedBodyBytes} bytes`,
      );
    }
    pieces.push(chunk);
  }
  const body = new Uint8Array(total);
  let at = 0;
  for (const piece of pieces) {
    body.set(piece, at);
    at += piece.length;
  }
  return { ...exchange.head, body };
}

async function* bodyChunks(spec: RequestSpec, exchange: Exchange): AsyncGenerator<Uint8Array> {
  const decoder = new AnswerBody(bodyFraming(exchange.head, spec.method));
  try {
    let bytes: Uint8Array | undefined = exchange.rest;
    for (;;) {
      const ready: Uint8Array[] = [];
      decoder.push(bytes, (chunk) => ready.push(chunk));
      yield* ready;
      if (decoder.done) return;
      bytes = await exchange.inbox.next();
      if (bytes === undefined) return decoder.finish();
    }
  } finally {
    exchange.duplex.destroy();
  }
}
