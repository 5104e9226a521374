/**
 * What a route of the API is. The server's dispatcher, the typed client and the reference page are made from these
 * values, so nothing about a route is written twice.
 *
 * Templates: `{name}` is one path segment, `{name*}` may contain slashes (image names).
 */
import { TiffinError } from "../lib/errors.ts";
import type { ApiVersion } from "./api-version.ts";
import type { Decoder } from "./decode.ts";
import { encodeQuery, type QueryOf, type QueryShape } from "./query.ts";

export type Method = "GET" | "HEAD" | "POST" | "DELETE";

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
/** Plain text. */
export interface TextResult {
  readonly kind: "text";
}
/** Bytes for as long as they come; raw with a terminal, otherwise framed (`framing.ts`). */
export interface StreamResult {
  readonly kind: "stream";
}
/** The connection itself, by 101 or by Docker's older 200; bytes as in `stream` out, stdin in. */
export interface HijackResult {
  readonly kind: "hijack";
}
/** The connection itself, by 101 only, carrying Tiffin's frames both ways. */
export interface SessionResult {
  readonly kind: "session";
}
export type Result =
  | JsonResult<unknown>
  | EmptyResult
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
  B = unknown,
  R extends Result = Result,
> {
  readonly method: Method;
  readonly path: P;
  /** The first version of Docker's API with this route. */
  readonly since: ApiVersion;
  readonly query: Q;
  /** Undefined: no body is read. */
  readonly body: Decoder<B> | undefined;
  readonly result: R;
}

/** Keeps the literal types of one row of the table. */
export function route<const P extends string, const Q extends QueryShape, B, R extends Result>(
  method: Method,
  path: P,
  since: ApiVersion,
  rest: { readonly query?: Q; readonly body?: Decoder<B>; readonly result: R },
): Route<P, Q, B, R> {
  // A row without `query` has Q = {} by inference.
  const query = rest.query ?? ({} as Q);
  return { method, path, since, query, body: rest.body, result: rest.result };
}

export type PathOf<T> = T extends Route<infer P, QueryShape, unknown, Result> ? P : never;
export type QueryIn<T> = T extends Route<string, infer Q, unknown, Result> ? QueryOf<Q> : never;
export type BodyOf<T> = T extends Route<string, QueryShape, infer B, Result> ? B : never;
export type ResultOf<T> = T extends Route<string, QueryShape, unknown, infer R> ? R : never;
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
export const empty = (status = 204): EmptyResult => ({ kind: "empty", status });
export const plainText: TextResult = { kind: "text" };
export const stream: StreamResult = { kind: "stream" };
export const hijack: HijackResult = { kind: "hijack" };
export const session: SessionResult = { kind: "session" };

/** The request target of a route: path with its parameters escaped, version prefix, query. */
export function formatPath<P extends string, Q extends QueryShape>(
  target: Route<P, Q, unknown, Result>,
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
