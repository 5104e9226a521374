/**
 * One connection of the HTTP/1.1 server. Requests are handled strictly one after another: bytes of a next request wait
 * (bounded) until the reply to this one has left. A reply that takes the connection over ends HTTP on it for good.
 *
 * Invariants: every reply is written by `#reply`; after `#linger` nothing is parsed any more; the request's signal is
 * aborted when the client goes first, and never after the reply is complete.
 */
import type { ByteDuplex, DuplexHandlers } from "../lib/byte-duplex.ts";
import { monotonicMs } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { BodyBudget } from "./body-budget.ts";
import type { BunDuplex, CallerAt, UnreadBytes } from "./bun-duplex.ts";
import { DechunkedDuplex } from "./dechunked-duplex.ts";
import { findHeadEnd, limitHeadBytes, parseRequestHead, type RequestHead } from "./http-head.ts";
import {
  type HttpHandler,
  type HttpReply,
  type HttpRequest,
  renderHead,
  type StreamReply,
  statusHasBody,
  type TakeoverReply,
} from "./http-message.ts";
import { HttpProblem } from "./http-problem.ts";
import { RequestBody } from "./request-body.ts";
import { writeChunk } from "./write-chunk.ts";

/** Unread bytes beyond a request under way stop the reading. */
const limitPendingBytes = 256 * 1024;
/** How much of what a refused client still sends is thrown away before the connection is cut. */
const limitLingerBytes = 8 * 1024 * 1024;
const limitHeadMs = 20_000;
const limitBodyStallMs = 60_000;
const limitLingerMs = 5_000;
/** A client that keeps a connection for its next request asks again sooner, or opens another. */
const limitIdleMs = 5 * 60_000;

/** Bytes of a body from where on it is sent as it is, after its head, instead of in one piece with it. */
const apartBytes = 32 * 1024;

const nothing = new Uint8Array(0);

/** A request under way. */
interface Exchange {
  readonly head: RequestHead;
  readonly body: RequestBody;
  abort: AbortController | undefined;
}

type Phase = "head" | "exchange" | "linger" | "over";

export interface ConnectionHost {
  readonly handler: HttpHandler;
  /** A handler that threw, or a streamed body that did. */
  onFault(error: unknown): void;
  /** Called once, when the connection is over or no longer HTTP. `takenOver` is the connection in the latter case. */
  onDone(connection: HttpConnection, takenOver: ByteDuplex | undefined): void;
  /** What bodies that are read whole may take together. */
  readonly bodies: BodyBudget;
  /** Absent: it cannot be told. */
  readonly unread: UnreadBytes | undefined;
  readonly callerAt: CallerAt | undefined;
  /** No further request is wanted; `onSettled` is then called when a reply is complete. */
  readonly closing: boolean;
  onSettled(): void;
}

export class HttpConnection {
  readonly #duplex: BunDuplex;
  readonly #host: ConnectionHost;
  #phase: Phase = "head";
  #pending: Uint8Array = nothing;
  #scanned = 0;
  #exchange: Exchange | undefined;
  #peerEnded = false;
  #paused = false;
  #lingerBytes = 0;
  #drained: (() => void) | undefined;
  /** When the client last moved something forward; 0 while waiting is on our side or there is nothing to wait for. */
  #waitingSinceMs = 0;
  /** Since when there is no request. */
  #idleSinceMs = monotonicMs();

  constructor(duplex: BunDuplex, host: ConnectionHost) {
    this.#duplex = duplex;
    this.#host = host;
  }

  start(): void {
    const handlers: DuplexHandlers = {
      data: (chunk) => this.#data(chunk),
      end: () => this.#end(),
      close: () => this.#close(),
      drain: () => this.#drained?.(),
    };
    this.#duplex.listen(handlers);
  }

  /** True between requests. */
  get idle(): boolean {
    return this.#phase === "head" && this.#pending.length === 0 && !this.#duplex.hasUnsent;
  }

