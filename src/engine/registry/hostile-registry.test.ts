/** Registries that are broken, slow or hostile: one clear error each, in bounded time and memory, and nothing left. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { createServer } from "node:net";
import { gzipSync } from "node:zlib";
import { makeImage, sha256, tarWith } from "../../../test/support/oci-layout.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { makeCertificates } from "../../../test/support/test-certificates.ts";
import { pause } from "../../../test/support/until.ts";
import { TarReader } from "../../archive/mod.ts";
import { parseReference } from "../../docker/reference.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { PulledLayer, RegistryLimits } from "./contract.ts";
import { openRegistryClient } from "./registry-client.ts";
import { MemorySink } from "./testing/memory-sink.ts";

/** Incompressible, so that the blob is as long as the layer. */
const noise = new Uint8Array(300_000).map((_, index) => (index * index * 31 + (index >> 3)) % 251);
const image = makeImage([tarWith("noise", noise)], { compress: (tar) => gzipSync(tar, { level: 0 }) });
const manifestType = "application/vnd.oci.image.manifest.v1+json";
/** Where a line that stalls is what is tested; a busy machine may take a while for others. */
const impatient: Partial<RegistryLimits> = { stallMs: 500 };
const limits: Partial<RegistryLimits> = {
  stallMs: 15_000,
  slowestBytesPerSecond: 1000,
  backoffMs: 5,
  tries: 3,
  longestRetryAfterMs: 1000,
};

type Handler = (request: Request, url: URL) => Response | undefined | Promise<Response | undefined>;

let staging: TemporaryDirectory;
beforeEach(() => {
  staging = temporaryDirectory("hostile");
});
afterEach(() => staging[Symbol.dispose]());

/** A registry that has `image`, except for what `handler` answers itself. */
function serve(handler: Handler): ReturnType<typeof Bun.serve> {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 60,
    async fetch(request) {
      const url = new URL(request.url);
      const own = await handler(request, url);
      if (own !== undefined) return own;
      if (url.pathname.includes("/manifests/")) {
        return new Response(image.manifestBytes, { headers: { "content-type": manifestType } });
      }
      const blob = image.blobs.get(url.pathname.split("/").at(-1) ?? "");
      if (blob === undefined) return new Response("no", { status: 404 });
      return ranged(request, blob);
    },
  });
}

/** Like a registry: whole, or from where it was asked for. */
function ranged(request: Request, blob: Uint8Array, most = blob.length): Response {
  const [, from = "0", to = String(blob.length - 1)] =
    /bytes=(\d+)-(\d*)/.exec(request.headers.get("range") ?? "") ?? [];
  const end = Math.min(to === "" ? blob.length : Number(to) + 1, blob.length);
  const piece = blob.subarray(Number(from), Math.min(end, Number(from) + most));
  if (request.headers.get("range") === null) return new Response(piece);
  return new Response(piece, {
    status: 206,
    headers: { "content-range": `bytes ${from}-${Number(from) + piece.length - 1}/${blob.length}` },
  });
}

interface Outcome {
  readonly sink: MemorySink;
  readonly thrown: unknown;
  readonly retries: number;
}

async function pull(
  handler: Handler,
  more: Partial<RegistryLimits> = {},
  sink = new MemorySink(),
): Promise<Outcome> {
  const server = serve(handler);
  let retries = 0;
  const client = openRegistryClient({
    userAgent: "tiffin/test",
    stagingDirectory: staging.path,
    limits: { ...limits, ...more },
  });
  const reference = parseReference(`localhost:${server.port}/a`);
  const thrown = await client
    .pullImage({ reference }, sink, (progress) => {
      if (progress.kind === "layer" && progress.state === "retrying") retries += 1;
    })
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  await server.stop(true);
  return { sink, thrown, retries };
}

