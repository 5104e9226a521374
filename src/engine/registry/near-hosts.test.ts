import { expect, test } from "bun:test";
import { parseReference } from "../../docker/reference.ts";
import { tooNear } from "./near-hosts.ts";
import { openRegistryClient } from "./registry-client.ts";
import { MemorySink } from "./testing/memory-sink.ts";

const near = (from: string, to: string): string | undefined => tooNear(new URL(from), new URL(to));

test("a host elsewhere leads neither to this machine nor to its link, however the address is written", () => {
  const far = "https://registry.example/";
  for (const host of [
    "127.0.0.1:80",
    "127.1",
    "2130706433",
    "0x7f.1",
    "localhost",
    "LOCALHOST.",
    "a.localhost",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
  ]) {
    expect([host, near(far, `http://${host}/`)]).toEqual([host, "loopback"]);
  }
  for (const host of ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]"]) {
    expect([host, near(far, `https://${host}/`)]).toEqual([host, "link-local"]);
    expect(near("http://localhost/", `http://${host}/`)).toBe("link-local");
  }
  for (const host of ["auth.example", "10.0.0.1", "[fd00::1]", "128.0.0.1", "localhost.example"]) {
    expect([host, near(far, `https://${host}/`)]).toEqual([host, undefined]);
  }
  expect(near("http://127.0.0.1/", "https://localhost/token")).toBeUndefined();
});

const leads: Readonly<Record<string, Record<string, string>>> = {
  "is not redirected": { location: "http://169.254.169.254/latest/meta-data" },
  "gets no token": { "www-authenticate": 'Bearer realm="https://169.254.169.254/token",service="x"' },
};

test.each(Object.entries(leads))("a pull %s to the addresses of the link", async (_what, headers) => {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response("", { status: "location" in headers ? 302 : 401, headers }),
  });
  const client = openRegistryClient({ userAgent: "tiffin/test", limits: { tries: 1 } });
  const reference = parseReference(`127.0.0.1:${server.port}/a`);
  const thrown = await client.pullImage({ reference }, new MemorySink()).catch((error: unknown) => error);
  await server.stop(true);
  expect(String(thrown)).toContain("a link-local address, which nobody else may lead to");
});

test("a push is not sent to the addresses of the link", async () => {
  const asked: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      asked.push(request.method);
      if (request.method === "HEAD") return new Response("", { status: 404 });
      return new Response("", { status: 202, headers: { location: "http://169.254.169.254/upload" } });
    },
  });
  const client = openRegistryClient({ userAgent: "tiffin/test", limits: { tries: 1 } });
  const reference = parseReference(`127.0.0.1:${server.port}/a:1`);
  const thrown = await client
    .pushImage({ reference, configBytes: new TextEncoder().encode("{}"), layers: [] })
    .catch((error: unknown) => error);
  await server.stop(true);
  expect(String(thrown)).toContain("a link-local address, which nobody else may lead to");
  expect(asked).toEqual(["HEAD", "POST"]);
});
