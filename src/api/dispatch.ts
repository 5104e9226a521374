/**
 * From an HTTP request to a handler and back: version prefix, route, decoding, translators, reply. One function per kind
 * of result; a route cannot choose its own status or headers.
 */
import { acceptVersion, minorOf, newestVersion } from "../docker/api-version.ts";
import { decodeJson } from "../docker/decode.ts";
import { pageNotFound, unsupportedContentType } from "../docker/messages.ts";
import { decodeQuery } from "../docker/query.ts";
import { type Method, pathMatcher, type Route } from "../docker/route.ts";
import { type RouteName, routes } from "../docker/routes.ts";
import { liftRequest, lowerResponse, streamMediaType } from "../docker/versions/mod.ts";
import { TiffinError } from "../lib/errors.ts";
import { formatExactJson } from "../lib/exact-json.ts";
import type { HeaderList, HttpReply, HttpRequest } from "../transport/http-message.ts";
import { HttpProblem } from "../transport/http-problem.ts";
import type { Handlers, HijackAnswer, SessionAnswer, StreamAnswer, TextAnswer } from "./handler.ts";
import { asTiffinError, errorBody, statusOf } from "./status.ts";

/** A create body with everything in it stays far below this. */
const limitBodyBytes = 8 * 1024 * 1024;
const newestMinor = minorOf(newestVersion);
const jsonType = ["Content-Type", "application/json"] as const;

interface LooseCall {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: unknown;
  readonly signal: AbortSignal;
}

interface Bound {
  readonly name: RouteName;
  readonly route: Route;
  readonly sinceMinor: number;
  readonly match: (path: string) => Record<string, string> | undefined;
  readonly handle: (call: LooseCall) => Promise<unknown>;
}

/** `["/v1.43", "/containers/json"]`-like split, the version as minor number. */
function splitVersion(path: string): { readonly minor: number; readonly rest: string } {
  const match = /^\/v([0-9][0-9.]*)(\/.*)$/.exec(path);
  if (match?.[1] === undefined || match[2] === undefined) return { minor: newestMinor, rest: path };
  return { minor: acceptVersion(match[1]), rest: match[2] };
}

function decodeParams(raw: Record<string, string>): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(raw).map(([name, value]) => [name, decodeURIComponent(value)]));
  } catch (cause) {
    throw new TiffinError("invalid", "api.path-invalid", "invalid escape in the request path", { cause });
  }
}