const isLayer = (url: URL): boolean => url.pathname.endsWith(layerDigest);
const manifest: unknown = JSON.parse(Buffer.from(image.manifestBytes).toString());
const layerDigest = (manifest as { layers: { digest: string }[] }).layers[0]?.digest ?? "";
const layerBlob = image.blobs.get(layerDigest) ?? new Uint8Array();
const layerTar = image.layers[0] ?? new Uint8Array();

/** A server that says it sends all of the blob, and closes the connection after some of it. */
function startCutter(length: number): { readonly asked: number[]; readonly url: string; stop(): void } {
  const asked: number[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (head) => {
      const asks = /range: bytes=(\d+)-(\d+)/i.exec(head.toString("latin1"));
      const from = Number(asks?.[1] ?? 0);
      const end = Math.min(Number(asks?.[2] ?? layerBlob.length - 1) + 1, layerBlob.length);
      asked.push(from);
      const left = end - from;
      const range = `Content-Range: bytes ${from}-${end - 1}/${layerBlob.length}\r\n`;
      socket.write(
        `HTTP/1.1 ${asks === null ? "200 OK" : "206 Partial Content"}\r\n${asks === null ? "" : range}Content-Length: ${left}\r\n\r\n`,
      );
      socket.end(layerBlob.subarray(from, Math.min(end, from + length)));
    });
  });
  server.listen(0, "127.0.0.1");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { asked, url: `http://127.0.0.1:${port}/blob`, stop: () => void server.close() };
}

/** Says that it sends all, and sends no more after some of it. */
function stopAfter(length: number): Response {
  let sent = false;
  return new Response(
    new ReadableStream({
      pull(controller) {
        if (sent) return new Promise<never>(() => undefined);
        sent = true;
        controller.enqueue(layerBlob.subarray(0, length));
        return undefined;
      },
    }),
  );
}

const offsetOf = (request: Request): number =>
  Number(/bytes=(\d+)/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);

function expectError(thrown: unknown, kind: string, code: string, words: string): void {
  expect(thrown).toBeInstanceOf(TiffinError);
  expect(thrown).toMatchObject({ kind, code });
  expect(String(thrown)).toContain(words);
}

