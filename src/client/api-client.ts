/**
 * The typed client: a method per shape of answer, a route per call, all types inferred from the route table. It adds
 * nothing to the API; error answers become `EngineError`.
 */

import { encodeHeaders, type HeaderShape, type HeadersOf } from "../docker/header.ts";
import {
  type BodyOf,
  type DocumentOf,
  formatPath,
  type HeadersIn,
  type HeadResult,
  type HijackResult,
  type LinesResult,
  type ParamsOf,
  type PathOf,
  type QueryIn,
  type RequestBody,
  type ResultOf,
} from "../docker/route.ts";
import { type RouteName, type RouteTable, routes } from "../docker/routes.ts";
import { TiffinError } from "../lib/errors.ts";
import { parseExactJson } from "../lib/exact-json.ts";
import { errorOfResponse } from "./api-error.ts";
import type {
  BufferedResponse,
  ClientTransport,
  PendingUpgrade,
  RequestSpec,
  StreamedResponse,
  Upgraded,
} from "./transport.ts";
import { refusedUpgrade } from "./transport.ts";

type RoutesGiving<Kind extends string> = {
  [N in RouteName]: ResultOf<RouteTable[N]> extends { readonly kind: Kind } ? N : never;
}[RouteName];

export type JsonRoute = RoutesGiving<"json">;
export type EmptyRoute = RoutesGiving<"empty">;
export type StreamRoute = RoutesGiving<"stream" | "raw">;
/** Those whose connection carries a process's streams; what speaks another protocol is for its own clients. */
export type HijackRoute = {
  [N in RouteName]: ResultOf<RouteTable[N]> extends HijackResult<"tcp"> ? N : never;
}[RouteName];
export type LinesRoute = RoutesGiving<"lines">;
export type TextRoute = RoutesGiving<"text">;
export type SessionRoute = RoutesGiving<"session">;
export type HeadRoute = RoutesGiving<"head">;

export type FieldsOf<N extends HeadRoute> =
  ResultOf<RouteTable[N]> extends HeadResult<infer H> ? HeadersOf<H> : never;

export type LineOf<N extends LinesRoute> = ResultOf<RouteTable[N]> extends LinesResult<infer T> ? T : never;

type ParamsPart<N extends RouteName> = keyof ParamsOf<PathOf<RouteTable[N]>> extends never
  ? unknown
  : { readonly params: ParamsOf<PathOf<RouteTable[N]>> };
type BodyPart<N extends RouteName> =
  undefined extends BodyOf<RouteTable[N]> ? unknown : { readonly body: BodyOf<RouteTable[N]> };
type HeadersPart<N extends RouteName> = keyof HeadersIn<RouteTable[N]> extends never
  ? unknown
  : { readonly headers?: HeadersIn<RouteTable[N]> };

/** What a call of route `N` needs: its path parameters and body where it has them, and what it is asked. */
export type CallOf<N extends RouteName> = ParamsPart<N> &
  BodyPart<N> &
  HeadersPart<N> & {
    readonly query?: QueryIn<RouteTable[N]>;
    /** Gives the call up. */
    readonly signal?: AbortSignal | undefined;
  };

interface LooseCall {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, never>>;
  readonly headers?: Readonly<Record<string, never>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** The table's rows have narrow types of their own; here any row may come. */
function routeBody(route: { readonly body: RequestBody }): RequestBody {
  return route.body;
}

function specOf<N extends RouteName>(name: N, call: CallOf<N>): RequestSpec {
  const route = routes[name];
  const erased: unknown = call;
  // CallOf<N> was made from this very route; only the tie between N and the value is lost here.
  const loose = erased as LooseCall;
  const path = formatPath<string, Record<never, never>>(route, loose.params ?? {}, loose.query ?? {});
  const headers = encodeHeaders<HeaderShape>(route.headers, loose.headers ?? {});
  const target = {
    method: route.method,
    path,
    ...(headers.length === 0 ? {} : { headers }),
    ...(loose.signal === undefined ? {} : { signal: loose.signal }),
  };
  if (loose.body === undefined) return target;
  // A route with a streamed body has an iterable of bytes in its call, by BodyOf.
  const upload = routeBody(route)?.kind === "stream" ? (loose.body as AsyncIterable<Uint8Array>) : undefined;
  return upload === undefined ? { ...target, body: loose.body } : { ...target, upload };
}

async function collected(response: StreamedResponse): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const chunk of response.chunks) pieces.push(chunk.slice());
  return new Uint8Array(Buffer.concat(pieces));
}

function parseJson(body: Uint8Array): unknown {
  return parseJsonText(new TextDecoder().decode(body));
}

function parseJsonText(body: string): unknown {
  try {
    return parseExactJson(body);
  } catch (cause) {
    throw new TiffinError("internal", "client.malformed-response", "the engine's answer is not JSON", {
      cause,
    });
  }
}

