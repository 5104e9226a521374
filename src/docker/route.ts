/**
 * What a route of the API is. The server's dispatcher, the typed client and the reference page are made from these
 * values, so nothing about a route is written twice.
 *
 * Templates: `{name}` is one path segment, `{name*}` may contain slashes (image names).
 */
import { TiffinError } from "../lib/errors.ts";
import type { ApiVersion } from "./api-version.ts";
import type { Decoder } from "./decode.ts";
import type { HeaderShape, HeadersOf } from "./header.ts";
import { encodeQuery, type QueryOf, type QueryShape } from "./query.ts";

export type Method = "GET" | "HEAD" | "POST" | "PUT" | "DELETE";

/** A JSON document that is read whole. */
export interface JsonBody<B> {
  readonly kind: "json";
  readonly decode: Decoder<B>;
}
/** Bytes that the handler reads as they come, of whatever length. */
export interface StreamBody {
  readonly kind: "stream";
  /** For the reference; as in Docker, what the client calls its bytes is not looked at. */
  readonly mediaType: string;
}
export type RequestBody = JsonBody<unknown> | StreamBody | undefined;

/** A JSON document. With `later` the head is sent as soon as the request is registered, the document when it is known. */
export interface JsonResult<T, Later extends boolean = boolean> {
  readonly kind: "json";
  readonly status: number;
  readonly later: Later;
  readonly decode: Decoder<T>;
}
/** No body. */
export interface EmptyResult {
  readonly kind: "empty";
  readonly status: number;
}
/** 200, header fields, and no body: what `HEAD` is for. */
export interface HeadResult<H extends HeaderShape = HeaderShape> {
  readonly kind: "head";
  readonly fields: H;
}
/** Bytes of one media type as they come, after header fields. */
export interface RawResult<H extends HeaderShape = HeaderShape> {
  readonly kind: "raw";
  readonly mediaType: string;
  readonly fields: H;
}
/** JSON documents, each on a line of its own, as they come. */
export interface LinesResult<T> {
  readonly kind: "lines";
  readonly decode: Decoder<T>;
}
/** Plain text. */
export interface TextResult {
  readonly kind: "text";
}
/** Bytes for as long as they come; raw with a terminal, otherwise framed (`framing.ts`). */
export interface StreamResult {
  readonly kind: "stream";
}
/** What the connection speaks after it was taken over. */
export type TakeoverProtocol = "tcp" | "h2c" | "websocket";
/**
 * The connection itself, carrying `protocol`. With `tcp`: by 101 or by Docker's older 200; bytes as in `stream` out, stdin in.
 * The others by 101 only; `websocket` after the handshake of RFC 6455 section 4.2.
 */
export interface HijackResult<P extends TakeoverProtocol = TakeoverProtocol> {
  readonly kind: "hijack";
  readonly protocol: P;
}
/** The connection itself, by 101 only, carrying Tiffin's frames both ways. */
export interface SessionResult {
  readonly kind: "session";
}
export type Result =
  | JsonResult<unknown>
  | EmptyResult
  | HeadResult
  | RawResult
  | LinesResult<unknown>
  | TextResult
  | StreamResult
  | HijackResult
  | SessionResult;

/** The names in a template. */
export type ParamsIn<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? (Name extends `${infer Greedy}*` ? Greedy : Name) | ParamsIn<Rest>
  : never;
export type ParamsOf<P extends string> = { readonly [K in ParamsIn<P>]: string };

export interface Route<
  P extends string = string,
  Q extends QueryShape = QueryShape,
  H extends HeaderShape = HeaderShape,
  B extends RequestBody = RequestBody,
  R extends Result = Result,
> {
  readonly method: Method;
  readonly path: P;
  /** The first version of Docker's API with this route. */
  readonly since: ApiVersion;
  readonly query: Q;
  /** The header fields that the handler reads. */
  readonly headers: H;
  /** Undefined: no body is read. */
  readonly body: B;
  readonly result: R;
}

/** Keeps the literal types of one row of the table. */
export function route<
  const P extends string,
  const Q extends QueryShape,
  const H extends HeaderShape,
  R extends Result,
  B extends RequestBody = undefined,