describe("a line that breaks", () => {
  test("again and again is taken up where it broke, with less at a time if need be", async () => {
    const cutter = startCutter(100_000);
    const { sink, thrown } = await pull(
      (_request, url) => (isLayer(url) ? Response.redirect(cutter.url, 307) : undefined),
      { tries: 5 },
    );
    cutter.stop();
    expect(thrown).toBeUndefined();
    expect(sink.layers.get(sha256(layerTar))).toEqual(Buffer.from(layerTar));
    // What was on its way when the line broke may be lost with it; what has been taken is not asked for again.
    expect(cutter.asked).toEqual([...cutter.asked].sort((a, b) => a - b));
    expect(readdirSync(staging.path)).toEqual([]);
  });

  test("for ever ends the pull; the next one goes on with what is there", async () => {
    const first = await pull((request, url) => {
      if (!isLayer(url)) return undefined;
      return offsetOf(request) > 0 ? new Response("gone", { status: 500 }) : stopAfter(120_000);
    }, impatient);
    expectError(first.thrown, "unavailable", "registry.failed", "the registry answers 500: gone");
    expect(first.sink.layers.size).toBe(0);
    expect(readdirSync(staging.path)).toHaveLength(1);
    const asked: number[] = [];
    const second = await pull((request, url) => {
      if (isLayer(url)) asked.push(offsetOf(request));
      return undefined;
    });
    expect(second.thrown).toBeUndefined();
    expect(asked).toEqual([120_000]);
    expect(second.sink.layers.get(sha256(layerTar))).toEqual(Buffer.from(layerTar));
    expect(readdirSync(staging.path)).toEqual([]);
  });

  test("is taken up without ranges too, by passing over what is there", async () => {
    let count = 0;
    const cutter = startCutter(100_000);
    const { sink, thrown } = await pull((_request, url) => {
      if (!isLayer(url)) return undefined;
      count += 1;
      return count === 1 ? Response.redirect(cutter.url, 307) : new Response(layerBlob);
    });
    cutter.stop();
    expect(thrown).toBeUndefined();
    expect(sink.layers.get(sha256(layerTar))).toEqual(Buffer.from(layerTar));
  });

  test("with a byte now and then is no line: it ends with what came", async () => {
    const { thrown } = await pull((request, url) => {
      if (!isLayer(url)) return undefined;
      let at = offsetOf(request);
      return new Response(
        new ReadableStream({
          async pull(controller) {
            await pause(20, "a slow line");
            controller.enqueue(layerBlob.subarray(at, at + 1));
            at += 1;
          },
        }),
        at === 0
          ? {}
          : {
              status: 206,
              headers: { "content-range": `bytes ${at}-${layerBlob.length - 1}/${layerBlob.length}` },
            },
      );
    }, impatient);
    expectError(thrown, "unavailable", "registry.unreachable", "bytes came in 0.");
  });

  test("on which nothing comes any more is noticed and taken up", async () => {
    let count = 0;
    const { thrown, retries } = await pull((request, url) => {
      if (!isLayer(url)) return undefined;
      count += 1;
      if (count > 1) return ranged(request, layerBlob);
      return new Response(
        new ReadableStream({
          pull(controller) {
            controller.enqueue(layerBlob.subarray(0, 1000));
            return new Promise<never>(() => undefined);
          },
        }),
      );
    }, impatient);
    expect(thrown).toBeUndefined();
    expect(retries).toBe(1);
  });

  test("that gives no answer at all is noticed", async () => {
    const { thrown } = await pull(
      (_request, url) =>
        url.pathname.includes("/manifests/") ? new Promise<never>(() => undefined) : undefined,
      impatient,
    );
    expectError(thrown, "unavailable", "registry.unreachable", "no answer came for 0.5 s");
  });
});

