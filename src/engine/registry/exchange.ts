/**
 * One HTTP request and its answer, by `fetch`, with what a registry client needs beyond it: redirects that never carry
 * credentials to another host, a limit for the time in which nothing comes, bounded bodies. It knows nothing of
 * registries. Redirects are followed for requests without a body; everybody else gets them as an answer.
 */
import { messageOf, TiffinError } from "../../lib/errors.ts";
import { after } from "../../lib/timer.ts";
import type { RegistryLimits } from "./contract.ts";
import { cancelled, lineFailure, StalledError, unreachable } from "./failure.ts";
import { limitRedirects } from "./limits.ts";
import { tooNear } from "./near-hosts.ts";
import { LineWatch, seconds } from "./patience.ts";
import type { ProxyChoice } from "./proxy.ts";

/** Certificates in PEM. */
export interface TlsMaterial {
  /** Instead of those that the program brings. */
  readonly authorities?: readonly string[];
  readonly certificate?: string;
  readonly key?: string;
}

/** How hosts are reached: decided for each host on the way, a redirect's included. */
export interface Ways {
  tls(url: URL): TlsMaterial;
  /** Whether the host may have an invalid certificate, or none. */
  insecure(url: URL): boolean;
  readonly proxy: ProxyChoice;
}

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Goes to the host of `url` only. */
  readonly authorization?: string;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /** How long the answer may take to begin; as long as a stalled connection unless given. */
  readonly patienceMs?: number | undefined;
  /** In errors: `fetch blob sha256:... from localhost:5000`. */
  readonly what: string;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Where it came from in the end. */
  readonly url: URL;
  /** Pieces as they arrive. Ends the connection when left early. Throws what `fetch` throws, or `StalledError`. */
  pieces(): AsyncGenerator<Uint8Array, void, undefined>;
  /** All of it. Throws `invalid` when there are more than `limitBytes`. */
  bytes(limitBytes: number): Promise<Uint8Array>;
  /** Nobody wants the rest. */
  discard(): Promise<void>;
}

const redirectStatuses = [301, 302, 303, 307, 308];
const proxyVariables = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] as const;

/** `fetch` looks at the environment itself, at the moment of the call; which proxy is used is decided here alone. */
function withoutProxyVariables<T>(work: () => T): T {
  const hidden = proxyVariables.flatMap((name) => {
    const value = process.env[name];
    if (value === undefined) return [];
    delete process.env[name];
    return [[name, value] as const];
  });
  try {
    return work();
  } finally {
    for (const [name, value] of hidden) process.env[name] = value;
  }
}

export class Exchange {
  readonly #ways: Ways;
  readonly #limits: RegistryLimits;

  constructor(ways: Ways, limits: RegistryLimits) {
    this.#ways = ways;
    this.#limits = limits;
  }

  /** Throws what `fetch` throws, `StalledError`, or a `TiffinError` for what must not go on. */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    let { url } = request;
    for (let hop = 0; hop <= limitRedirects; hop += 1) {
      const answer = await this.#once(request, url);
      const target = answer.headers.get("location");
      const follows = request.method === "GET" || request.method === "HEAD";
      if (!follows || target === null || !redirectStatuses.includes(answer.status)) return answer;
      await answer.discard();
      url = this.#redirected(request, url, target);
    }
    throw new TiffinError(
      "unavailable",
      "registry.redirect-loop",
      `cannot ${request.what}: more than ${limitRedirects} redirects, the last one to ${url.host}`,
    );
  }

  #redirected(request: HttpRequest, from: URL, target: string): URL {
    const url = URL.canParse(target, from.href) ? new URL(target, from) : undefined;
    const refuse = (why: string): TiffinError =>
      new TiffinError(
        "unavailable",
        "registry.bad-redirect",
        `cannot ${request.what}: ${from.host} redirects to ${why}`,
      );
    if (url === undefined) throw refuse("something that is no address");
    if (url.protocol !== "https:" && url.protocol !== "http:") throw refuse(`an address of ${url.protocol}`);
    const near = tooNear(from, url);
    if (near !== undefined) throw refuse(`${url.host}, a ${near} address, which nobody else may lead to`);
    if (url.protocol === "http:" && from.protocol === "https:" && !this.#ways.insecure(url)) {
      throw refuse(`${url.host} without TLS`);
    }
    return url;
  }

  async #once(request: HttpRequest, url: URL): Promise<HttpAnswer> {
    const { method, what, signal } = request;
    if (signal.aborted) throw cancelled(what);
    const line = new AbortController();
    const patienceMs = request.patienceMs ?? this.#limits.stallMs;
    const stalled = (): void => line.abort(new StalledError(`no answer came for ${seconds(patienceMs)}`));
    using timer = after(patienceMs, stalled);
    const sameHost = url.origin === request.url.origin;
    const authorization = sameHost ? request.authorization : undefined;
    const verify = !this.#ways.insecure(url);
    const { authorities, certificate, key } = this.#ways.tls(url);
    const proxy = this.#ways.proxy(url);
    const init: BunFetchRequestInit = {
      method,
      headers: {
        "Accept-Encoding": "identity",
        ...request.headers,
        ...(authorization === undefined ? {} : { Authorization: authorization }),
      },
      redirect: "manual",
      decompress: false,
      signal: AbortSignal.any([signal, line.signal]),
      ...(request.body === undefined ? {} : { body: bodyOf(request.body) }),
      ...(proxy === undefined ? {} : { proxy }),
      ...(url.protocol === "http:"
        ? {}
        : {
            tls: {
              rejectUnauthorized: verify,
              ...(authorities === undefined || !verify ? {} : { ca: [...authorities] }),
              ...(certificate === undefined ? {} : { cert: certificate }),
              ...(key === undefined ? {} : { key }),
            },
          }),
    };
    try {
      const response = await withoutProxyVariables(() => fetch(url, init));
      return new FetchAnswer(response, url, request, line, this.#limits);
    } catch (thrown) {
      throw signal.aborted ? cancelled(what) : reasonOf(line, thrown);
    } finally {
      timer.cancel();
    }
  }
}

