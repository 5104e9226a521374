/** How bytes travel: after a kill, in parts at the same time, through a proxy, up and down, in bounded memory. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { HostMounts } from "../../../test/support/host-mount.ts";
import { makeImage, sha256, tarWith } from "../../../test/support/oci-layout.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { pause, until } from "../../../test/support/until.ts";
import { parseReference } from "../../docker/reference.ts";
import { decodeManifest } from "../../oci/decode/image-spec.ts";
import type { RegistryLimits } from "./contract.ts";
import { openRegistryClient } from "./registry-client.ts";
import { MemorySink } from "./testing/memory-sink.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const limits: Partial<RegistryLimits> = { stallMs: 300, backoffMs: 5, tries: 4 };

/** Plain layers of noise, so that the blob is the tar. */
function noiseImage(bytes: number): ReturnType<typeof makeImage> {
  const noise = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65_536)
    crypto.getRandomValues(noise.subarray(at, Math.min(at + 65_536, bytes)));
  return makeImage([tarWith("noise", noise)], {
    compress: (tar) => tar,
    mediaType: "application/vnd.oci.image.layer.v1.tar",
  });
}

interface Asked {
  readonly from: number;
  readonly to: number;
}

interface ServedImage extends AsyncDisposable {
  readonly reference: ReturnType<typeof parseReference>;
  readonly host: string;
  /** Ranges of the layer that were asked for. */
  readonly asked: Asked[];
  /** Most requests for the layer that were on the way at the same time. */
  most(): number;
}

/** A registry with one image, whose layer comes as `body` gives it. */
function serveImage(
  image: ReturnType<typeof makeImage>,
  body: (blob: Uint8Array, asked: Asked) => ReadableStream | Uint8Array,
): ServedImage {
  const asked: Asked[] = [];
  let now = 0;
  let most = 0;
  const layer = sha256(image.layers[0] ?? new Uint8Array());
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname.includes("/manifests/")) {
        return new Response(image.manifestBytes, { headers: { "content-type": manifestType } });
      }
      const digest = pathname.split("/").at(-1) ?? "";
      const blob = image.blobs.get(digest);
      if (blob === undefined) return new Response("no", { status: 404 });
      if (digest !== layer) return new Response(blob);
      const range = /bytes=(\d+)-(\d+)/.exec(request.headers.get("range") ?? "");
      const part = { from: Number(range?.[1] ?? 0), to: Number(range?.[2] ?? blob.length - 1) + 1 };
      asked.push(part);
      now += 1;
      most = Math.max(most, now);
      const sent = body(blob, part);
      const stream = sent instanceof Uint8Array ? new Response(sent).body : sent;
      const counted = stream?.pipeThrough(
        new TransformStream({
          flush() {
            now -= 1;
          },
        }),
      );
      return new Response(counted, {
        status: range === null ? 200 : 206,
        headers:
          range === null ? {} : { "content-range": `bytes ${part.from}-${part.to - 1}/${blob.length}` },
      });
    },
  });
  const host = `localhost:${server.port}`;
  return {
    reference: parseReference(`${host}/a`),
    host,
    asked,
    most: () => most,
    async [Symbol.asyncDispose]() {
      await server.stop(true);
    },
  };
}

/** So many bytes every few milliseconds; `stopAt` is where nothing comes any more. */
function slowly(
  blob: Uint8Array,
  { from, to }: Asked,
  pieceBytes: number,
  stopAt = Number.POSITIVE_INFINITY,
): ReadableStream {
  let at = from;
  return new ReadableStream({
    async pull(controller) {
      if (at >= stopAt) return await new Promise<never>(() => undefined);
      await new Promise((resolve) => setImmediate(resolve));
      await pause(4, "a slow line");
      controller.enqueue(blob.subarray(at, Math.min(at + pieceBytes, to, stopAt)));
      at += pieceBytes;
      if (at >= to) controller.close();
      return undefined;
    },
  });
}

let staging: TemporaryDirectory;
beforeEach(() => {
  staging = temporaryDirectory("line");
});
afterEach(() => staging[Symbol.dispose]());

