/** What is behind any URL, over the same lines as registries: proxies, certificates, redirects and patience are those of a pull. */

import { TiffinError } from "../../lib/errors.ts";
import type { OpenedUrl } from "./contract.ts";
import { errorText } from "./error-body.ts";
import { type Exchange, exchangeError, type HttpAnswer } from "./exchange.ts";
import { limitErrorBytes } from "./limits.ts";

/** Errors: `registry.*`. `what` names it in them, because a URL may have a password in it. */
export async function openUrl(
  exchange: Exchange,
  url: URL,
  {
    userAgent,
    what,
    signal,
  }: { readonly userAgent: string; readonly what: string; readonly signal: AbortSignal },
): Promise<OpenedUrl> {
  const bare = new URL(url);
  bare.username = "";
  bare.password = "";
  const pair = `${decoded(url.username)}:${decoded(url.password)}`;
  const answer = await exchange
    .send({
      method: "GET",
      url: bare,
      headers: { "User-Agent": userAgent },
      ...(pair === ":" ? {} : { authorization: `Basic ${Buffer.from(pair).toString("base64")}` }),
      what,
      signal,
    })
    .catch((thrown: unknown) => {
      throw exchangeError(thrown, what, url.host);
    });
  if (answer.status !== 200) {
    const body = await answer.bytes(limitErrorBytes).catch(() => new Uint8Array());
    const said = errorText(body, answer.headers.get("content-type") ?? "");
    throw new TiffinError(
      answer.status === 404 ? "notFound" : "unavailable",
      "registry.failed",
      `cannot ${what}: ${bare.host} answers ${answer.status}${said === "" ? "" : `: ${said}`}`,
    );
  }
  const length = answer.headers.get("content-length");
  return { totalBytes: length === null ? undefined : Number(length), pieces: pieces(answer, what, url.host) };
}

async function* pieces(answer: HttpAnswer, what: string, host: string): AsyncGenerator<Uint8Array> {
  try {
    yield* answer.pieces();
  } catch (thrown) {
    throw exchangeError(thrown, what, host);
  }
}

/** As it was written, where that is no encoding. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
