/** `POST /images/{name}/push`. Layers leave as the tar that they came in by, so a manifest that the image came with stays true. */
import { progressBar } from "../../../docker/progress-bar.ts";
import {
  familiarName,
  familiarRepository,
  normaliseReference,
  parseReference,
  type Reference,
} from "../../../docker/reference.ts";
import type { ProgressMessage } from "../../../docker/types/progress.ts";
import type { AuthConfig } from "../../../docker/types/registry.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { decodeImageDocument } from "../../../oci/decode/image-spec.ts";
import type { OciDescriptor, Platform } from "../../../oci/mod.ts";
import type { PushedImage, PushedLayer, PushForm, PushProgress, RegistryClient } from "../../registry/mod.ts";
import type { Image, ImageStore } from "../image.ts";
import { requirePlatform } from "../wanted-platform.ts";
import type { PullContext } from "./pull-image.ts";
import { credentialsFor } from "./registry-host.ts";

export interface PushOptions {
  /** With a tag; without one every tag of the repository is pushed. */
  readonly reference: Reference;
  /** What each image must be for; undefined is anything. */
  readonly platform: Platform | undefined;
  readonly auth: AuthConfig | undefined;
}

export interface PushContext extends Pick<PullContext, "images" | "layers" | "events"> {
  readonly registry: Pick<RegistryClient, "pushImage">;
}

export interface PushedAs extends Pick<PushOptions, "auth"> {
  readonly form?: PushForm;
  readonly insecure?: boolean;
}

type Report = (message: ProgressMessage) => void;

const shownDigits = 12;

/** Errors: `registry.*`, `notFound` for a tag that is not there. */
export async function pushImages(
  context: PullContext,
  { reference, platform, auth }: PushOptions,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const repository = `${reference.domain}/${reference.path}`;
  const full =
    reference.tag === undefined ? context.images.tagsOf(repository) : [normaliseReference(reference)];
  const found = full.flatMap((tagged) => {
    const image = context.images.byId(context.images.idOf(tagged) ?? "");
    return image === undefined ? [] : [{ tagged, image }];
  });
  report({ status: `The push refers to repository [${repository}]` });
  if (found.length === 0) {
    throw new TiffinError(
      "notFound",
      "image.not-found",
      `An image does not exist locally with the tag: ${familiarRepository(reference)}`,
    );
  }
  for (const { tagged, image } of found)
    requirePlatform(image, familiarName(parseReference(tagged)), platform);
  for (const { tagged, image } of found) {
    await pushOne(context, parseReference(tagged), image, { auth }, report, signal);
  }
}

/** An image under a name that it may have or not. Errors: `registry.*`. */
export async function pushOne(
  context: PushContext,
  reference: Reference,
  image: Image,
  { auth, form, insecure = false }: PushedAs,
  report: Report,
  signal: AbortSignal,
): Promise<PushedImage> {
  const { images, layers, events, registry } = context;
  using hold = images.hold();
  for (const layer of image.chain) hold.keep(layer);
  const known = knownBlobs(images, image);
  const manifest = images
    .manifests(image.id)
    .find(({ content, mediaType }) => kindOf(content, mediaType) === "manifest");
  const pushed = await registry.pushImage(
    {
      reference,
      configBytes: images.configuration(image.id),
      layers: image.chain.map((layer): PushedLayer => {
        const blob = known.get(layer);
        return {
          diffId: `sha256:${layer}`,
          ...(blob === undefined ? {} : { descriptor: blob.descriptor }),
          sources: blob?.sources ?? [],
          openTar: () => layers.openTar(layer).read(),
        };
      }),
      insecure,
      ...(form === undefined ? {} : { form }),
      ...(manifest === undefined ? {} : { manifestBytes: manifest.content }),
      ...credentialsFor(reference.domain, auth),
    },
    (progress) => tell(progress, report),
    signal,
  );
  images.add({
    configuration: images.configuration(image.id),
    manifests: [{ digest: pushed.digest, mediaType: pushed.mediaType, content: pushed.manifestBytes }],
    references: [`${reference.domain}/${reference.path}@${pushed.digest}`],
  });
  const shown = familiarName(reference);
  events.emit("image", "push", shown, { name: shown });
  const tag = reference.tag ?? "latest";
  report({ status: `${tag}: digest: ${pushed.digest} size: ${pushed.size}` });
  report({ progressDetail: {}, aux: { Tag: tag, Digest: pushed.digest, Size: pushed.size } });
  return pushed;
}

interface KnownBlob {
  readonly descriptor: OciDescriptor;
  readonly sources: readonly string[];
}

function kindOf(content: Uint8Array, mediaType: string): "manifest" | "index" {
  return decodeImageDocument(content, mediaType).kind;
}

/** As which blobs the image's layers are known, and in which repositories: by its own manifests first, then by other images'. */
function knownBlobs(images: ImageStore, image: Image): ReadonlyMap<string, KnownBlob> {
  const found = new Map<string, { descriptor: OciDescriptor; sources: Set<string> }>();
  const others = images
    .list()
    .filter(({ id, chain }) => id !== image.id && chain.some((layer) => image.chain.includes(layer)));
  for (const each of [image, ...others]) {
    const repositories = images
      .references(each.id)
      .flatMap((one) => (one.includes("@") ? [one.slice(0, one.indexOf("@"))] : []));
    for (const { content, mediaType } of images.manifests(each.id)) {
      const document = decodeImageDocument(content, mediaType);
      if (document.kind === "index" || document.manifest.layers.length !== each.chain.length) continue;
      for (const [index, descriptor] of document.manifest.layers.entries()) {
        const layer = each.chain[index];
        if (layer === undefined || !image.chain.includes(layer)) continue;
        const known = found.get(layer);
        if (known === undefined) found.set(layer, { descriptor, sources: new Set(repositories) });
        else if (known.descriptor.digest === descriptor.digest) {
          for (const repository of repositories) known.sources.add(repository);
        }
      }
    }
  }
  return new Map(
    [...found].map(([layer, { descriptor, sources }]) => [layer, { descriptor, sources: [...sources] }]),
  );
}

function tell(progress: PushProgress, report: Report): void {
  const { diffId, state, currentBytes, totalBytes = 0, from, reason } = progress;
  const id = diffId.slice(diffId.indexOf(":") + 1).slice(0, shownDigits);
  const plain = (status: string): void => report({ status, progressDetail: {}, id });
  switch (state) {
    case "preparing":
      plain("Preparing");
      return;
    case "exists":
      plain("Layer already exists");
      return;
    case "mounted":
      plain(`Mounted from ${from ?? "another repository"}`);
      return;
    case "retrying":
      plain(`Retrying: ${reason ?? "the connection was lost"}`);
      return;
    case "complete":
      plain("Pushed");
      return;
    case "pushing":
      report({
        status: "Pushing",
        progressDetail: { current: currentBytes, ...(totalBytes > 0 ? { total: totalBytes } : {}) },
        progress: progressBar(currentBytes, totalBytes),
        id,
      });
  }
}
