/**
 * A cache that is in a registry: a manifest with a configuration of its own, or an image that has its steps in its configuration. Nothing
 * but these two documents comes before a layer is wanted, and then that layer alone, verified as in any pull.
 */
import { parseReference, type Reference } from "../../../docker/reference.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { decodeImageConfig, decodeImageDocument } from "../../../oci/decode/image-spec.ts";
import { choosePlatform, type OciDescriptor } from "../../../oci/mod.ts";
import { credentialsFor } from "../../image/mod.ts";
import type { LayerSink } from "../../registry/mod.ts";
import type { StepContext } from "../solve/mod.ts";

export interface FoundCache {
  /** Of the manifest itself, whatever the tag means later. */
  readonly reference: Reference;
  /** The configuration as it is. */
  readonly document: unknown;
  /** By id, lowest first. */
  readonly layers: readonly (readonly [layer: string, descriptor: OciDescriptor])[];
}

/** Errors: `registry.*`, `oci.*`. */
export async function findRegistryCache(step: StepContext, written: string): Promise<FoundCache> {
  const { registry } = step.services;
  const named = parseReference(written);
  const options = await optionsFor(step, named.domain);
  const { domain, path } = named;
  const first = await registry.manifest(named, options);
  let reference = { domain, path, digest: first.digest };
  let document = decodeImageDocument(first.bytes, first.mediaType);
  if (document.kind === "index") {
    const { digest } = choosePlatform(document.index.manifests, step.platform);
    reference = { domain, path, digest };
    const { bytes, mediaType } = await registry.manifest(reference, options);
    document = decodeImageDocument(bytes, mediaType);
  }
  if (document.kind === "index") throw new TiffinError("invalid", "build.cache", "an index of indexes");
  const { manifest } = document;
  const bytes = await registry.smallBlob(reference, manifest.config, options);
  const ids = decodeImageConfig(bytes).rootfs.diff_ids;
  return {
    reference,
    document: JSON.parse(new TextDecoder().decode(bytes)),
    layers: manifest.layers.flatMap((descriptor, index) => {
      const layer = /^sha256:([0-9a-f]{64})$/.exec(ids[index] ?? "")?.[1];
      return layer === undefined ? [] : [[layer, descriptor] as const];
    }),
  };
}

/** Gives one of its layers to `take`, verified with its last piece, unless that has it already. */
export async function fetchLayer(
  step: StepContext,
  { reference }: FoundCache,
  wanted: string,
  take: Pick<LayerSink, "verifiesDiffIds" | "hasLayer" | "takeLayer">,
): Promise<void> {
  const { registry } = step.services;
  const { credentials } = await optionsFor(step, reference.domain);
  await registry.pullImage(
    { reference, ...(credentials !== undefined && { credentials }) },
    {
      verifiesDiffIds: take.verifiesDiffIds ?? false,
      hasLayer: (diffId) => diffId !== `sha256:${wanted}` || take.hasLayer(diffId),
      takeLayer: (...given) => take.takeLayer(...given),
      takeImage() {},
    },
    () => {},
    step.signal,
  );
}

async function optionsFor({ inputs, signal }: StepContext, domain: string) {
  return { ...credentialsFor(domain, await inputs.credentials(domain)), signal };
}