describe("content that is not what it should be", () => {
  test("a layer of another digest is refused, and nothing of it stays", async () => {
    const wrong = Uint8Array.from(layerBlob);
    wrong[1000] = (wrong[1000] ?? 0) ^ 1;
    const { sink, thrown } = await pull((request, url) =>
      isLayer(url) ? ranged(request, wrong) : undefined,
    );
    expectError(thrown, "invalid", "registry.wrong-digest", `wanted ${layerDigest}`);
    expect(sink.layers.size).toBe(0);
    expect(readdirSync(staging.path)).toEqual([]);
  });

  test("what an earlier pull left and the disk has spoiled is fetched again", async () => {
    await Bun.write(`${staging.path}/${layerDigest.replace(":", "-")}.part`, new Uint8Array(70_000));
    const asked: number[] = [];
    const { sink, thrown } = await pull((request, url) => {
      if (isLayer(url)) asked.push(offsetOf(request));
      return undefined;
    });
    expect(thrown).toBeUndefined();
    expect(asked.at(-1)).toBe(0);
    expect(sink.layers.get(sha256(layerTar))).toEqual(Buffer.from(layerTar));
    expect(readdirSync(staging.path)).toEqual([]);
  });

  test.each([
    ["shorter", layerBlob.subarray(0, -1)],
    ["longer", Buffer.concat([layerBlob, new Uint8Array(1)])],
  ])("a layer that is %s than its manifest says", async (_name, blob) => {
    const { thrown } = await pull((request, url) => (isLayer(url) ? ranged(request, blob) : undefined));
    expectError(thrown, "invalid", "registry.wrong-size", `its manifest says ${layerBlob.length}`);
    const endless = await pull((_request, url) => {
      if (!isLayer(url)) return undefined;
      return new Response(
        new ReadableStream({
          pull(controller) {
            controller.enqueue(new Uint8Array(65_536));
          },
        }),
      );
    });
    expectError(endless.thrown, "invalid", "registry.wrong-size", `has more than ${layerBlob.length} bytes`);
  });

  test("a layer that unpacks to more than is allowed, or says that it has more, leaves nothing", async () => {
    const noise = crypto.getRandomValues(new Uint8Array(65_536));
    const bomb = makeImage([tarWith("zeros", Buffer.concat([noise, noise, new Uint8Array(200_000_000)]))], {
      compress: (tar) => gzipSync(tar, { level: 1 }),
    });
    const { thrown, sink } = await pull(
      (request, url) => {
        if (url.pathname.includes("/manifests/")) {
          return new Response(bomb.manifestBytes, { headers: { "content-type": manifestType } });
        }
        const blob = bomb.blobs.get(url.pathname.split("/").at(-1) ?? "");
        return blob === undefined ? undefined : ranged(request, blob);
      },
      { unpackedLayerBytes: 10_000_000 },
    );
    expectError(thrown, "invalid", "archive.too-large", "unpacks to more than 10000000 bytes");
    expect(sink.layers.size).toBe(0);
    expect(readdirSync(staging.path)).toEqual([]);
    let asked = 0;
    const claimed = await pull(
      (_request, url) => {
        if (isLayer(url)) asked += 1;
        return undefined;
      },
      { unpackedLayerBytes: 100_000 },
    );
    expectError(
      claimed.thrown,
      "invalid",
      "registry.too-large",
      `has ${layerBlob.length} bytes, at most 100000 are taken`,
    );
    expect(asked).toBe(0);
  });

  test("a beginning that somebody else has left, and that is no layer at all, keeps nobody from the right one", async () => {
    // In good order for whoever only takes the compression off.
    const other = gzipSync(Buffer.alloc(200_000, "no tar"), { level: 0 });
    await Bun.write(`${staging.path}/${layerDigest.replace(":", "-")}.part`, other.subarray(0, 180_000));
    class StrictSink extends MemorySink {
      override async takeLayer(layer: PulledLayer, tar: AsyncIterable<Uint8Array>): Promise<void> {
        const reader = new TarReader({ entry() {}, content() {}, endOfEntry() {} });
        async function* read(): AsyncGenerator<Uint8Array> {
          for await (const piece of tar) {
            reader.push(piece);
            yield piece;
          }
        }
        await super.takeLayer(layer, read());
      }
    }
    const { sink, thrown } = await pull(() => undefined, {}, new StrictSink());
    expect(thrown).toBeUndefined();
    expect(sink.layers.get(sha256(layerTar))).toEqual(Buffer.from(layerTar));
    expect(readdirSync(staging.path)).toEqual([]);
  });

  test("a configuration that is not the one of the manifest", async () => {
    const { thrown } = await pull((_request, url) =>
      url.pathname.endsWith(sha256(image.configBytes))
        ? new Response(new Uint8Array(image.configBytes.length))
        : undefined,
    );
    expectError(thrown, "invalid", "registry.wrong-digest", sha256(image.configBytes));
  });

  test("a manifest that is not what its header says", async () => {
    const { thrown } = await pull((_request, url) =>
      url.pathname.includes("/manifests/")
        ? new Response(image.manifestBytes, {
            headers: { "content-type": manifestType, "docker-content-digest": `sha256:${"0".repeat(64)}` },
          })
        : undefined,
    );
    expectError(thrown, "invalid", "registry.wrong-digest", "the manifest of");
  });

  test("a manifest of 50 MB is not read, with a length and without", async () => {
    const piece = new Uint8Array(1024 * 1024).fill(32);
    const says = await pull((_request, url) =>
      url.pathname.includes("/manifests/")
        ? new Response(new Uint8Array(50 * 1024 * 1024), { headers: { "content-type": manifestType } })
        : undefined,
    );
    expectError(says.thrown, "invalid", "registry.too-large", "has 52428800 bytes, at most 4194304 are read");
    let sent = 0;
    const silent = await pull((_request, url) => {
      if (!url.pathname.includes("/manifests/")) return undefined;
      return new Response(
        new ReadableStream({
          pull(controller) {
            sent += piece.length;
            if (sent > 50 * piece.length) controller.close();
            else controller.enqueue(piece);
          },
        }),
        { headers: { "content-type": manifestType } },
      );
    });
    expectError(silent.thrown, "invalid", "registry.too-large", "more than 4194304 bytes");
  });

  test("a page for people instead of JSON is named", async () => {
    const page = (status: number): Response =>
      new Response("<!DOCTYPE html><html><head><title>Please\nlog in</title></head></html>", {
        status,
        headers: { "content-type": "text/html" },
      });
    const good = await pull((_request, url) =>
      url.pathname.includes("/manifests/") ? page(200) : undefined,
    );
    expectError(good.thrown, "unavailable", "registry.not-a-registry", "an HTML page");
    const bad = await pull((_request, url) => (url.pathname.includes("/manifests/") ? page(418) : undefined));
    expectError(
      bad.thrown,
      "invalid",
      "registry.failed",
      'answers 418: an HTML page ("Please log in") instead of JSON',
    );
  });

  test("an image of schema 1 is refused with what to do", async () => {
    const { thrown } = await pull((_request, url) =>
      url.pathname.includes("/manifests/")
        ? Response.json(
            { schemaVersion: 1, fsLayers: [], history: [] },
            { headers: { "content-type": "application/vnd.docker.distribution.manifest.v1+prettyjws" } },
          )
        : undefined,
    );
    expectError(thrown, "invalid", "oci.schema-1", "schema 1");
    expect(thrown).toMatchObject({ remedy: expect.stringContaining("skopeo copy") });
  });

  test("an artifact that is no image is named", async () => {
    const chart = JSON.parse(Buffer.from(image.manifestBytes).toString()) as {
      config: { mediaType: string };
    };
    chart.config.mediaType = "application/vnd.cncf.helm.config.v1+json";
    const { thrown } = await pull((_request, url) =>
      url.pathname.includes("/manifests/")
        ? Response.json(chart, { headers: { "content-type": manifestType } })
        : undefined,
    );
    expectError(thrown, "invalid", "registry.not-an-image", "helm");
  });
});

