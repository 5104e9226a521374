/** A registry with one image, as far as a pull needs one: for tests that are about something else. */
import { createHash } from "node:crypto";

function digestOf(bytes: string | Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export interface SmallRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT/small:1` */
  readonly image: string;
  /** What each layer is when it is unpacked. */
  readonly diffIds: ReadonlyMap<string, string>;
  /** How long each layer is. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Digests of the layers that were asked for, in their order, and how many bytes were sent of each. */
  readonly asked: { readonly digest: string; readonly bytes: number }[];
}

/** The layers are tars; they are served compressed. */
export function serveImage(layers: readonly Uint8Array[]): SmallRegistry {
  const blobs = layers.map((layer) => new Uint8Array(Bun.gzipSync(new Uint8Array(layer))));
  const config = JSON.stringify({
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: layers.map(digestOf) },
  });
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType,
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: digestOf(config),
      size: config.length,
    },
    layers: blobs.map((blob) => ({
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      digest: digestOf(blob),
      size: blob.length,
    })),
  });
  const byDigest = new Map<string, string | Uint8Array<ArrayBuffer>>([
    [digestOf(config), config],
    ...blobs.map((blob) => [digestOf(blob), blob] as const),
  ]);
  const asked: { digest: string; bytes: number }[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/v2/") return new Response("{}");
      if (pathname.startsWith("/v2/small/manifests/")) {
        const headers = { "Content-Type": mediaType, "Docker-Content-Digest": digestOf(manifest) };
        return new Response(manifest, { headers });
      }
      const blob = byDigest.get(pathname.replace("/v2/small/blobs/", ""));
      if (blob === undefined) return new Response("{}", { status: 404 });
      if (typeof blob === "string") return new Response(blob);
      const [, from = "0", to = ""] = /bytes=(\d+)-(\d*)/.exec(request.headers.get("range") ?? "") ?? [];
      const end = to === "" ? blob.length : Math.min(Number(to) + 1, blob.length);
      const piece = blob.slice(Number(from), end);
      asked.push({ digest: pathname.replace("/v2/small/blobs/", ""), bytes: piece.length });
      if (request.headers.get("range") === null) return new Response(piece);
      const range = `bytes ${from}-${end - 1}/${blob.length}`;
      return new Response(piece, { status: 206, headers: { "content-range": range } });
    },
  });
  return {
    asked,
    diffIds: new Map(blobs.map((blob, index) => [digestOf(blob), digestOf(layers[index] ?? "")])),
    sizes: new Map(blobs.map((blob) => [digestOf(blob), blob.length])),
    image: `127.0.0.1:${server.port}/small:1`,
    async [Symbol.asyncDispose]() {
      await server.stop(true);
    },
  };
}