function checkContentType(request: HttpRequest): void {
  const found = request.head.headers.get("content-type");
  const type = found?.split(";", 1)[0]?.trim().toLowerCase();
  if (found !== undefined && type !== "application/json") {
    throw new TiffinError("invalid", "api.content-type", unsupportedContentType(found));
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function textOf(body: Uint8Array): string {
  try {
    return utf8.decode(body);
  } catch (cause) {
    throw new TiffinError("invalid", "api.body-invalid", "invalid request body: not UTF-8", { cause });
  }
}

async function readBody(bound: Bound, request: HttpRequest): Promise<unknown> {
  const { body } = request.head;
  if (bound.route.body === undefined) {
    // A route that takes the connection over may find stdin in a chunked body; every other body is read to its end.
    const isInput = bound.route.result.kind === "hijack" && body.kind === "chunked";
    if (!isInput && (body.kind === "chunked" || body.bytes > 0)) await request.readBody(limitBodyBytes);
    return undefined;
  }
  const bytes = await request.readBody(limitBodyBytes);
  // As in Docker, no body is an empty one.
  if (bytes.length === 0) return bound.route.body({}, "");
  checkContentType(request);
  return decodeJson(textOf(bytes), bound.route.body);
}

/** 101 where the client asked to upgrade, else Docker's older way: a 200 without length, then the bare stream. */
function takeoverHead(request: HttpRequest, mediaType: string, headers: HeaderList): string {
  const upgrade = request.head.upgrade !== undefined;
  let head = upgrade ? "HTTP/1.1 101 UPGRADED\r\n" : "HTTP/1.1 200 OK\r\n";
  head += `Content-Type: ${mediaType}\r\n`;
  if (upgrade) head += "Connection: Upgrade\r\nUpgrade: tcp\r\n";
  for (const [name, value] of headers) head += `${name}: ${value}\r\n`;
  return `${head}\r\n`;
}

async function* once(document: Promise<unknown>, lower: (document: unknown) => unknown) {
  yield Buffer.from(`${formatExactJson(lower(await document))}\n`);
}

export interface DispatcherOptions {
  readonly handlers: Handlers;
  /** The `Server` header. */
  readonly server: string;
  /** Failures of kind `internal`, and whatever else was thrown, once each. */
  onFault(error: unknown): void;
}

export class Dispatcher {
  readonly #byMethod = new Map<string, Bound[]>();
  readonly #headers: HeaderList;
  readonly #onFault: (error: unknown) => void;

  constructor(options: DispatcherOptions) {
    this.#onFault = options.onFault;
    this.#headers = [
      ["Api-Version", newestVersion],
      ["Docker-Experimental", "false"],
      ["Ostype", "linux"],
      ["Server", options.server],
    ];
    for (const [name, route] of Object.entries(routes)) {
      // Handlers has exactly the names of the table, each handler made for its row; the loop loses that tie.
      const routeName = name as RouteName;
      const handle = options.handlers[routeName] as (call: LooseCall) => Promise<unknown>;
      const sinceMinor = minorOf(route.since);
      this.#add(route.method, { name: routeName, route, sinceMinor, match: pathMatcher(route.path), handle });
    }
  }

  #add(method: Method, bound: Bound): void {
    const bucket = this.#byMethod.get(method);
    if (bucket === undefined) this.#byMethod.set(method, [bound]);
    else bucket.push(bound);
  }

  /** Answers a request. Never rejects but with `HttpProblem`s of the body, which the connection answers itself. */
  async handle(request: HttpRequest): Promise<HttpReply> {
    try {
      return await this.#answer(request);
    } catch (thrown) {
      if (thrown instanceof HttpProblem) throw thrown;
      const error = asTiffinError(thrown);
      if (error.kind === "internal") this.#onFault(error);
      return this.#fixed(statusOf(error.kind), [jsonType], `${JSON.stringify(errorBody(error))}\n`);
    }
  }

  async #answer(request: HttpRequest): Promise<HttpReply> {
    const { target, method } = request.head;
    const question = target.indexOf("?");
    const path = question === -1 ? target : target.slice(0, question);
    const { minor, rest } = splitVersion(path);
    for (const bound of this.#byMethod.get(method) ?? []) {
      const raw = bound.match(rest);
      if (raw === undefined || minor < bound.sinceMinor) continue;
      if (bound.route.result.kind === "session" && request.head.upgrade === undefined) {
        throw new TiffinError("invalid", "api.upgrade-wanted", `${rest} needs a connection that is upgraded`);
      }
      const params = decodeParams(raw);
      const query = decodeQuery(bound.route.query, question === -1 ? "" : target.slice(question + 1));
      const body = await readBody(bound, request);
      const lifted =
        minor === newestMinor ? { query, body } : liftRequest(bound.name, minor, { query, body });
      const call: LooseCall = {
        params,
        query: lifted.query,
        body: lifted.body,
        get signal() {
          return request.signal;
        },
      };
      return this.#reply(bound, minor, request, await bound.handle(call));
    }
    throw new TiffinError("notFound", "api.no-route", pageNotFound());
  }

  #fixed(status: number, headers: HeaderList, body: string): HttpReply {
    return { kind: "fixed", status, headers: [...this.#headers, ...headers], body };
  }

  #reply(bound: Bound, minor: number, request: HttpRequest, answer: unknown): HttpReply {
    const { result } = bound.route;
    // In every branch below: Handlers ties the handler's answer to the kind of its row's result.
    switch (result.kind) {
      case "empty":
        return this.#fixed(result.status, [], "");
      case "text": {
        const { text, headers } = answer as TextAnswer;
        return this.#fixed(200, [["Content-Type", "text/plain; charset=utf-8"], ...headers], text);
      }
      case "json": {
        const lower = (document: unknown) =>
          minor === newestMinor ? document : lowerResponse(bound.name, minor, document);
        if (!result.later)
          return this.#fixed(result.status, [jsonType], `${formatExactJson(lower(answer))}\n`);
        const { later } = answer as { readonly later: Promise<unknown> };
        return {
          kind: "stream",
          status: result.status,
          headers: [...this.#headers, jsonType],
          body: once(later, lower),
        };
      }
      case "stream": {
        const { tty, bytes } = answer as StreamAnswer;
        const mediaType = streamMediaType(minor, tty);
        return {
          kind: "stream",
          status: 200,
          headers: [...this.#headers, ["Content-Type", mediaType]],
          body: bytes,
        };
      }
      case "hijack": {
        const taken = answer as HijackAnswer;
        if (taken === undefined) return this.#fixed(200, [], "");
        const head = takeoverHead(request, streamMediaType(minor, taken.tty), this.#headers);
        return { kind: "takeover", head: Buffer.from(head), take: (client) => taken.take(client) };
      }
      case "session": {
        const { first, take } = answer as SessionAnswer;
        const head = takeoverHead(request, "application/vnd.tiffin.frames", this.#headers);
        return { kind: "takeover", head: Buffer.concat([Buffer.from(head), first]), take };
      }
    }
  }
}