test("after SIGKILL the next pull asks for what has not arrived, and for nothing else", async () => {
  const image = noiseImage(3_000_000);
  let isFirst = true;
  await using served = serveImage(image, (blob, asked) => {
    if (!isFirst) return blob.subarray(asked.from, asked.to);
    isFirst = false;
    return slowly(blob, asked, 65_536, 2_000_000);
  });
  const reference = `${served.host}/a`;
  const program = join(import.meta.dir, "testing", "pull-and-keep.ts");
  const child = Bun.spawn([process.execPath, program, reference, staging.path], {
    stdout: "pipe",
    stderr: "inherit",
  });
  let said = "";
  for await (const piece of child.stdout) {
    said += new TextDecoder().decode(piece);
    if (Number(said.trim().split("\n").at(-1)) >= 2_000_000) break;
  }
  child.kill("SIGKILL");
  await child.exited;
  const [name = ""] = readdirSync(staging.path);
  expect(statSync(join(staging.path, name)).size).toBe(2_000_000);
  const sink = new MemorySink();
  const client = openRegistryClient({ userAgent: "tiffin/test", stagingDirectory: staging.path, limits });
  await client.pullImage({ reference: served.reference }, sink);
  expect(served.asked.map(({ from }) => from)).toEqual([0, 2_000_000]);
  expect([...sink.layers.values()]).toEqual([Buffer.from(image.layers[0] ?? "")]);
  expect(readdirSync(staging.path)).toEqual([]);
});

test.skipIf(process.getuid?.() !== 0)(
  "a full disk ends the keeping, not the pull (skipped without root)",
  async () => {
    const image = noiseImage(3_000_000);
    await using served = serveImage(image, (blob, { from, to }) => blob.subarray(from, to));
    const small = join(staging.path, "small");
    mkdirSync(small);
    await using mounts = new HostMounts();
    mounts.add(small, "size=1m");
    const sink = new MemorySink();
    const client = openRegistryClient({
      userAgent: "tiffin/test",
      stagingDirectory: small,
      limits: { stallMs: 10_000 },
    });
    await client.pullImage({ reference: served.reference }, sink);
    expect(sink.layers.size).toBe(1);
    expect(readdirSync(small)).toEqual([]);
    expect(statfsSync(small).bfree).toBe(statfsSync(small).blocks);
  },
);

describe("a large layer", () => {
  const image = noiseImage(40_000_000);
  const tar = Buffer.from(image.layers[0] ?? "");

  async function pull(served: ServedImage, stagingDirectory?: string): Promise<MemorySink> {
    const sink = new MemorySink();
    const client = openRegistryClient({
      userAgent: "tiffin/test",
      limits: { ...limits, stallMs: 5000 },
      ...(stagingDirectory === undefined ? {} : { stagingDirectory }),
    });
    await client.pullImage({ reference: served.reference }, sink);
    return sink;
  }

  test("over a slow line comes in parts at the same time, in their order, each byte once", async () => {
    await using served = serveImage(image, (blob, asked) => slowly(blob, asked, 65_536));
    const sink = await pull(served, staging.path);
    expect(Buffer.compare(sink.layers.get(sha256(tar)) ?? Buffer.of(), tar)).toBe(0);
    expect(served.most()).toBe(4);
    const parts = served.asked.toSorted((a, b) => a.from - b.from);
    expect(parts.map(({ from }) => from).slice(1)).toEqual(parts.map(({ to }) => to).slice(0, -1));
    expect(readdirSync(staging.path)).toEqual([]);
  });

  test("over a quick line comes in one piece after a first look", async () => {
    await using served = serveImage(image, (blob, { from, to }) => blob.subarray(from, to));
    const sink = await pull(served);
    expect(Buffer.compare(sink.layers.get(sha256(tar)) ?? Buffer.of(), tar)).toBe(0);
    expect(served.most()).toBe(1);
    expect(served.asked.map(({ to }) => to).at(-1)).toBe(tar.length);
  });

  test("whose parts are called off leaves those that are whole, and they are not fetched again", async () => {
    const off = new AbortController();
    await using served = serveImage(image, (blob, asked) =>
      // The line of one part is dead, while those after it arrive.
      asked.from === 8 * 1024 * 1024 && !off.signal.aborted
        ? slowly(blob, asked, 1, 0)
        : slowly(blob, asked, 65_536),
    );
    const client = openRegistryClient({
      userAgent: "tiffin/test",
      stagingDirectory: staging.path,
      limits: { ...limits, stallMs: 60_000 },
    });
    const pulled = client.pullImage({ reference: served.reference }, new MemorySink(), undefined, off.signal);
    await until("the parts behind the dead one are kept", () => readdirSync(staging.path).length === 4);
    off.abort();
    await pulled.catch(() => undefined);
    const before = served.asked.length;
    const sink = await pull(served, staging.path);
    expect(Buffer.compare(sink.layers.get(sha256(tar)) ?? Buffer.of(), tar)).toBe(0);
    const again = served.asked.slice(before).map(({ from }) => from / (1024 * 1024));
    expect(again).not.toContain(12);
    expect(again).not.toContain(16);
    expect(again).not.toContain(20);
    expect(readdirSync(staging.path)).toEqual([]);
  });
});

