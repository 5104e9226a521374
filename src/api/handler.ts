/** What a handler of a route receives and returns, derived from its row in the table. */

import type { HeaderShape, HeadersOf } from "../docker/header.ts";
import type {
  BodyOf,
  EmptyResult,
  HeadersIn,
  HeadResult,
  HijackResult,
  JsonResult,
  LinesResult,
  ParamsOf,
  PathOf,
  QueryIn,
  RawResult,
  Result,
  ResultOf,
  SessionResult,
  StreamResult,
  TextResult,
} from "../docker/route.ts";
import type { RouteName, RouteTable } from "../docker/routes.ts";
import type { ByteDuplex } from "../lib/byte-duplex.ts";
import type { RequestCaller } from "../transport/http-message.ts";

export interface Call<N extends RouteName> {
  readonly params: ParamsOf<PathOf<RouteTable[N]>>;
  readonly query: QueryIn<RouteTable[N]>;
  readonly headers: HeadersIn<RouteTable[N]>;
  readonly body: BodyOf<RouteTable[N]>;
  /** The process that asks; undefined where nobody can tell. */
  readonly caller: RequestCaller | undefined;
  /** Aborted when the client goes. */
  readonly signal: AbortSignal;
}

export interface TextAnswer {
  readonly text: string;
  /** Absent: plain text. */
  readonly mediaType?: string;
  readonly headers: readonly (readonly [string, string])[];
}
export interface RawAnswer<H extends HeaderShape> {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly fields: HeadersOf<H>;
}
export interface LinesAnswer<T> {
  readonly lines: AsyncIterable<T>;
  /** Where the client may choose one; `application/json` otherwise. */
  readonly mediaType?: string;
}
export interface StreamAnswer {
  readonly tty: boolean;
  readonly bytes: AsyncIterable<Uint8Array>;
}
/** The connection is the handler's from `take` on. Undefined: nothing to hand over, a plain 200. */
export type HijackAnswer = { readonly tty: boolean; take(client: ByteDuplex): void } | undefined;
export interface SessionAnswer {
  /** Frames that go out together with the head of the reply. */
  readonly first: Uint8Array;
  take(client: ByteDuplex): void;
}

/** What a handler of a route with result `R` returns. */
export type AnswerOf<R extends Result> =
  R extends JsonResult<infer T, infer Later>
    ? Promise<Later extends true ? { readonly later: Promise<T> } : T>
    : R extends EmptyResult
      ? Promise<void>
      : R extends HeadResult<infer H>
        ? Promise<HeadersOf<H>>
        : R extends RawResult<infer H>
          ? Promise<RawAnswer<H>>
          : R extends LinesResult<infer T>
            ? Promise<LinesAnswer<T>>
            : R extends TextResult
              ? Promise<TextAnswer>
              : R extends StreamResult
                ? Promise<StreamAnswer>
                : R extends HijackResult
                  ? Promise<HijackAnswer>
                  : R extends SessionResult
                    ? Promise<SessionAnswer>
                    : never;

/** One handler for every route: a missing one does not compile. */
export type Handlers = {
  readonly [N in RouteName]: (call: Call<N>) => AnswerOf<ResultOf<RouteTable[N]>>;
};
