/**
 * Who asks, to one registry: bearer tokens from the server that the registry names, per scope, taken again when they
 * run out; or name and password. The credential goes to the registry itself only when it asks for it in that form.
 */
import { nowMs } from "../../lib/clock.ts";
import type { Decoded } from "../../lib/decoders.ts";
import { optional } from "../../lib/decoders.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { Credential } from "./contract.ts";
import { errorText, integer, object, parseAnswer, text } from "./error-body.ts";
import { type Exchange, exchangeError, type HttpAnswer } from "./exchange.ts";
import { limitErrorBytes, limitTokenBytes } from "./limits.ts";
import { tooNear } from "./near-hosts.ts";
import { type Challenge, parseChallenges } from "./www-authenticate.ts";

/** Docker's name for itself in OAuth; servers know it. */
const clientId = "docker";
const shortestTokenSeconds = 60;
/** A token is taken again so long before it ends. */
const marginMs = 5000;

const tokenAnswer = object({
  token: optional(text),
  access_token: optional(text),
  expires_in: optional(integer),
  refresh_token: optional(text),
});

interface Token {
  readonly header: string;
  readonly endsMs: number;
}

export interface AuthoriserOptions {
  readonly exchange: Exchange;
  readonly userAgent: string;
  readonly credential: () => Promise<Credential | undefined>;
  /** Whether the server that gives tokens may do without TLS. */
  readonly insecure: (url: URL) => boolean;
  /** Asks for an identity token beside the other one. */
  readonly wantsIdentity?: boolean;
}

export class Authoriser {
  readonly #options: AuthoriserOptions;
  readonly #tokens = new Map<string, Token>();
  readonly #pending = new Map<string, Promise<Token>>();
  #challenge: Challenge | undefined;
  /** Whose challenge it is. */
  #challenger: URL | undefined;
  #identityToken: string | undefined;

  constructor(options: AuthoriserOptions) {
    this.#options = options;
  }

  /** What a login gave in place of the password. */
  get identityToken(): string | undefined {
    return this.#identityToken;
  }

  /** The `Authorization` header, as far as it is known what the registry wants. */
  async header(scope: string, signal: AbortSignal): Promise<string | undefined> {
    const credential = await this.#options.credential();
    if (credential?.registryToken !== undefined) return `Bearer ${credential.registryToken}`;
    if (this.#challenge === undefined) return undefined;
    if (this.#challenge.scheme === "basic") return basicHeader(credential);
    const known = this.#tokens.get(scope);
    if (known !== undefined && known.endsMs - marginMs > nowMs()) return known.header;
    return (await this.#fetchOnce(scope, credential, signal)).header;
  }

  /** Takes in why a request that bore `sent` was refused; false when there is nothing more to offer. */
  async refused(answer: HttpAnswer, scope: string, sent: string | undefined): Promise<boolean> {
    const challenges = parseChallenges(answer.headers.get("www-authenticate") ?? "");
    const bearer = challenges.find(
      ({ scheme, parameters }) => scheme === "bearer" && parameters.has("realm"),
    );
    const credential = await this.#options.credential();
    if (credential?.registryToken !== undefined) return false;
    // Another request may have got a new one in the meantime.
    if (this.#tokens.get(scope)?.header === sent) this.#tokens.delete(scope);
    if (bearer !== undefined) {
      this.#challenge = bearer;
      this.#challenger = answer.url;
      return true;
    }
    const basic = challenges.find(({ scheme }) => scheme === "basic");
    const offered = basicHeader(credential);
    if (basic === undefined || offered === undefined || offered === sent) return false;
    this.#challenge = basic;
    return true;
  }

  /** Requests at the same time for one scope share one token. */
  async #fetchOnce(scope: string, credential: Credential | undefined, signal: AbortSignal): Promise<Token> {
    const pending = this.#pending.get(scope);
    if (pending !== undefined) return await pending;
    const work = this.#fetchToken(scope, credential, signal);
    this.#pending.set(scope, work);
    try {
      const token = await work;
      this.#tokens.set(scope, token);
      return token;
    } finally {
      this.#pending.delete(scope);
    }
  }

  async #fetchToken(scope: string, credential: Credential | undefined, signal: AbortSignal): Promise<Token> {
    const parameters = this.#challenge?.parameters ?? new Map<string, string>();
    const realm = parameters.get("realm") ?? "";
    const what = `get a token from ${realm}`;
    const url = URL.canParse(realm) ? new URL(realm) : undefined;
    const plain = url?.protocol === "http:" && this.#options.insecure(url);
    if (url === undefined || (url.protocol !== "https:" && !plain)) {
      throw new TiffinError(
        "unauthorized",
        "registry.bad-realm",
        `the registry wants a token from ${JSON.stringify(realm)}, which is no address with TLS`,
      );
    }
    const near = this.#challenger === undefined ? undefined : tooNear(this.#challenger, url);
    if (near !== undefined) {
      throw new TiffinError(
        "unauthorized",
        "registry.bad-realm",
        `the registry wants a token from ${JSON.stringify(realm)}, a ${near} address, which nobody else may lead to`,
      );
    }
    const service = parameters.get("service");
    const asked = scope === "" ? (parameters.get("scope") ?? "") : scope;
    const identity = credential?.identityToken;
    const answer = await this.#ask(url, service, asked, credential, what, signal).catch((thrown: unknown) => {
      throw exchangeError(thrown, what, url.host);
    });
    const contentType = answer.headers.get("content-type") ?? "";
    if (answer.status !== 200) {
      const said = errorText(await answer.bytes(limitErrorBytes).catch(() => new Uint8Array()), contentType);
      const refused = answer.status === 401 || answer.status === 403 || answer.status === 400;
      throw new TiffinError(
        refused ? "unauthorized" : "unavailable",
        refused ? "registry.unauthorized" : "registry.failed",
        `cannot ${what}: ${answer.status}${said === "" ? "" : ` ${said}`}`,
        identity === undefined ? {} : { remedy: "log in again" },
      );
    }
    const body = await answer.bytes(limitTokenBytes).catch((thrown: unknown) => {
      throw exchangeError(thrown, what, url.host);
    });
    return this.#taken(tokenAnswer(parseAnswer(body, contentType, `answer of ${url.host}`), "token"), url);
  }

