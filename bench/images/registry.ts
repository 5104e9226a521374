/** Images put into a registry without an engine, so that none knows anything of them. */
import type { MadeImage } from "./content.ts";
import { sha256 } from "./content.ts";

const manifestType = "application/vnd.docker.distribution.manifest.v2+json";
const configType = "application/vnd.docker.container.image.v1+json";
const layerType = "application/vnd.docker.image.rootfs.diff.tar.gzip";

const compressed = new Map<string, { readonly digest: string; readonly bytes: Uint8Array<ArrayBuffer> }>();

async function upload(host: string, name: string, digest: string, bytes: Uint8Array): Promise<void> {
  const there = await fetch(`http://${host}/v2/${name}/blobs/${digest}`, { method: "HEAD" });
  if (there.ok) return;
  const begun = await fetch(`http://${host}/v2/${name}/blobs/uploads/`, { method: "POST" });
  const place = begun.headers.get("location");
  if (place === null) throw new Error(`the registry ${host} takes no upload: ${begun.status}`);
  const url = new URL(place, `http://${host}`);
  url.searchParams.set("digest", digest);
  const put = await fetch(url, { method: "PUT", body: new Uint8Array(bytes) });
  if (!put.ok) throw new Error(`the registry ${host} refused a blob: ${put.status} ${await put.text()}`);
}

/** Returns how many bytes its layers have, compressed. */
export async function publish(host: string, name: string, image: MadeImage): Promise<number> {
  const layers = [];
  for (const { tar, diffId } of image.layers) {
    let blob = compressed.get(diffId);
    if (blob === undefined) {
      const bytes = Bun.gzipSync(new Uint8Array(tar), { level: 6 });
      blob = { bytes, digest: sha256(bytes) };
      compressed.set(diffId, blob);
    }
    await upload(host, name, blob.digest, blob.bytes);
    layers.push({ mediaType: layerType, digest: blob.digest, size: blob.bytes.length });
  }
  const digest = sha256(image.configuration);
  await upload(host, name, digest, image.configuration);
  const config = { mediaType: configType, digest, size: image.configuration.length };
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config, layers });
  const put = await fetch(`http://${host}/v2/${name}/manifests/latest`, {
    method: "PUT",
    headers: { "content-type": manifestType },
    body: manifest,
  });
  if (!put.ok) throw new Error(`the registry ${host} refused a manifest: ${put.status} ${await put.text()}`);
  return layers.reduce((sum, { size }) => sum + size, 0);
}
