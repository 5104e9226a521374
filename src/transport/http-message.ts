/** What an HTTP handler receives and returns. Nothing here knows about sockets. */
import type { ByteDuplex } from "../lib/byte-duplex.ts";
import { httpDate } from "./http-date.ts";
import type { RequestHead } from "./http-head.ts";

/** The process that made the connection. */
export interface RequestCaller {
  readonly pid: number;
  readonly uid: number;
}

export interface HttpRequest {
  readonly head: RequestHead;
  /** Undefined where nobody can tell: a connection from another machine, or none at all. */
  readonly caller?: RequestCaller | undefined;
  /** Aborted when the client closes the connection before the reply is complete. */
  readonly signal: AbortSignal;
  /**
   * The whole body; once only. Rejects with `HttpProblem` 413 when it is longer than `limitBytes`, 400 when it is
   * malformed, 408 when the client stops sending.
   */
  readBody(limitBytes: number): Promise<Uint8Array>;
  /**
   * Instead of `readBody`: the body in pieces, read from the client as fast as they are taken here. Once only; whoever stops
   * early costs the client its connection. A piece is valid until the next one is asked for, so whoever keeps bytes copies them.
   * Rejects like `readBody`, without a limit.
   */
  streamBody(): AsyncIterable<Uint8Array>;
}

export type HeaderList = readonly (readonly [name: string, value: string])[];

/** A reply with a known body; leaves in one write. */
export interface FixedReply {
  readonly kind: "fixed";
  readonly status: number;
  readonly headers: HeaderList;
  /** Empty for none. */
  readonly body: string | Uint8Array;
}

/** A reply whose head leaves at once and whose body follows in chunks as fast as the client takes them. */
export interface StreamReply {
  readonly kind: "stream";
  readonly status: number;
  readonly headers: HeaderList;
  /** A failure here cuts the connection, so that the client can tell it from the end. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** The connection stops being HTTP: after `head` it belongs to `take`. */
export interface TakeoverReply {
  readonly kind: "takeover";
  /** Complete, with status line and empty line; may go on with the first bytes of what follows. */
  readonly head: Uint8Array;
  /** What follows must not come in one read with the head: there are clients that drop what their buffer holds besides it. */
  readonly apart?: boolean;
  /** Receives what the client sent after its request, and everything later. */
  take(duplex: ByteDuplex): void;
}

export type HttpReply = FixedReply | StreamReply | TakeoverReply;

/** Must not throw: what does is answered with a bare 500 and reported to the server's `onFault`. */
export type HttpHandler = (request: HttpRequest) => HttpReply | Promise<HttpReply>;

const reasons: ReadonlyMap<number, string> = new Map([
  [200, "OK"],
  [201, "Created"],
  [204, "No Content"],
  [304, "Not Modified"],
  [400, "Bad Request"],
  [401, "Unauthorized"],
  [403, "Forbidden"],
  [404, "Not Found"],
  [405, "Method Not Allowed"],
  [408, "Request Timeout"],
  [409, "Conflict"],
  [413, "Content Too Large"],
  [414, "URI Too Long"],
  [417, "Expectation Failed"],
  [426, "Upgrade Required"],
  [431, "Request Header Fields Too Large"],
  [500, "Internal Server Error"],
  [501, "Not Implemented"],
  [503, "Service Unavailable"],
  [505, "HTTP Version Not Supported"],
]);

/** Status line and header fields, without the empty line. Throws on a value that would end a line early. */
export function renderHead(status: number, headers: HeaderList): string {
  let head = `HTTP/1.1 ${status} ${reasons.get(status) ?? "Status"}\r\nDate: ${httpDate()}\r\n`;
  for (const [name, value] of headers) {
    if (/[\r\n]/.test(value)) throw new RangeError(`line break in header field ${name}`);
    head += `${name}: ${value}\r\n`;
  }
  return head;
}

/** 1xx, 204 and 304 never have a body (RFC 9110 section 6.4.1). */
export function statusHasBody(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 304;
}
