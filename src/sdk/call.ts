/** Any route of the API by its name: the way to what no method has. */
import type {
  ApiClient,
  CallOf,
  EmptyRoute,
  FieldsOf,
  HeadRoute,
  HijackRoute,
  JsonRoute,
  LineOf,
  LinesRoute,
  StreamRoute,
  TextRoute,
} from "../client/api-client.ts";
import type { DocumentOf } from "../docker/route.ts";
import { type RouteTable, routes } from "../docker/routes.ts";
import type { ByteDuplex } from "../lib/byte-duplex.ts";
import { Attachment } from "./attachment.ts";

/** All but those that speak another protocol on their connection, which are for their own clients. */
export type CallableRoute =
  | JsonRoute
  | EmptyRoute
  | HeadRoute
  | TextRoute
  | LinesRoute
  | StreamRoute
  | HijackRoute;

/** An answer of bytes. */
export interface StreamAnswer {
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * What a call of route `N` gives: a document, whether something changed, header fields, text, lines or bytes as they come, or
 * the streams of a process.
 */
export type AnswerOf<N extends CallableRoute> = N extends JsonRoute
  ? DocumentOf<RouteTable[N]>
  : N extends EmptyRoute
    ? boolean
    : N extends HeadRoute
      ? FieldsOf<N>
      : N extends TextRoute
        ? string
        : N extends LinesRoute
          ? AsyncIterable<LineOf<N>>
          : N extends StreamRoute
            ? StreamAnswer
            : Attachment;

/** One function for each kind of answer, by the kind that the route's row says. */
const performers: Readonly<
  Record<
    string,
    (api: ApiClient<ByteDuplex>, name: never, call: never, signal: AbortSignal | undefined) => unknown
  >
> = {
  json: (api, name, call) => api.document<JsonRoute>(name, call),
  empty: (api, name, call) => api.perform<EmptyRoute>(name, call),
  head: (api, name, call) => api.fields<HeadRoute>(name, call),
  text: (api, name, call) => api.text<TextRoute>(name, call),
  lines: (api, name, call) => api.lines<LinesRoute>(name, call),
  stream: (api, name, call) => api.stream<StreamRoute>(name, call),
  raw: (api, name, call) => api.stream<StreamRoute>(name, call),
  hijack: async (api, name, call, signal) =>
    new Attachment(await api.hijack<HijackRoute>(name, call), signal),
};

export async function callRoute<N extends CallableRoute>(
  api: ApiClient<ByteDuplex>,
  name: N,
  call: CallOf<N>,
): Promise<AnswerOf<N>> {
  const perform = performers[routes[name].result.kind];
  if (perform === undefined) throw new TypeError(`${name} cannot be called`);
  // AnswerOf<N> says by the same kind of result what the function of that kind gives.
  return (await perform(api, name as never, call as never, call.signal)) as AnswerOf<N>;
}
