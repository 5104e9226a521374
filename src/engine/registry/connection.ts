/**
 * Requests to one endpoint: who asks is proven when the registry wants to know, what fails for the moment is tried again,
 * and what is refused becomes an error with the registry's own words.
 */
import { nowMs } from "../../lib/clock.ts";
import { TiffinError } from "../../lib/errors.ts";
import { Authoriser } from "./authoriser.ts";
import type { Credential, RegistryLimits } from "./contract.ts";
import type { Endpoint } from "./endpoint.ts";
import { errorText } from "./error-body.ts";
import { type Exchange, exchangeError, exchangeText, type HttpAnswer, type HttpRequest } from "./exchange.ts";
import { cancelled, lineFailure } from "./failure.ts";
import { limitChallenges, limitErrorBytes } from "./limits.ts";
import { pauseFor } from "./patience.ts";

export interface Call {
  readonly method: HttpRequest["method"];
  /** Below the repository, `manifests/latest`; or below the API when it begins with a slash; or an address that the registry gave. */
  readonly target: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  /** See `HttpRequest`. */
  readonly patienceMs?: number;
  /** `repository:library/busybox:pull`, several with spaces; that of the repository unless given. */
  readonly scope?: string;
  /** Statuses that are answers; everything else is an error. */
  readonly accepts: readonly number[];
  /** `fetch the manifest of busybox from docker.io`. */
  readonly what: string;
  readonly signal: AbortSignal;
}

export interface ConnectionOptions {
  readonly exchange: Exchange;
  readonly limits: RegistryLimits;
  readonly endpoint: Endpoint;
  readonly userAgent: string;
  readonly credential: () => Promise<Credential | undefined>;
  readonly insecure: (url: URL) => boolean;
  readonly wantsIdentity?: boolean;
  /** Told before a pause. */
  readonly onRetry?: (reason: string) => void;
}

const unauthorized = 401;
/** They pass: too many requests, a timeout, a server that is not well. */
const passing = [408, 425, 429, 500, 502, 503, 504];

export class Connection {
  readonly endpoint: Endpoint;
  readonly #options: ConnectionOptions;
  readonly #authoriser: Authoriser;
  #origin: string | undefined;

  constructor(options: ConnectionOptions) {
    this.endpoint = options.endpoint;
    this.#options = options;
    this.#authoriser = new Authoriser(options);
  }

  get identityToken(): string | undefined {
    return this.#authoriser.identityToken;
  }

  /** Throws `TiffinError`: `unauthorized`, `forbidden`, `notFound`, `unavailable`, `invalid` or `cancelled`. */
  async request(call: Call): Promise<HttpAnswer> {
    const { limits, onRetry } = this.#options;
    const { what } = call;
    for (let tried = 1; ; tried += 1) {
      const last = tried >= limits.tries || (call.body !== undefined && !(call.body instanceof Uint8Array));
      const outcome = await this.#try(call, what, last);
      if (outcome.kind === "answer") return outcome.answer;
      onRetry?.(outcome.reason);
      await pauseFor(outcome.afterMs ?? backoffMs(limits, tried), call.signal);
      if (call.signal.aborted) throw cancelled(what);
    }
  }