describe("a registry that leads around", () => {
  test("redirects to itself without end", async () => {
    let count = 0;
    const { thrown } = await pull((_request, url) => {
      if (!isLayer(url)) return undefined;
      count += 1;
      return Response.redirect(url.href, 307);
    });
    expectError(thrown, "unavailable", "registry.redirect-loop", "more than 10 redirects");
    expect(count).toBe(11);
  });

  test.each(["file:///etc/passwd", "ftp://a.example/", "data:text/plain,hello", "s3://bucket/key"])(
    "redirects to %s, which is not followed",
    async (target) => {
      const { thrown } = await pull((_request, url) =>
        isLayer(url) ? new Response(null, { status: 302, headers: { location: target } }) : undefined,
      );
      expectError(thrown, "unavailable", "registry.bad-redirect", "redirects to an address of");
    },
  );

  test("redirects to another host, which never sees who asks; the same host does", async () => {
    const seen: (string | null)[] = [];
    const elsewhere = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch(request) {
        seen.push(request.headers.get("authorization"));
        return ranged(request, layerBlob);
      },
    });
    const sameHost: (string | null)[] = [];
    const server = serve((request, url) => {
      const given = request.headers.get("authorization");
      if (given === null)
        return new Response("", { status: 401, headers: { "www-authenticate": "Basic realm=x" } });
      if (!isLayer(url)) return undefined;
      if (url.searchParams.has("again")) {
        sameHost.push(given);
        return Response.redirect(`http://localhost:${elsewhere.port}/blob`, 307);
      }
      return Response.redirect(`${url.pathname}?again=1`, 307);
    });
    const client = openRegistryClient({ userAgent: "tiffin/test", limits });
    const reference = parseReference(`localhost:${server.port}/a`);
    const credentials = () => ({ username: "cook", password: "lunch" });
    await client.pullImage({ reference, credentials }, new MemorySink());
    await Promise.all([server.stop(true), elsewhere.stop(true)]);
    expect(seen).toEqual([null]);
    expect(sameHost).toEqual([`Basic ${Buffer.from("cook:lunch").toString("base64")}`]);
  });

  test("redirects away from TLS, which is not followed", async () => {
    const made = makeCertificates(staging.path);
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      tls: { cert: Bun.file(made.certificate), key: Bun.file(made.key) },
      fetch: () => new Response(null, { status: 307, headers: { location: "http://registry.example/blob" } }),
    });
    const client = openRegistryClient({ userAgent: "tiffin/test", limits });
    const reference = parseReference(`localhost:${server.port}/a`);
    const thrown = await client.pullImage({ reference }, new MemorySink()).catch((error: unknown) => error);
    await server.stop(true);
    expectError(thrown, "unavailable", "registry.bad-redirect", "redirects to registry.example without TLS");
  });

  test("wants to know who asks for ever", async () => {
    let count = 0;
    for (const header of ["Basic realm=x", 'Bearer realm="SELF/token",service=x']) {
      const { thrown } = await pull((_request, url) => {
        if (url.pathname === "/token") return Response.json({ token: `t${count}` });
        count += 1;
        return Response.json(
          { errors: [{ code: "UNAUTHORIZED", message: "authentication required" }] },
          { status: 401, headers: { "www-authenticate": header.replace("SELF", url.origin) } },
        );
      });
      expectError(thrown, "notFound", "registry.pull-denied", "unauthorized: authentication required");
    }
    expect(count).toBeLessThanOrEqual(6);
  });

  test("sends for a token to a place without TLS, or to one that is none", async () => {
    for (const realm of ["http://auth.example/token", "not an address", "file:///etc/passwd"]) {
      const { thrown } = await pull(
        () => new Response("", { status: 401, headers: { "www-authenticate": `Bearer realm="${realm}"` } }),
      );
      expectError(thrown, "unauthorized", "registry.bad-realm", "no address with TLS");
    }
  });
});