  #taken(answer: Decoded<typeof tokenAnswer>, url: URL): Token {
    const token = answer.token || answer.access_token || "";
    if (token === "" || /[^\x21-\x7e]/.test(token)) {
      throw new TiffinError("unauthorized", "registry.no-token", `${url.host} gave no token`);
    }
    if (answer.refresh_token !== undefined) this.#identityToken = answer.refresh_token;
    const lifeSeconds = Math.max(shortestTokenSeconds, answer.expires_in ?? 0);
    return { header: `Bearer ${token}`, endsMs: nowMs() + lifeSeconds * 1000 };
  }

  async #ask(
    url: URL,
    service: string | undefined,
    scope: string,
    credential: Credential | undefined,
    what: string,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const { exchange, userAgent, wantsIdentity } = this.#options;
    const headers = { "User-Agent": userAgent, Accept: "application/json" };
    const identity = credential?.identityToken;
    if (identity !== undefined) {
      const form = new URLSearchParams({ grant_type: "refresh_token", client_id: clientId, scope });
      if (service !== undefined) form.set("service", service);
      form.set("refresh_token", identity);
      return await exchange.send({
        method: "POST",
        url,
        headers: { ...headers, "Content-Type": "application/x-www-form-urlencoded" },
        body: new TextEncoder().encode(form.toString()),
        what,
        signal,
      });
    }
    const asked = new URL(url);
    if (service !== undefined) asked.searchParams.set("service", service);
    for (const each of scope.split(" ")) if (each !== "") asked.searchParams.append("scope", each);
    if (credential?.username !== undefined) asked.searchParams.set("account", credential.username);
    if (wantsIdentity === true) {
      asked.searchParams.set("client_id", clientId);
      asked.searchParams.set("offline_token", "true");
    }
    const authorization = basicHeader(credential);
    return await exchange.send({
      method: "GET",
      url: asked,
      headers,
      ...(authorization === undefined ? {} : { authorization }),
      what,
      signal,
    });
  }
}

function basicHeader(credential: Credential | undefined): string | undefined {
  const { username, password } = credential ?? {};
  if (username === undefined || username === "" || password === undefined) return undefined;
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
