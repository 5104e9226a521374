/**
 * A push. Blobs are not kept beside the layers, so a blob that the registry lacks is, in this order: mounted from a repository
 * of the same registry, sent as it was kept, copied from a repository that has had it, or made again from the layer. As long
 * as every blob has its old digest, the image's own manifest is pushed, and with it the digest; see docs/decisions/images.md.
 */
import { familiarName, parseReference, type Reference } from "../../docker/reference.ts";
import { monotonicMs } from "../../lib/clock.ts";
import { messageOf, TiffinError } from "../../lib/errors.ts";
import { decodeManifest } from "../../oci/decode/image-spec.ts";
import { mediaTypes, type OciDescriptor, type OciManifest } from "../../oci/mod.ts";
import { readBlob } from "./blob.ts";
import { compressed } from "./compressed.ts";
import type { Connection } from "./connection.ts";
import type {
  LayerCompression,
  PushedImage,
  PushedLayer,
  PushForm,
  PushProgress,
  PushRequest,
} from "./contract.ts";
import { checkDigest, sha256Of, wrongDigest } from "./digest-check.ts";
import { cancelled } from "./failure.ts";
import type { Operation } from "./operation.ts";
import { BlobPush } from "./push-blob.ts";

type Listener = (progress: PushProgress) => void;

interface Push {
  readonly form: PushForm;
  readonly operation: Operation;
  readonly blobs: BlobPush;
  readonly reference: Reference;
  readonly listen: Listener;
}

/** Progress is told no more often. */
const tellEveryMs = 100;

export async function pushImage(
  operation: Operation,
  request: PushRequest,
  listen: Listener,
): Promise<PushedImage> {
  const { reference } = request;
  const name = familiarName(reference);
  if (reference.digest !== undefined && reference.tag === undefined) {
    throw new TiffinError(
      "invalid",
      "registry.push-by-digest",
      `cannot push ${name}: a digest reference cannot be pushed`,
    );
  }
  try {
    const connections = operation.connections(reference, "push");
    return await operation.first(connections, (connection) => pushTo(operation, connection, request, listen));
  } catch (thrown) {
    if (operation.signal.aborted) throw cancelled(`the push of ${name}`);
    // What is no `TiffinError` is the store's, not the line's.
    if (!(thrown instanceof TiffinError)) throw thrown;
    const error = thrown;
    if (error.code !== "registry.unauthorized" && error.code !== "registry.forbidden") throw error;
    throw new TiffinError(
      "forbidden",
      "registry.push-denied",
      `push access to ${name} denied: ${error.message}`,
      {
        cause: error,
        remedy:
          `log in first: tiffin login ${reference.domain === "docker.io" ? "" : reference.domain}`.trim(),
      },
    );
  }
}

async function pushTo(
  operation: Operation,
  connection: Connection,
  request: PushRequest,
  listen: Listener,
): Promise<PushedImage> {
  const { reference, layers, configBytes, manifestBytes, form = {} } = request;
  const push: Push = { operation, blobs: new BlobPush(operation, connection), reference, listen, form };
  const pushed = await pushLayers(push, layers);
  await push.blobs.put(configBytes);
  const found = layers.map(({ diffId }) => pushed.get(diffId)).filter((each) => each !== undefined);
  const original = manifestBytes === undefined ? undefined : decodeManifest(manifestBytes);
  const isSame =
    original !== undefined &&
    original.config.digest === sha256Of(configBytes) &&
    original.layers.length === found.length &&
    original.layers.every((layer, index) => layer.digest === found[index]?.digest) &&
    form.annotations === undefined &&
    (form.types === undefined || isDockers(original) === (form.types === "docker"));
  const bytes =
    isSame && manifestBytes !== undefined ? manifestBytes : newManifest(configBytes, found, original, form);
  const mediaType = decodeManifest(bytes).mediaType ?? mediaTypes.manifest;
  const { domain, path } = reference;
  const target = form.byDigest === true ? { domain, path, digest: sha256Of(bytes) } : reference;
  const digest = await putManifest(connection, target, { bytes, mediaType }, operation.signal);
  return {
    digest,
    size: bytes.length,
    mediaType,
    manifestBytes: bytes,
    recompressed: original !== undefined && !isSame,
    layers: [...pushed].map(([diffId, descriptor]) => ({ diffId, descriptor })),
  };
}