/** How often the manifest was asked for. */
async function pullCounted(answer: () => Response): Promise<Outcome & { readonly asked: number }> {
  let asked = 0;
  const outcome = await pull((_request, url) => {
    if (!url.pathname.includes("/manifests/")) return undefined;
    asked += 1;
    return answer();
  });
  return { ...outcome, asked };
}

describe("a registry that is busy", () => {
  test("is asked again when it says", async () => {
    let count = 0;
    let secondMs = 0;
    const startedMs = performance.now();
    const { thrown } = await pull((_request, url) => {
      if (!url.pathname.includes("/manifests/")) return undefined;
      count += 1;
      if (count === 1) return new Response("", { status: 429, headers: { "retry-after": "1" } });
      secondMs = performance.now() - startedMs;
      return undefined;
    });
    expect(thrown).toBeUndefined();
    expect(count).toBe(2);
    expect(secondMs).toBeGreaterThanOrEqual(990);
  });

  test.each(["86400", "99999999999999999999"])(
    "for too long, %s seconds, is an error with its own words at once",
    async (seconds) => {
      const { thrown, asked } = await pullCounted(() =>
        Response.json(
          { errors: [{ code: "TOOMANYREQUESTS", message: "come back tomorrow" }] },
          { status: 429, headers: { "retry-after": seconds } },
        ),
      );
      expectError(thrown, "unavailable", "registry.too-many-requests", "toomanyrequests: come back tomorrow");
      expect(asked).toBe(1);
    },
  );

  test("with headers without end is asked once, and named", async () => {
    const { thrown, asked } = await pullCounted(
      () => new Response("", { headers: { "x-large": "x".repeat(5_000_000) } }),
    );
    expectError(thrown, "unavailable", "registry.unreachable", "the headers of the answer are too large");
    expect(asked).toBe(1);
  });

  test("is asked so many times and no more", async () => {
    let count = 0;
    const { thrown } = await pull((_request, url) => {
      if (!url.pathname.includes("/manifests/")) return undefined;
      count += 1;
      return new Response("", { status: 503 });
    });
    expectError(thrown, "unavailable", "registry.failed", "the registry answers 503");
    expect(count).toBe(3);
  });
});