function decodedDocument<N extends JsonRoute>(name: N, body: Uint8Array): DocumentOf<RouteTable[N]> {
  // The decoder in the route's row is what DocumentOf<...> is inferred from.
  return routes[name].result.decode(parseJson(body), name) as DocumentOf<RouteTable[N]>;
}

export class ApiClient<Stream> {
  readonly transport: ClientTransport<Stream>;

  constructor(transport: ClientTransport<Stream>) {
    this.transport = transport;
  }

  /** A JSON answer, decoded. */
  async document<N extends JsonRoute>(name: N, call: CallOf<N>): Promise<DocumentOf<RouteTable[N]>> {
    return decodedDocument(name, (await this.#checked(specOf(name, call))).body);
  }

  /**
   * A JSON answer whose head comes at once and whose content when it is known: returns after the head, so that
   * the engine is sure to be watching, and gives a function that waits for the rest.
   */
  async documentLater<N extends JsonRoute>(
    name: N,
    call: CallOf<N>,
  ): Promise<() => Promise<DocumentOf<RouteTable[N]>>> {
    const response = await this.transport.stream(specOf(name, call));
    if (response.status >= 300) throw errorOfResponse({ ...response, body: await collected(response) });
    return async () => decodedDocument(name, await collected(response));
  }

  /** The header fields of an answer that is nothing else. */
  async fields<N extends HeadRoute>(name: N, call: CallOf<N>): Promise<FieldsOf<N>> {
    const { headers } = await this.#checked(specOf(name, call));
    const fields: HeaderShape = routes[name].result.fields;
    const values = Object.entries(fields).map(([field, codec]) => [
      field,
      codec.decode(headers.get(field) ?? "", field),
    ]);
    // The codecs in the route's row are what FieldsOf<...> is inferred from.
    return Object.fromEntries(values) as FieldsOf<N>;
  }

  /** A JSON answer as the engine wrote it, with all that it may hold beyond this client's knowledge. */
  async undecoded<N extends JsonRoute>(name: N, call: CallOf<N>): Promise<unknown> {
    return parseJson((await this.#checked(specOf(name, call))).body);
  }

  /** An answer without content. False when there was nothing to do (304). */
  async perform<N extends EmptyRoute>(name: N, call: CallOf<N>): Promise<boolean> {
    const response = await this.transport.request(specOf(name, call));
    if (response.status === 304) return false;
    if (response.status >= 400) throw errorOfResponse(response);
    return true;
  }

  /** An answer of plain text. */
  async text<N extends TextRoute>(name: N, call: CallOf<N>): Promise<string> {
    return new TextDecoder().decode((await this.#checked(specOf(name, call))).body);
  }

  /** An answer that comes in pieces. */
  async stream<N extends StreamRoute>(name: N, call: CallOf<N>): Promise<StreamedResponse> {
    return await this.#streamed(specOf(name, call));
  }

  /** JSON documents, each as soon as it comes. */
  async *lines<N extends LinesRoute>(name: N, call: CallOf<N>): AsyncGenerator<LineOf<N>> {
    const response = await this.#streamed(specOf(name, call));
    const decode = routes[name].result.decode;
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of response.chunks) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) {
        // The decoder in the route's row is what LineOf<...> is inferred from.
        if (part.trim() !== "") yield decode(parseJsonText(part), name) as LineOf<N>;
      }
    }
    if (rest.trim() !== "") yield decode(parseJsonText(rest), name) as LineOf<N>;
  }

  async #streamed(spec: RequestSpec): Promise<StreamedResponse> {
    const response = await this.transport.stream(spec);
    if (response.status < 400) return response;
    throw errorOfResponse({ ...response, body: await collected(response) });
  }

  /** The connection itself, carrying a process's streams. */
  async hijack<N extends HijackRoute>(name: N, call: CallOf<N>): Promise<Upgraded<Stream>> {
    const answer = await (await this.transport.beginUpgrade(specOf(name, call))).answer();
    if (refusedUpgrade(answer)) throw errorOfResponse(answer);
    return answer;
  }

  /** A process, started and held on the connection of its request; `answerOf` gives the stream of frames. */
  beginSession<N extends SessionRoute>(name: N, call: CallOf<N>): Promise<PendingUpgrade<Stream>> {
    return this.transport.beginUpgrade(specOf(name, call));
  }

  /** A route that could hand over the connection, called so that it does not (a detached exec). */
  async performUnattached<N extends HijackRoute>(name: N, call: CallOf<N>): Promise<void> {
    await this.#checked(specOf(name, call));
  }

  async #checked(spec: RequestSpec): Promise<BufferedResponse> {
    const response = await this.transport.request(spec);
    if (response.status >= 300) throw errorOfResponse(response);
    return response;
  }
}