/** In the family of the one that the image came with. */
function newManifest(
  configBytes: Uint8Array,
  layers: readonly OciDescriptor[],
  original: OciManifest | undefined,
  { types, annotations }: PushForm,
): Uint8Array {
  const isDocker = types === undefined ? isDockers(original) : types === "docker";
  const manifest: OciManifest = {
    schemaVersion: 2,
    mediaType: isDocker ? mediaTypes.dockerManifest : mediaTypes.manifest,
    config: {
      mediaType: isDocker ? mediaTypes.dockerConfig : mediaTypes.config,
      digest: sha256Of(configBytes),
      size: configBytes.length,
    },
    layers: layers.map(({ mediaType, digest, size }) => ({
      mediaType: layerType(mediaType, isDocker),
      digest,
      size,
    })),
    ...((original?.annotations ?? annotations) !== undefined && {
      annotations: { ...original?.annotations, ...annotations },
    }),
  };
  return new TextEncoder().encode(JSON.stringify(manifest, undefined, 2));
}

function isDockers(manifest: OciManifest | undefined): boolean {
  return manifest?.mediaType === mediaTypes.dockerManifest;
}

function layerType(mediaType: string, isDocker: boolean): string {
  if (mediaType.endsWith("zstd")) return isDocker ? mediaTypes.dockerLayerZstd : mediaTypes.layerZstd;
  if (mediaType.endsWith("gzip")) return isDocker ? mediaTypes.dockerLayerGzip : mediaTypes.layerGzip;
  return isDocker ? mediaTypes.dockerLayer : mediaTypes.layer;
}

async function pushLayers(push: Push, layers: readonly PushedLayer[]): Promise<Map<string, OciDescriptor>> {
  const pushed = new Map<string, OciDescriptor>();
  const waiting = [...new Map(layers.map((layer) => [layer.diffId, layer])).values()];
  for (const { diffId } of waiting)
    push.listen({ kind: "layer", diffId, state: "preparing", currentBytes: 0 });
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (let layer = waiting.shift(); layer !== undefined && failures.length === 0; layer = waiting.shift()) {
      try {
        pushed.set(layer.diffId, await pushLayer(push, layer));
      } catch (thrown) {
        failures.push(thrown);
      }
    }
  };
  await Promise.all(Array.from({ length: push.operation.limits.parallelLayers }, worker));
  if (failures.length > 0) throw failures[0];
  return pushed;
}

/** Another compression is wanted of all layers. */
function isOther({ mediaType }: OciDescriptor, { compression = "gzip", force = false }: PushForm): boolean {
  return force && layerType(mediaType, false) !== newLayerType[compression];
}

const newLayerType: Readonly<Record<LayerCompression, string>> = {
  uncompressed: mediaTypes.layer,
  gzip: mediaTypes.layerGzip,
  zstd: mediaTypes.layerZstd,
};

async function pushLayer(push: Push, layer: PushedLayer): Promise<OciDescriptor> {
  const { blobs, listen, reference } = push;
  const { descriptor, diffId, sources } = layer;
  const tell = (
    state: PushProgress["state"],
    currentBytes: number,
    more: { from?: string; reason?: string } = {},
  ): void =>
    listen({
      kind: "layer",
      diffId,
      state,
      currentBytes,
      ...(descriptor === undefined ? {} : { totalBytes: descriptor.size }),
      ...more,
    });
  if (descriptor !== undefined && !isOther(descriptor, push.form)) {
    if (await blobs.exists(descriptor.digest)) {
      tell("exists", descriptor.size);
      return descriptor;
    }
    const places = sources.map((source) => parseReference(source));
    const own = places.filter(({ domain, path }) => domain === reference.domain && path !== reference.path);
    const from = await blobs.mount(
      descriptor.digest,
      own.map(({ path }) => path),
    );
    if (from !== undefined) {
      tell("mounted", descriptor.size, { from });
      return descriptor;
    }
    if (await pushOldBlob(push, layer, descriptor, places, tell)) return descriptor;
  }
  return await pushNewBlob(push, layer, tell);
}