test("memory stays bounded while a layer of 110 MB goes through, whatever the store's pace", async () => {
  const image = noiseImage(110_000_000);
  await using served = serveImage(image, (blob, { from, to }) => blob.subarray(from, to));
  const program = `
    const { openRegistryClient } = await import(${JSON.stringify(join(import.meta.dir, "registry-client.ts"))});
    const { parseReference } = await import(${JSON.stringify(join(import.meta.dir, "../../docker/reference.ts"))});
    const { pause } = await import(${JSON.stringify(join(import.meta.dir, "../../lib/timer.ts"))});
    const client = openRegistryClient({ userAgent: "tiffin/test", stagingDirectory: ${JSON.stringify(staging.path)} });
    let count = 0;
    await client.pullImage({ reference: parseReference("${served.host}/a") }, {
      hasLayer: () => false,
      async takeLayer(_layer, tar) {
        for await (const _piece of tar) if (++count % 50 === 0) await pause(5);
      },
      takeImage: () => undefined,
    });
    const { readFileSync } = await import("node:fs");
    console.log(/VmHWM:\\s+(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]);`;
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "inherit" });
  const peakKilobytes = Number(await child.stdout.text());
  expect(await child.exited).toBe(0);
  expect(peakKilobytes).toBeGreaterThan(20_000);
  expect(peakKilobytes).toBeLessThan(150_000);
});

describe("a proxy", () => {
  /** One that passes plain requests on and counts them. */
  function startProxy(): { readonly url: string; readonly seen: string[]; stop(): Promise<void> } {
    const seen: string[] = [];
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch(request) {
        const { pathname } = new URL(request.url);
        seen.push(`${request.headers.get("host")}${pathname}`);
        if (request.headers.get("proxy-authorization") === null) return new Response("", { status: 407 });
        return new Response(null, { status: 404 });
      },
    });
    return { url: `http://cook:lunch@127.0.0.1:${server.port}`, seen, stop: () => server.stop(true) };
  }

  test("is used for a registry elsewhere, with its name and password, and never for loopback", async () => {
    const proxy = startProxy();
    const image = noiseImage(1000);
    await using served = serveImage(image, (blob, { from, to }) => blob.subarray(from, to));
    const client = openRegistryClient({
      userAgent: "tiffin/test",
      environment: { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url, NO_PROXY: "spared.test" },
      insecureRegistries: ["registry.test:80", "spared.test:80"],
      limits,
    });
    await client.pullImage({ reference: served.reference }, new MemorySink());
    expect(proxy.seen).toEqual([]);
    const code = async (name: string): Promise<unknown> =>
      await client.pullImage({ reference: parseReference(name) }, new MemorySink()).then(
        () => "pulled",
        (thrown: unknown) => (thrown as { code?: string }).code,
      );
    expect(await code("registry.test:80/a")).toBeDefined();
    expect(proxy.seen.length > 0).toBe(true);
    const before = proxy.seen.length;
    expect(await code("spared.test:80/a")).toBe("registry.unreachable");
    expect(proxy.seen).toHaveLength(before);
    await proxy.stop();
  });
});