>(
  method: Method,
  path: P,
  since: ApiVersion,
  rest: { readonly query?: Q; readonly headers?: H; readonly body?: B; readonly result: R },
): Route<P, Q, H, B, R> {
  // A row without `query`, `headers` or `body` has Q = {}, H = {}, B = undefined by inference.
  const query = rest.query ?? ({} as Q);
  const headers = rest.headers ?? ({} as H);
  return { method, path, since, query, headers, body: rest.body as B, result: rest.result };
}

export type PathOf<T> = T extends { readonly path: infer P extends string } ? P : never;
export type QueryIn<T> = T extends { readonly query: infer Q extends QueryShape } ? QueryOf<Q> : never;
export type HeadersIn<T> = T extends { readonly headers: infer H extends HeaderShape } ? HeadersOf<H> : never;
/** What a handler gets as the body, and what a client gives. */
export type BodyOf<T> = T extends { readonly body: JsonBody<infer B> }
  ? B
  : T extends { readonly body: StreamBody }
    ? AsyncIterable<Uint8Array>
    : undefined;
export type ResultOf<T> = T extends { readonly result: infer R extends Result } ? R : never;
/** The decoded document of a JSON route. */
export type DocumentOf<T> = ResultOf<T> extends JsonResult<infer D> ? D : never;

export const json = <T>(decode: Decoder<T>, status = 200): JsonResult<T, false> => ({
  kind: "json",
  status,
  later: false,
  decode,
});
export const jsonLater = <T>(decode: Decoder<T>): JsonResult<T, true> => ({
  kind: "json",
  status: 200,
  later: true,
  decode,
});
export const jsonBody = <B>(decode: Decoder<B>): JsonBody<B> => ({ kind: "json", decode });
export const streamBody = (mediaType: string): StreamBody => ({ kind: "stream", mediaType });
export const empty = (status = 204): EmptyResult => ({ kind: "empty", status });
export const head = <const H extends HeaderShape>(fields: H): HeadResult<H> => ({ kind: "head", fields });
export const raw = <const H extends HeaderShape>(mediaType: string, fields: H): RawResult<H> => ({
  kind: "raw",
  mediaType,
  fields,
});
export const jsonLines = <T>(decode: Decoder<T>): LinesResult<T> => ({ kind: "lines", decode });
export const plainText: TextResult = { kind: "text" };
export const stream: StreamResult = { kind: "stream" };
export const hijack = <P extends TakeoverProtocol>(protocol: P): HijackResult<P> => ({
  kind: "hijack",
  protocol,
});
export const session: SessionResult = { kind: "session" };

/** The request target of a route: path with its parameters escaped, version prefix, query. */
export function formatPath<P extends string, Q extends QueryShape>(
  target: { readonly path: P; readonly query: Q },
  params: ParamsOf<P>,
  query: QueryOf<Q>,
  version?: ApiVersion,
): string {
  const values = new Map<string, string>(Object.entries(params));
  const path = target.path.replace(/\{([a-zA-Z]+)(\*?)\}/g, (_whole, name: string, greedy: string) => {
    const value = values.get(name) ?? "";
    if (value === "") throw new TiffinError("invalid", "api.path-empty", `empty ${name} in ${target.path}`);
    return greedy === "" ? encodeURIComponent(value) : value.split("/").map(encodeURIComponent).join("/");
  });
  const search = encodeQuery(target.query, query);
  return `${version === undefined ? "" : `/v${version}`}${path}${search === "" ? "" : `?${search}`}`;
}

/** Matches paths against one template. */
export function pathMatcher(template: string): (path: string) => Record<string, string> | undefined {
  const names: string[] = [];
  const pattern = template.replace(
    /[.*+?^$()|[\]\\]|\{([a-zA-Z]+)(\*?)\}/g,
    (whole, name?: string, greedy?: string) => {
      if (name === undefined) return `\\${whole}`;
      names.push(name);
      return greedy === "*" ? "(.+)" : "([^/]+)";
    },
  );
  const expression = new RegExp(`^${pattern}$`);
  return (path) => {
    const match = expression.exec(path);
    if (match === null) return undefined;
    return Object.fromEntries(names.map((name, index) => [name, match[index + 1] ?? ""]));
  };
}
