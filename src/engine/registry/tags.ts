/** The tags of a repository, page by page, as far as a registry tells them. */
import { familiarRepository, type Reference } from "../../docker/reference.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { Connection } from "./connection.ts";
import { list, object, parseAnswer, text } from "./error-body.ts";
import { exchangeError } from "./exchange.ts";
import { limitListBytes, limitTagPages } from "./limits.ts";

const document = object({ tags: list(text) });
const pageSize = 1000;

/** In the registry's order, each once. Errors: `notFound` for a repository that is not there, `registry.*`. */
export async function listTags(
  connection: Connection,
  reference: Reference,
  signal: AbortSignal,
): Promise<string[]> {
  const { host } = connection.endpoint;
  const what = `list the tags of ${familiarRepository(reference)} at ${host}`;
  const found = new Set<string>();
  let query = `n=${pageSize}`;
  for (let page = 0; page < limitTagPages; page += 1) {
    const answer = await connection.request({
      method: "GET",
      target: `tags/list?${query}`,
      headers: { Accept: "application/json" },
      accepts: [200],
      what,
      signal,
    });
    const body = await answer.bytes(limitListBytes).catch((thrown: unknown) => {
      throw exchangeError(thrown, what, host);
    });
    const type = answer.headers.get("content-type") ?? "";
    const { tags } = document(parseAnswer(body, type, `answer of ${host}`), "");
    const before = found.size;
    for (const tag of tags) found.add(tag);
    const next = nextQuery(answer.headers.get("link"));
    // A page without anything new would be followed by itself for ever.
    if (next === undefined || found.size === before) return [...found];
    query = next;
  }
  throw new TiffinError(
    "invalid",
    "registry.too-large",
    `cannot ${what}: there are more than ${limitTagPages} pages of them`,
  );
}

/** The query of `Link: </v2/x/tags/list?n=1000&last=y>; rel="next"`; only the query, since the rest is known. */
function nextQuery(header: string | null): string | undefined {
  const address = /<([^>]*)>\s*;[^,]*rel="?next"?/i.exec(header ?? "")?.[1];
  if (address === undefined || !address.includes("?")) return undefined;
  return address.slice(address.indexOf("?") + 1);
}
