/** `POST /images/create?fromImage=`: what a registry has becomes an image of this host, told about in Docker's words. */
import { progressBar } from "../../../docker/progress-bar.ts";
import {
  familiarName,
  familiarRepository,
  normaliseReference,
  type Reference,
} from "../../../docker/reference.ts";
import type { ProgressMessage } from "../../../docker/types/progress.ts";
import type { AuthConfig } from "../../../docker/types/registry.ts";
import { TiffinError } from "../../../lib/errors.ts";
import type { Platform } from "../../../oci/mod.ts";
import type { PulledImage, PullProgress, RegistryClient } from "../../registry/mod.ts";
import type { LoadContext } from "../archive/load-archive.ts";
import type { ImageManifest } from "../image.ts";
import { ingestLayer } from "../ingest-layer.ts";
import { credentialsFor } from "./registry-host.ts";

export interface PullContext extends LoadContext {
  readonly registry: RegistryClient;
}

export interface PullOptions {
  readonly reference: Reference;
  readonly platform: Platform | undefined;
  readonly auth: AuthConfig | undefined;
}

type Report = (message: ProgressMessage) => void;

const shownDigits = 12;
const defaultTag = "latest";

/** Errors: `registry.*`, `notFound` for what is not there. */
export async function pullImage(
  context: PullContext,
  options: PullOptions,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const isNew = await pullOne(context, options, report, signal);
  report(outcome(isNew, familiarName(withoutSpareTag(options.reference))));
}

/** Every tag of the repository, one after the other; the first failure ends it. Errors: those of `pullImage`. */
export async function pullAllTags(
  context: PullContext,
  { reference, ...options }: PullOptions,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const { domain, path } = reference;
  const tags = await context.registry.tags(reference, { ...credentialsFor(domain, options.auth), signal });
  const repository = familiarRepository(reference);
  if (tags.length === 0) {
    throw new TiffinError(
      "notFound",
      "registry.no-tags",
      `repository ${repository} has no tags: there is nothing to pull`,
    );
  }
  let isNew = false;
  for (const tag of tags) {
    const found = await pullOne(context, { ...options, reference: { domain, path, tag } }, report, signal);
    isNew ||= found;
  }
  report(outcome(isNew, repository));
}

function outcome(isNew: boolean, shown: string): ProgressMessage {
  return { status: `Status: ${isNew ? "Downloaded newer image" : "Image is up to date"} for ${shown}` };
}

/** Whether it is another image than before. */
async function pullOne(
  context: PullContext,
  { reference, platform, auth }: PullOptions,
  report: Report,
  signal: AbortSignal,
): Promise<boolean> {
  const { images, layers, events, registry, fail } = context;
  const named = reference.digest ?? reference.tag ?? defaultTag;
  const full = normaliseReference(withoutSpareTag(reference));
  const before = images.idOf(full);
  using hold = images.hold();
  const pulled = await registry.pullImage(
    {
      reference,
      ...(platform === undefined ? {} : { platform }),
      ...credentialsFor(reference.domain, auth),
    },
    {
      verifiesDiffIds: true,
      hasLayer(diffId) {
        const id = hexOf(diffId);
        if (!layers.hasLayer(id)) return false;
        hold.keep(id);
        return true;
      },
      async takeLayer({ diffId }, tar) {
        await ingestLayer(layers, hold, tar, hexOf(diffId));
        fail("pull.layer");
      },
      takeImage(image) {
        images.add({
          configuration: image.configBytes,
          manifests: manifestsOf(image),
          references: [...new Set([full, `${image.repository}@${image.digest}`])],
        });
        fail("pull.image");
      },
    },
    teller({ reference, named }, (id) => images.byId(id) !== undefined, report),
    signal,
  );
  const shown = familiarName(withoutSpareTag(reference));
  events.emit("image", "pull", shown, { name: shown });
  report({ status: `Digest: ${pulled.digest}` });
  if (pulled.otherPlatform !== undefined) {
    report({
      status: `WARNING: the image is for the platform ${pulled.otherPlatform}, which is not this machine's`,
    });
  }
  return before !== pulled.id;
}

/** A digest says what is meant; a tag beside it is not given to the image. */
export function withoutSpareTag(reference: Reference): Reference {
  const { domain, path, digest } = reference;
  return digest === undefined ? reference : { domain, path, digest };
}

function manifestsOf(image: PulledImage): ImageManifest[] {
  const { manifestDigest, manifestMediaType, manifestBytes, index } = image;
  const own = { digest: manifestDigest, mediaType: manifestMediaType, content: manifestBytes };
  if (index === undefined) return [own];
  return [own, { digest: index.digest, mediaType: index.mediaType, content: index.bytes }];
}

function hexOf(digest: string): string {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1];
  if (hex !== undefined) return hex;
  throw new TiffinError(
    "invalid",
    "image.bad-configuration",
    `image configuration: layer ${digest} is not named by a sha256 digest`,
  );
}

/** Tells a pull in Docker's words. Of an image that is there, nothing is told of its layers. */
function teller(
  { reference, named }: { readonly reference: Reference; readonly named: string },
  isThere: (id: string) => boolean,
  report: Report,
): (progress: PullProgress) => void {
  let isSilent = false;
  const begun = new Set<string>();
  return (progress) => {
    if (progress.kind === "resolved") {
      isSilent = isThere(progress.id);
      report({ status: `Pulling from ${reference.path}`, id: named });
    } else if (!isSilent) tellLayer(progress, begun, report);
  };
}

/** `begun`: the layers that something has been told of. */
function tellLayer(
  { descriptor, state, currentBytes, reason }: Extract<PullProgress, { kind: "layer" }>,
  begun: Set<string>,
  report: Report,
): void {
  const id = shortDigest(descriptor.digest);
  const plain = (status: string): void => report({ status, progressDetail: {}, id });
  switch (state) {
    case "waiting":
      plain(begun.has(id) ? "Waiting" : "Pulling fs layer");
      begun.add(id);
      return;
    case "exists":
      plain("Already exists");
      return;
    case "retrying":
      plain(`Retrying: ${reason ?? "the connection was lost"}`);
      return;
    case "complete":
      // A layer is unpacked while it comes, so that all of this is over at once.
      for (const status of ["Verifying Checksum", "Download complete", "Pull complete"]) plain(status);
      return;
    case "downloading": {
      const progressDetail = { current: currentBytes, total: descriptor.size };
      const progress = progressBar(currentBytes, descriptor.size);
      report({ status: "Downloading", progressDetail, progress, id });
    }
  }
}

function shortDigest(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1).slice(0, shownDigits);
}