describe("an upload", () => {
  /** A registry for uploads that takes so many bytes of the first one and then closes the connection. */
  function startTaker(firstTakes: number): {
    readonly host: string;
    readonly taken: () => Uint8Array;
    readonly manifests: string[];
    stop(): Promise<void>;
  } {
    let kept = Buffer.alloc(0);
    let patches = 0;
    const manifests: string[] = [];
    const blobs = new Set<string>();
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      maxRequestBodySize: 1024 ** 3,
      async fetch(request, self) {
        const url = new URL(request.url);
        const { method } = request;
        if (url.pathname.includes("/manifests/")) {
          manifests.push(await request.text());
          return new Response(null, { status: 201 });
        }
        if (method === "HEAD") {
          return new Response(null, { status: blobs.has(url.pathname.split("/").at(-1) ?? "") ? 200 : 404 });
        }
        const location = { location: "/v2/a/blobs/uploads/1" };
        if (method === "POST") return new Response(null, { status: 202, headers: location });
        if (method === "GET") {
          return new Response(null, { status: 204, headers: { ...location, range: `0-${kept.length - 1}` } });
        }
        if (method === "PATCH") {
          patches += 1;
          const body = request.body ?? new ReadableStream();
          for await (const piece of body as unknown as AsyncIterable<Uint8Array>) {
            kept = Buffer.concat([kept, piece]);
            if (patches === 1 && kept.length >= firstTakes) {
              self.timeout(request, 1);
              return new Response("broken", { status: 500 });
            }
          }
          return new Response(null, { status: 202, headers: location });
        }
        if (method === "PUT") {
          const whole = kept.length > 0 ? kept : Buffer.from(await request.bytes());
          const digest = url.searchParams.get("digest") ?? "";
          const isRight = sha256(whole) === digest || (await isConfig(digest));
          blobs.add(digest);
          return new Response(null, { status: isRight ? 201 : 400 });
        }
        return new Response(null, { status: 405 });
      },
    });
    // The configuration comes last, in one piece.
    const isConfig = (digest: string): Promise<boolean> => Promise.resolve(digest !== sha256(kept));
    return { host: `localhost:${server.port}`, taken: () => kept, manifests, stop: () => server.stop(true) };
  }

  test("that breaks goes on with the first byte that the registry has not", async () => {
    const image = noiseImage(4_000_000);
    const tar = image.layers[0] ?? new Uint8Array();
    const manifest = decodeManifest(image.manifestBytes);
    const taker = startTaker(1_000_000);
    const client = openRegistryClient({ userAgent: "tiffin/test", limits: { ...limits, stallMs: 10_000 } });
    const opened: string[] = [];
    const result = await client.pushImage({
      reference: parseReference(`${taker.host}/a`),
      configBytes: image.configBytes,
      manifestBytes: image.manifestBytes,
      layers: [
        {
          diffId: sha256(tar),
          ...(manifest.layers[0] === undefined ? {} : { descriptor: manifest.layers[0] }),
          sources: [],
          openTar: () => {
            throw new Error("the kept blob is enough");
          },
          async *openBlob() {
            opened.push("blob");
            for (let at = 0; at < tar.length; at += 65_536)
              yield await Promise.resolve(tar.subarray(at, at + 65_536));
          },
        },
      ],
    });
    await taker.stop();
    expect(sha256(taker.taken())).toBe(sha256(tar));
    expect(opened).toHaveLength(2);
    expect(result.digest).toBe(sha256(image.manifestBytes));
    expect(taker.manifests).toHaveLength(1);
  });

  test("that nobody takes is noticed", async () => {
    const server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data(socket, data) {
          const head = data.toString("latin1");
          // It speaks no TLS.
          if (data[0] === 0x16) socket.end();
          if (head.startsWith("HEAD")) socket.write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
          if (head.startsWith("POST")) {
            socket.write("HTTP/1.1 202 Accepted\r\nLocation: /up\r\nContent-Length: 0\r\n\r\n");
          }
          if (head.startsWith("PATCH")) socket.pause();
        },
      },
    });
    const client = openRegistryClient({ userAgent: "tiffin/test", limits: { ...limits, tries: 2 } });
    const noise = noiseImage(1_000_000).layers[0] ?? new Uint8Array();
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield await Promise.resolve(noise);
    }
    const thrown = await client
      .pushImage({
        reference: parseReference(`localhost:${server.port}/a`),
        configBytes: new Uint8Array(2),
        layers: [{ diffId: `sha256:${"0".repeat(64)}`, sources: [], openTar: endless }],
      })
      .catch((error: unknown) => error);
    server.stop(true);
    expect(thrown).toMatchObject({ kind: "unavailable", code: "registry.unreachable" });
    expect(String(thrown)).toContain("nothing was taken for 0.3 s");
  });
});