type Tell = (
  state: PushProgress["state"],
  currentBytes: number,
  more?: { from?: string; reason?: string },
) => void;

function throttled(tell: Tell, from?: string): (sent: number) => void {
  let toldMs = 0;
  return (sent) => {
    if (monotonicMs() - toldMs < tellEveryMs) return;
    toldMs = monotonicMs();
    tell("pushing", sent, from === undefined ? {} : { from });
  };
}

/** The blob with its old digest, from where it was kept or from another registry; false when it cannot be had. */
async function pushOldBlob(
  push: Push,
  layer: PushedLayer,
  descriptor: OciDescriptor,
  places: readonly Reference[],
  tell: Tell,
): Promise<boolean> {
  const { operation, blobs, reference } = push;
  const ways: { readonly from?: string; open(signal: AbortSignal): AsyncIterable<Uint8Array> }[] = [];
  const { openBlob } = layer;
  if (openBlob !== undefined) {
    ways.push({ open: (signal) => verified(openBlob.call(layer, signal), descriptor.digest) });
  }
  for (const place of places) {
    if (place.domain === reference.domain && place.path === reference.path) continue;
    const connections = operation.connections({ ...place, digest: descriptor.digest }, "pull");
    ways.push({
      from: `${place.domain}/${place.path}`,
      open: (signal) => readBlob({ connections, descriptor, limits: operation.limits, signal }),
    });
  }
  for (const { from, open } of ways) {
    try {
      const sent = await blobs.upload({
        open,
        onBytes: throttled(tell, from),
        onRetry: (reason) => tell("retrying", 0, { reason }),
      });
      if (sent.digest !== descriptor.digest)
        throw wrongDigest("the kept blob", sent.digest, descriptor.digest);
      tell("complete", sent.size, from === undefined ? {} : { from });
      return true;
    } catch (thrown) {
      if (operation.signal.aborted) throw thrown;
      tell("retrying", 0, { reason: `${from ?? "the kept blob"}: ${messageOf(thrown)}` });
    }
  }
  return false;
}

async function pushNewBlob(push: Push, layer: PushedLayer, tell: Tell): Promise<OciDescriptor> {
  const { blobs, form } = push;
  const { compression = "gzip" } = form;
  const { diffId } = layer;
  const { digest, size } = await blobs.upload({
    open: (signal) => compressed(verified(layer.openTar(signal), diffId), compression),
    onBytes: throttled(tell),
    onRetry: (reason) => tell("retrying", 0, { reason }),
  });
  tell("complete", size);
  return { mediaType: newLayerType[compression], digest, size };
}

async function* verified(
  source: AsyncIterable<Uint8Array>,
  digest: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const check = checkDigest(digest);
  for await (const piece of source) {
    check.update(piece);
    yield piece;
  }
  check.verify(`layer ${digest} as it is stored`);
}

/** Puts a document under the reference's tag, or its digest; returns the digest. */
export async function putManifest(
  connection: Connection,
  reference: Reference,
  { bytes, mediaType }: { readonly bytes: Uint8Array; readonly mediaType: string },
  signal: AbortSignal,
): Promise<string> {
  const { endpoint } = connection;
  const digest = sha256Of(bytes);
  const target = reference.tag ?? reference.digest ?? "latest";
  if (target.startsWith("sha256:") && target !== digest) {
    throw wrongDigest(`the manifest for ${familiarName(reference)}`, digest, target);
  }
  const answer = await connection.request({
    method: "PUT",
    target: `manifests/${target}`,
    scope: `repository:${endpoint.repository}:pull,push`,
    headers: { "Content-Type": mediaType },
    body: bytes,
    accepts: [201, 200, 202],
    what: `push the manifest of ${familiarName(reference)} to ${endpoint.host}`,
    signal,
  });
  await answer.discard();
  const said = answer.headers.get("docker-content-digest");
  if (said?.startsWith("sha256:") === true && said !== digest) {
    throw wrongDigest(`the manifest of ${familiarName(reference)} at ${endpoint.host}`, said, digest);
  }
  return digest;
}