  /** Since when it has been between requests; undefined while there is one, or a part of one. */
  get idleSinceMs(): number | undefined {
    return this.idle ? this.#idleSinceMs : undefined;
  }

  /** True while a request is being answered. */
  get busy(): boolean {
    return this.#phase === "exchange";
  }

  /** Cuts the connection. */
  destroy(): void {
    this.#duplex.destroy();
  }

  /** Called now and then: ends what has waited for the client for too long. */
  checkTime(nowMs: number): void {
    // Who reads a reply slowly is not silent: the time of what comes after it has not begun.
    if (this.#duplex.hasUnsent) {
      this.#idleSinceMs = nowMs;
      if (this.#phase === "linger") this.#waitingSinceMs = nowMs;
    }
    if (this.idle && nowMs - this.#idleSinceMs > limitIdleMs) this.destroy();
    if (this.#waitingSinceMs === 0) return;
    const waitedMs = nowMs - this.#waitingSinceMs;
    if (this.#phase === "linger" && waitedMs > limitLingerMs) this.destroy();
    else if (this.#phase === "head" && waitedMs > limitHeadMs)
      this.#refuse(new HttpProblem(408, "request not completed"));
    else if (this.#phase === "exchange" && waitedMs > limitBodyStallMs) {
      this.#failBody(new HttpProblem(408, "request body not completed"));
    }
  }

  #data(chunk: Uint8Array): void {
    if (this.#phase === "linger" || this.#phase === "over") {
      this.#lingerBytes += chunk.length;
      if (this.#lingerBytes > limitLingerBytes) this.destroy();
      return;
    }
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    if (this.#phase === "head") this.#tryHead();
    else if (this.#exchange?.body.wanted === true) this.#feedBody(this.#exchange.body);
    else if (this.#pending.length > limitPendingBytes && !this.#paused) {
      this.#paused = true;
      this.#duplex.pause();
    }
  }

  #end(): void {
    this.#peerEnded = true;
    if (this.#phase === "head") {
      this.#phase = "over";
      this.#duplex.end();
    } else if (this.#phase === "exchange") {
      // A half-close only ends the request: a client that wants no answer closes the connection. A stream that is behind may
      // still find its end in what has arrived.
      if (this.#exchange?.body.wanted === true) {
        this.#failBody(new HttpProblem(400, "request body ended early"));
      }
    } else {
      this.#duplex.end();
    }
  }

  #close(): void {
    const before = this.#phase;
    this.#phase = "over";
    if (before === "exchange") {
      this.#failBody(new HttpProblem(400, "request body ended early"));
      this.#exchange?.abort?.abort();
    }
    this.#drained?.();
    this.#host.onDone(this, undefined);
  }

  #tryHead(): void {
    if (this.#waitingSinceMs === 0) this.#waitingSinceMs = monotonicMs();
    while (this.#pending[0] === 13 && this.#pending[1] === 10) this.#pending = this.#pending.subarray(2);
    const end = findHeadEnd(this.#pending, this.#scanned - 3);
    if ((end === -1 ? this.#pending.length : end) > limitHeadBytes) {
      this.#refuse(new HttpProblem(431, `request head longer than ${limitHeadBytes} bytes`));
      return;
    }
    this.#scanned = this.#pending.length;
    if (end === -1) return;
    let head: RequestHead;
    try {
      head = parseRequestHead(
        Buffer.from(this.#pending.buffer, this.#pending.byteOffset, end).toString("latin1"),
      );
    } catch (thrown) {
      this.#refuse(thrown);
      return;
    }
    this.#pending = this.#pending.subarray(end + 4);
    this.#scanned = 0;
    this.#waitingSinceMs = 0;
    this.#begin(head);
  }

  #begin(head: RequestHead): void {
    const exchange: Exchange = { head, body: new RequestBody(head, this.#host.bodies), abort: undefined };
    this.#exchange = exchange;
    this.#phase = "exchange";
    const gone = () => this.#phase === "over";
    const caller = () =>
      this.#host.callerAt === undefined ? undefined : this.#duplex.caller(this.#host.callerAt);
    const request: HttpRequest = {
      head,
      get caller() {
        return caller();
      },
      get signal() {
        exchange.abort ??= new AbortController();
        if (gone()) exchange.abort.abort();
        return exchange.abort.signal;
      },
      readBody: (limitBytes) => this.#readBody(exchange, limitBytes),
      streamBody: () => this.#streamBody(exchange),
    };
    let reply: HttpReply | Promise<HttpReply>;
    try {
      reply = this.#host.handler(request);
    } catch (thrown) {
      this.#fault(exchange, thrown);
      return;
    }
    if (!(reply instanceof Promise)) {
      this.#reply(exchange, reply);
      return;
    }
    reply.then(
      (value) => this.#reply(exchange, value),
      (thrown: unknown) => this.#fault(exchange, thrown),
    );
  }

  #readBody({ head, body }: Exchange, limitBytes: number): Promise<Uint8Array> {
    const whole = body.read(limitBytes);
    if (!body.wanted) return whole;
    this.#sayContinue(head);
    this.#feedBody(body);
    if (this.#peerEnded) this.#failBody(new HttpProblem(400, "request body ended early"));
    return whole;
  }

  #streamBody({ head, body }: Exchange): AsyncIterable<Uint8Array> {
    let asked = false;
    return body.stream(() => {
      if (!asked) this.#sayContinue(head);
      asked = true;
      this.#feedBody(body);
      if (this.#peerEnded) this.#failBody(new HttpProblem(400, "request body ended early"));
    });
  }

  #sayContinue(head: RequestHead): void {
    if (!head.expectContinue || this.#pending.length > 0) return;
    this.#duplex.write(Buffer.from("HTTP/1.1 100 Continue\r\n\r\n"));
  }

  #feedBody(body: RequestBody): void {
    this.#pending = body.feed(this.#pending);
    this.#waitingSinceMs = body.wanted ? monotonicMs() : 0;
    this.#continueReading();
  }

  #failBody(error: Error): void {
    this.#waitingSinceMs = 0;
    this.#exchange?.body.fail(error);
  }

  #continueReading(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#duplex.resume();
  }

  #fault(exchange: Exchange, thrown: unknown): void {
    if (!(thrown instanceof HttpProblem)) this.#host.onFault(thrown);
    const problem = thrown instanceof HttpProblem ? thrown : new HttpProblem(500, "internal error");
    this.#reply(exchange, problemReply(problem));
  }

  #reply(exchange: Exchange, reply: HttpReply): void {
    if (reply.kind === "takeover") {
      this.#handOver(exchange, reply);
      return;
    }
    const { head, body } = exchange;
    // A reply in pieces may begin while its handler still reads the request; what is left of that is then the handler's.
    const stillRead = reply.kind === "stream" && body.isBeingRead;
    const keep =
      head.keepAlive && !this.#host.closing && !this.#peerEnded && !stillRead && this.#skipBody(body);
    try {
      if (reply.kind === "stream") {
        this.#stream(exchange, reply, keep).catch((thrown: unknown) => this.#host.onFault(thrown));
        return;
      }
      let text = renderHead(reply.status, reply.headers);
      if (!keep) text += "Connection: close\r\n";
      if (statusHasBody(reply.status)) text += `Content-Length: ${Buffer.byteLength(reply.body)}\r\n`;
      text += "\r\n";
      const bodyless = head.method === "HEAD" || !statusHasBody(reply.status);
      if (!bodyless && typeof reply.body !== "string" && reply.body.length >= apartBytes) {
        this.#duplex.write(Buffer.from(text));
        this.#duplex.write(reply.body);
      } else {
        this.#duplex.write(
          bodyless
            ? Buffer.from(text)
            : typeof reply.body === "string"
              ? Buffer.from(text + reply.body)
              : Buffer.concat([Buffer.from(text), reply.body]),
        );
      }
    } catch (thrown) {
      this.#host.onFault(thrown);
      this.destroy();
      return;
    }
    this.#finish(keep);
  }

  /** Discards what is left of the body if it has all arrived; otherwise the connection cannot be used again. */
  #skipBody(body: RequestBody): boolean {
    if (body.done) return true;
    const rest = body.skip(this.#pending);
    if (rest !== undefined) this.#pending = rest;
    return rest !== undefined;
  }

  async #stream(exchange: Exchange, reply: StreamReply, keepWanted: boolean): Promise<void> {
    const chunked = exchange.head.minorVersion === 1;
    const keep = keepWanted && chunked;
    let text = renderHead(reply.status, reply.headers);
    if (chunked) text += "Transfer-Encoding: chunked\r\n";
    if (!keep) text += "Connection: close\r\n";
    this.#duplex.write(Buffer.from(`${text}\r\n`));
    try {
      if (exchange.head.method !== "HEAD") {
        for await (const chunk of reply.body) {
          if (this.#phase === "over") return;
          if (chunk.length === 0) continue;
          const more = chunked ? writeChunk(this.#duplex, chunk) : this.#duplex.write(chunk);
          if (!more) await this.#drain();
        }
        if (chunked) this.#duplex.write(Buffer.from("0\r\n\r\n"));
      }
    } catch (thrown) {
      this.destroy();
      // After the client has gone a failing source is only the consequence.
      if (exchange.abort?.signal.aborted !== true) throw thrown;
      return;
    }
    this.#finish(keep);
  }

  #drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = () => {
        this.#drained = undefined;
        resolve();
      };
    });
  }

  #handOver(exchange: Exchange, { head, apart, take }: TakeoverReply): void {
    if (this.#phase !== "exchange") {
      // The client has gone already; whoever takes over learns it from the closed duplex.
      this.#duplex.release(nothing);
      take(this.#duplex);
      return;
    }
    this.#phase = "over";
    this.#exchange = undefined;
    this.#duplex.write(head);
    if (apart === true && this.#host.unread !== undefined) this.#duplex.setBoundary(this.#host.unread);
    this.#duplex.release(this.#pending);
    this.#pending = nothing;
    this.#continueReading();
    const taken = exchange.body.done
      ? this.#duplex
      : new DechunkedDuplex(this.#duplex, exchange.body.decoder);
    this.#host.onDone(this, this.#duplex);
    take(taken);
  }

  #finish(keep: boolean): void {
    this.#exchange = undefined;
    if (this.#phase === "over") return;
    if (!keep) {
      this.#linger();
      return;
    }
    this.#phase = "head";
    this.#scanned = 0;
    this.#idleSinceMs = monotonicMs();
    this.#continueReading();
    // From the event loop, so that a flood of pipelined requests cannot grow the stack.
    if (this.#pending.length > 0) {
      setImmediate(() => {
        if (this.#phase === "head") this.#tryHead();
      });
    }
  }

  #refuse(thrown: unknown): void {
    const problem = thrown instanceof HttpProblem ? thrown : new HttpProblem(400, messageOf(thrown));
    const reply = problemReply(problem);
    const text = renderHead(reply.status, reply.headers);
    const body = Buffer.from(
      `${text}Connection: close\r\nContent-Length: ${Buffer.byteLength(reply.body)}\r\n\r\n${reply.body}`,
    );
    this.#duplex.write(body);
    this.#linger();
  }

  /** Half-closes and lets the client read the reply in peace: closing with unread input would reset the connection. */
  #linger(): void {
    this.#phase = "linger";
    if (this.#host.closing) this.#host.onSettled();
    this.#waitingSinceMs = monotonicMs();
    this.#pending = nothing;
    this.#continueReading();
    this.#duplex.end();
  }
}

function problemReply(problem: HttpProblem) {
  return {
    kind: "fixed",
    status: problem.status,
    headers: [["Content-Type", "application/json"]],
    body: `${JSON.stringify({ message: problem.message })}\n`,
  } as const;
}