  async #try(
    call: Call,
    what: string,
    last: boolean,
  ): Promise<
    | { readonly kind: "answer"; readonly answer: HttpAnswer }
    | { readonly kind: "again"; readonly reason: string; readonly afterMs?: number }
  > {
    let answer: HttpAnswer;
    try {
      answer = await this.#authorised(call, what);
    } catch (thrown) {
      const fatal = last || thrown instanceof TiffinError || !lineFailure(thrown).transient;
      if (fatal) throw exchangeError(thrown, what, this.endpoint.host);
      return { kind: "again", reason: exchangeText(thrown) };
    }
    if (call.accepts.includes(answer.status)) return { kind: "answer", answer };
    const waitMs = retryAfterMs(answer.headers.get("retry-after"));
    const tooLong = waitMs !== undefined && waitMs > this.#options.limits.longestRetryAfterMs;
    const error = await statusError(answer, what);
    if (last || tooLong || !passing.includes(answer.status)) throw error;
    return {
      kind: "again",
      reason: `the registry answers ${answer.status}`,
      ...(waitMs === undefined ? {} : { afterMs: waitMs }),
    };
  }

  async #authorised(call: Call, what: string): Promise<HttpAnswer> {
    const scope = call.scope ?? `repository:${this.endpoint.repository}:pull`;
    for (let challenged = 0; ; challenged += 1) {
      const authorization = await this.#authoriser.header(scope, call.signal);
      const answer = await this.#reach(call, what, authorization);
      if (answer.status !== unauthorized || challenged >= limitChallenges) return answer;
      // A body that has been sent is gone: what wants to know who asks says so before, at the upload's start.
      if (call.body !== undefined && !(call.body instanceof Uint8Array)) return answer;
      if (!(await this.#authoriser.refused(answer, scope, authorization))) return answer;
      await answer.discard();
    }
  }

  /** Finds out once whether a registry that may do without TLS has it. */
  async #reach(call: Call, what: string, authorization: string | undefined): Promise<HttpAnswer> {
    const origins = this.#origin === undefined ? this.endpoint.origins : [this.#origin];
    for (const [index, origin] of origins.entries()) {
      try {
        const answer = await this.#send(call, what, origin, authorization);
        this.#origin = origin;
        return answer;
      } catch (thrown) {
        // What does not speak TLS may say so in any way, or by closing the connection.
        if (thrown instanceof TiffinError || index + 1 >= origins.length) throw thrown;
      }
    }
    throw new RangeError(`endpoint ${this.endpoint.host} has no origin`);
  }

  #send(call: Call, what: string, origin: string, authorization: string | undefined): Promise<HttpAnswer> {
    const { endpoint } = this;
    const url = call.target instanceof URL ? call.target : this.#url(origin, call.target);
    const own = call.target instanceof URL ? url.origin === origin : true;
    return this.#options.exchange.send({
      method: call.method,
      url,
      headers: { "User-Agent": this.#options.userAgent, ...endpoint.headers, ...call.headers },
      // An upload's address may be on another host, which is nobody to be told who asks.
      ...(authorization === undefined || !own ? {} : { authorization }),
      body: call.body,
      patienceMs: call.patienceMs,
      what,
      signal: call.signal,
    });
  }

  #url(origin: string, target: string): URL {
    const { apiPath, repository, namespace } = this.endpoint;
    const url = new URL(
      target.startsWith("/") ? `${origin}${apiPath}${target}` : `${origin}${apiPath}/${repository}/${target}`,
    );
    if (namespace !== undefined) url.searchParams.set("ns", namespace);
    return url;
  }
}

function backoffMs(limits: RegistryLimits, tried: number): number {
  return Math.min(limits.backoffMs * 2 ** (tried - 1), limits.longestRetryAfterMs);
}

/** Seconds, or a date. */
export function retryAfterMs(header: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs());
}

/** The error of an answer that is none. */
async function statusError(answer: HttpAnswer, what: string): Promise<TiffinError> {
  const { status } = answer;
  const body = await answer.bytes(limitErrorBytes).catch(() => new Uint8Array());
  const said = errorText(body, answer.headers.get("content-type") ?? "");
  const message = (words: string): string => `cannot ${what}: ${said === "" ? words : said}`;
  if (status === unauthorized) {
    return new TiffinError("unauthorized", "registry.unauthorized", message("authentication required"), {
      remedy: "log in to the registry",
    });
  }
  if (status === 403) return new TiffinError("forbidden", "registry.forbidden", message("access is denied"));
  if (status === 404)
    return new TiffinError("notFound", "registry.not-found", message("there is no such thing"));
  if (status === 429) {
    return new TiffinError("unavailable", "registry.too-many-requests", message("too many requests"));
  }
  return new TiffinError(
    status < 500 ? "invalid" : "unavailable",
    "registry.failed",
    `cannot ${what}: the registry answers ${status}${said === "" ? "" : `: ${said}`}`,
  );
}