describe("pulls at the same time", () => {
  test("fetch a layer once; when the first is called off, the second goes on with its bytes", async () => {
    const asked: number[] = [];
    const gate = Promise.withResolvers<void>();
    const server = serve((request, url) => {
      if (!isLayer(url)) return undefined;
      asked.push(offsetOf(request));
      if (asked.length > 1) return ranged(request, layerBlob);
      return new Response(
        new ReadableStream({
          async pull(controller) {
            controller.enqueue(layerBlob.subarray(0, 150_000));
            await gate.promise;
            controller.close();
          },
        }),
      );
    });
    const client = openRegistryClient({
      userAgent: "tiffin/test",
      stagingDirectory: staging.path,
      limits: { ...limits, stallMs: 30_000 },
    });
    const sink = new MemorySink();
    const reference = parseReference(`localhost:${server.port}/a`);
    const off = new AbortController();
    const arrived = Promise.withResolvers<void>();
    const first = client.pullImage(
      { reference },
      sink,
      (progress) => {
        if (progress.kind === "layer" && progress.currentBytes > 0) arrived.resolve();
      },
      off.signal,
    );
    await arrived.promise;
    const waits = Promise.withResolvers<void>();
    let waiting = 0;
    const second = client.pullImage({ reference }, sink, (progress) => {
      if (progress.kind === "layer" && progress.state === "waiting") waiting += 1;
      if (waiting === 2) waits.resolve();
    });
    await waits.promise;
    off.abort();
    const thrown = await first.then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(thrown).toMatchObject({ kind: "cancelled" });
    await second;
    gate.resolve();
    await server.stop(true);
    expect(asked).toEqual([0, 150_000]);
    expect(sink.layers.get(sha256(layerTar))).toEqual(Buffer.from(layerTar));
    expect(readdirSync(staging.path)).toEqual([]);
  });

  test("from several hosts do not wait for each other: a slow or false one holds up nobody", async () => {
    const never = serve((_request, url) => (isLayer(url) ? stopAfter(100_000) : undefined));
    const good = serve(() => undefined);
    const client = openRegistryClient({
      userAgent: "tiffin/test",
      stagingDirectory: staging.path,
      limits: { ...limits, stallMs: 30_000 },
    });
    const sink = new MemorySink();
    const off = new AbortController();
    const arrived = Promise.withResolvers<void>();
    const held = client
      .pullImage(
        { reference: parseReference(`localhost:${never.port}/a`) },
        sink,
        (progress) => {
          if (progress.kind === "layer" && progress.currentBytes > 0) arrived.resolve();
        },
        off.signal,
      )
      .catch(() => undefined);
    await arrived.promise;
    await client.pullImage({ reference: parseReference(`localhost:${good.port}/a`) }, sink);
    expect(sink.layers.get(sha256(layerTar))).toEqual(Buffer.from(layerTar));
    off.abort();
    await held;
    await Promise.all([never.stop(true), good.stop(true)]);
  });

  test("of one image share every layer", async () => {
    let count = 0;
    const server = serve((_request, url) => {
      if (isLayer(url)) count += 1;
      return undefined;
    });
    const client = openRegistryClient({ userAgent: "tiffin/test", limits });
    const sink = new MemorySink();
    const reference = parseReference(`localhost:${server.port}/a`);
    await Promise.all([1, 2, 3].map(() => client.pullImage({ reference }, sink)));
    await server.stop(true);
    expect(count).toBe(1);
    expect(sink.images).toHaveLength(3);
  });
});
