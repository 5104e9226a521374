/**
 * What the typed client needs from a connection to the engine. Two implementations exist: `sync-transport.ts`
 * for the command line, where a blocking system call is the fastest way to one answer, and
 * `async-transport.ts` for programs that do other things meanwhile. Both speak the same bytes through
 * `request-head.ts` and `response-parser.ts`, and both fail with `TiffinError`.
 */

export interface RequestSpec {
  readonly method: "GET" | "POST" | "PUT" | "DELETE" | "HEAD";
  /** Path with query, already percent-encoded: `/containers/json?all=1`. */
  readonly path: string;
  /** Sent as JSON when present. */
  readonly body?: unknown;
  /** Sent in chunks as they come when present; the engine's answer may come before the last of them. */
  readonly upload?: AsyncIterable<Uint8Array>;
  /** Further fields of the head. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Gives the call up, and cuts its connection. The synchronous transport, which only waits, does not look at it. */
  readonly signal?: AbortSignal;
}

export interface ResponseHead {
  readonly status: number;
  /** Names in lower case; repeated fields are joined by `, `. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface BufferedResponse extends ResponseHead {
  readonly body: Uint8Array;
}

export interface StreamedResponse extends ResponseHead {
  /** Ends with the body. Leaving the loop early closes the connection. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** The connection after the engine's 101: everything that follows belongs to the caller. */
export interface Upgraded<Stream> {
  readonly head: ResponseHead;
  readonly stream: Stream;
  /** Bytes of the stream that arrived together with the head. */
  readonly early: Uint8Array;
}

export interface PendingUpgrade<Stream> {
  /** The connection, to wait on it in one's own way; nothing may be read from it here. */
  readonly stream: Stream;
  /** Waits. An answer that is not 101 (or Docker's older 200 hijack) comes back buffered. */
  answer(): Promise<Upgraded<Stream> | BufferedResponse>;
  /** Instead of `answer`: closes the connection. */
  abandon(): void;
}

export interface ClientTransport<Stream> {
  /** One request, its whole answer (any status). Bodies beyond the transport's limit are refused. */
  request(spec: RequestSpec): Promise<BufferedResponse>;
  /** One request whose body is delivered as it comes. */
  stream(spec: RequestSpec): Promise<StreamedResponse>;
  /** Sends a request to leave HTTP and returns while the engine works on it. */
  beginUpgrade(spec: RequestSpec): Promise<PendingUpgrade<Stream>>;
  /** Gives up the idle connection, if one is kept. */
  close(): void;
}

/** True when the engine refused the upgrade and answered in plain HTTP. */
export function refusedUpgrade<Stream>(
  answer: Upgraded<Stream> | BufferedResponse,
): answer is BufferedResponse {
  return "body" in answer;
}

/** True when the answer hands the connection over. */
export function isHijack(head: ResponseHead): boolean {
  if (head.status === 101) return true;
  // Docker's engines before 1.20 of the protocol hijack with a plain 200.
  return head.status === 200 && /^application\/vnd\.docker\./.test(head.headers.get("content-type") ?? "");
}

/** A buffered answer above this is a broken engine, not a big list. */
export const maxBufferedBodyBytes = 256 * 1024 * 1024;
