/** Searching for images by name, where a registry can: Docker's own, and those that have kept its older interface. */
import { optional } from "../../lib/decoders.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { SearchOptions, SearchResult } from "./contract.ts";
import { flag, integer, list, object, parseAnswer, text } from "./error-body.ts";
import { exchangeError } from "./exchange.ts";
import { limitListBytes } from "./limits.ts";
import type { Operation } from "./operation.ts";

const document = object({
  results: list(
    object({
      name: text,
      description: optional(text),
      star_count: optional(integer),
      is_official: optional(flag),
      is_automated: optional(flag),
    }),
  ),
});

const defaultLimit = 25;
const mostResults = 100;

export async function search(
  operation: Operation,
  term: string,
  { host = "docker.io", limit = defaultLimit }: SearchOptions,
): Promise<SearchResult[]> {
  if (limit < 1 || limit > mostResults) {
    throw new TiffinError(
      "invalid",
      "registry.bad-limit",
      `limit ${limit} is outside the range of [1, ${mostResults}]`,
    );
  }
  const registry = operation.hosts.registry(host, "");
  const endpoint =
    host === "docker.io"
      ? { ...registry, origins: ["https://index.docker.io"], apiPath: "/v1" }
      : { ...registry, apiPath: "/v1" };
  const connection = operation.connect(endpoint);
  const what = `search ${host} for ${JSON.stringify(term)}`;
  const answer = await connection.request({
    method: "GET",
    target: `/search?${new URLSearchParams({ q: term, n: String(limit) })}`,
    headers: { Accept: "application/json" },
    scope: "",
    accepts: [200, 404, 405],
    what,
    signal: operation.signal,
  });
  if (answer.status !== 200) {
    await answer.discard();
    throw new TiffinError(
      "notImplemented",
      "registry.no-search",
      `cannot ${what}: the registry has no search`,
    );
  }
  const body = await answer.bytes(limitListBytes).catch((thrown: unknown) => {
    throw exchangeError(thrown, what, host);
  });
  const { results } = document(
    parseAnswer(body, answer.headers.get("content-type") ?? "", `answer of ${host}`),
    "",
  );
  return results.slice(0, limit).map((found) => ({
    name: found.name,
    description: found.description ?? "",
    stars: found.star_count ?? 0,
    official: found.is_official === true,
    automated: found.is_automated === true,
  }));
}