function bodyOf(body: Uint8Array | AsyncIterable<Uint8Array>): Uint8Array<ArrayBuffer> | ReadableStream {
  if (body instanceof Uint8Array) {
    const copy = new Uint8Array(body.length);
    copy.set(body);
    return copy;
  }
  const pieces = body[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await pieces.next();
      if (next.done === true) controller.close();
      // A copy: the source may take a piece back while this one is still on its way.
      else controller.enqueue(new Uint8Array(next.value));
    },
    async cancel() {
      await pieces.return?.();
    },
  });
}

function reasonOf(line: AbortController, thrown: unknown): unknown {
  return line.signal.aborted ? line.signal.reason : thrown;
}

class FetchAnswer implements HttpAnswer {
  readonly url: URL;
  readonly #response: Response;
  readonly #request: HttpRequest;
  readonly #line: AbortController;
  readonly #limits: RegistryLimits;

  constructor(
    response: Response,
    url: URL,
    request: HttpRequest,
    line: AbortController,
    limits: RegistryLimits,
  ) {
    this.#response = response;
    this.url = url;
    this.#request = request;
    this.#line = line;
    this.#limits = limits;
  }

  get status(): number {
    return this.#response.status;
  }

  get headers(): Headers {
    return this.#response.headers;
  }

  async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    const { body } = this.#response;
    if (body === null) return;
    const reader = body.getReader();
    using watch = new LineWatch(this.#limits, (why) => this.#line.abort(why));
    let ended = false;
    try {
      for (;;) {
        watch.wait();
        const { done, value } = await reader.read();
        watch.arrived(value?.length ?? 0);
        ended = done;
        if (done) return;
        yield value;
      }
    } catch (thrown) {
      if (this.#request.signal.aborted) throw cancelled(this.#request.what);
      throw reasonOf(this.#line, thrown);
    } finally {
      if (!ended) this.#line.abort(new Error("nobody reads on"));
    }
  }

  async bytes(limitBytes: number): Promise<Uint8Array> {
    const tooLarge = (size: string): TiffinError =>
      new TiffinError(
        "invalid",
        "registry.too-large",
        `cannot ${this.#request.what}: the answer has ${size} bytes, at most ${limitBytes} are read`,
      );
    const length = Number(this.headers.get("content-length") ?? 0);
    if (length > limitBytes) {
      await this.discard();
      throw tooLarge(String(length));
    }
    const pieces: Uint8Array[] = [];
    let size = 0;
    for await (const piece of this.pieces()) {
      size += piece.length;
      if (size > limitBytes) throw tooLarge(`more than ${limitBytes}`);
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  }

  async discard(): Promise<void> {
    // A short rest is read, so that the connection can be used again; a long one costs more than a connection.
    const length = this.headers.get("content-length");
    if (this.#request.method !== "HEAD" && (length === null || Number(length) > shortRestBytes)) {
      this.#line.abort(new Error("nobody reads on"));
      return;
    }
    await this.#response.arrayBuffer().catch(() => undefined);
  }
}

const shortRestBytes = 16 * 1024;

/** A `TiffinError` for anything that `send` or a body has thrown. */
export function exchangeError(thrown: unknown, what: string, host: string): TiffinError {
  if (thrown instanceof TiffinError) return thrown;
  return unreachable(what, host, lineFailure(thrown), thrown);
}

export function exchangeText(thrown: unknown): string {
  return thrown instanceof TiffinError ? messageOf(thrown) : lineFailure(thrown).text;
}
