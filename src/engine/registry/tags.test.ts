/** Tags come in pages, from registries that may say anything. */
import { expect, test } from "bun:test";
import { parseReference } from "../../docker/reference.ts";
import { openRegistryClient } from "./registry-client.ts";

/** The tags that a registry gives, whose answers `answer` makes of the query. */
async function tagsFrom(answer: (query: URLSearchParams) => Response): Promise<string[]> {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      const { pathname, searchParams } = new URL(request.url);
      return pathname === "/v2/a/b/tags/list" ? answer(searchParams) : new Response("", { status: 404 });
    },
  });
  try {
    const client = openRegistryClient({ userAgent: "tiffin/test", limits: { tries: 1 } });
    return await client.tags(parseReference(`127.0.0.1:${server.port}/a/b`));
  } finally {
    await server.stop(true);
  }
}

const page = (tags: unknown, next?: string): Response =>
  Response.json(
    { name: "a/b", tags },
    next === undefined ? {} : { headers: { Link: `<${next}>; rel="next"` } },
  );

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "nothing",
    (thrown: unknown) => (thrown instanceof Error && "code" in thrown ? thrown.code : thrown),
  );

test("all pages are read, in order and each tag once, wherever the next one is said to be", async () => {
  const asked: string[] = [];
  const found = await tagsFrom((query) => {
    asked.push(query.get("last") ?? "");
    if (!query.has("last")) return page(["1", "2"], "/v2/a/b/tags/list?n=2&last=2");
    // Only the query counts: nobody is sent to another host.
    return query.get("last") === "2" ? page(["2", "3"], "https://other.example/x?last=3") : page(["4"]);
  });
  expect(found).toEqual(["1", "2", "3", "4"]);
  expect(asked).toEqual(["", "2", "3"]);
});

test("a page that is followed by itself ends the list, and so does one without tags", async () => {
  expect(await tagsFrom(() => page(["1"], "/v2/a/b/tags/list?last=1"))).toEqual(["1"]);
  expect(await tagsFrom(() => page(null))).toEqual([]);
});

test("pages without end are refused, and so is what is no list", async () => {
  let count = 0;
  const endless = tagsFrom(() => page([String(count++)], `/v2/a/b/tags/list?last=${count}`));
  expect(await codeOf(endless)).toBe("registry.too-large");
  expect(count).toBe(100);
  expect(await codeOf(tagsFrom(() => page("all")))).toBe("registry.bad-answer");
  expect(await codeOf(tagsFrom(() => new Response("{}", { status: 404 })))).toBe("registry.not-found");
});
