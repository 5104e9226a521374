/**
 * From a matched HTTP request to what its handler receives. Text is taken apart first, then lifted from the client's version
 * to the newest, and only then decoded: so a field of an old version is checked like every other, and nothing that a
 * translator moves can pass unchecked.
 */
import { parseJson } from "../docker/decode.ts";
import { foldKeys } from "../docker/fold-keys.ts";
import { decodeHeaders } from "../docker/header.ts";
import { unsupportedContentType } from "../docker/messages.ts";
import { decodeQuery, parseQuery } from "../docker/query.ts";
import type { Route } from "../docker/route.ts";
import type { RouteName } from "../docker/routes.ts";
import { liftRequest } from "../docker/versions/mod.ts";
import { TiffinError } from "../lib/errors.ts";
import type { HttpRequest, RequestCaller } from "../transport/http-message.ts";

/** A create body with everything in it stays far below this. */
const limitBodyBytes = 8 * 1024 * 1024;

/** A call without the tie to its route: `Handlers` has it again. */
export interface LooseCall {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
  readonly caller: RequestCaller | undefined;
  readonly signal: AbortSignal;
}

export interface Matched {
  readonly name: RouteName;
  readonly route: Route;
  /** The names in the path's template, still escaped. */
  readonly params: Readonly<Record<string, string>>;
  /** What follows the question mark. */
  readonly search: string;
  /** The client speaks version 1.`minor`. */
  readonly minor: number;
}

export async function readRequest(matched: Matched, request: HttpRequest): Promise<LooseCall> {
  const { name, route, minor } = matched;
  const params = decodeParams(matched.params);
  const headers = decodeHeaders(route.headers, request.head.headers);
  const raw = { query: parseQuery(matched.search), body: await readBody(route, request) };
  const lifted = liftRequest(name, minor, raw);
  return {
    params,
    query: decodeQuery(route.query, lifted.query),
    headers,
    body: route.body?.kind === "json" ? route.body.decode(lifted.body, "") : lifted.body,
    get caller() {
      return request.caller;
    },
    get signal() {
      return request.signal;
    },
  };
}

function decodeParams(raw: Readonly<Record<string, string>>): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(raw).map(([name, value]) => [name, decodeURIComponent(value)]));
  } catch (cause) {
    throw new TiffinError("invalid", "api.path-invalid", "invalid escape in the request path", { cause });
  }
}

/** JSON, not decoded yet; a stream; or nothing. */
async function readBody(route: Route, request: HttpRequest): Promise<unknown> {
  const { body } = request.head;
  if (route.body?.kind === "stream") return request.streamBody();
  if (route.body === undefined) {
    // A route that takes the connection over may find stdin in a chunked body; every other body is read to its end.
    const isInput = route.result.kind === "hijack" && body.kind === "chunked";
    if (!isInput && (body.kind === "chunked" || body.bytes > 0)) await request.readBody(limitBodyBytes);
    return undefined;
  }
  const bytes = await request.readBody(limitBodyBytes);
  // As in Docker, no body is an empty one.
  if (bytes.length === 0) return {};
  checkContentType(request);
  return foldKeys(parseJson(textOf(bytes)), route.body.decode);
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
