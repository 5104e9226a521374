/**
 * What a cache elsewhere says: by the key of a step the one layer that the step adds, and never what is below that: this the key of whoever
 * looks says already. Cache mounts that it has are by the name of the directory that keeps them.
 */
import { type Decoded, decoderKit, optional } from "../../../lib/decoders.ts";

const { integer, list, object, text } = decoderKit({
  code: "build.cache",
  whole: "cache of a build",
  shownLength: 60,
  limitElements: 1 << 16,
  allowsNul: false,
  nullIsEmpty: true,
});

/** `layer`: an id. */
const cachedStep = object({ key: text, layer: text, createdMs: integer });
export interface CachedStep extends Decoded<typeof cachedStep> {}

/** `layer`: digest of an archive of what is in the directory. It is no layer: any name may be in it. */
const cachedMount = object({ name: text, layer: text });
export interface CachedMount extends Decoded<typeof cachedMount> {}

export const cacheDocument = object({ steps: list(cachedStep), mounts: optional(list(cachedMount)) });

export interface CacheContents {
  readonly steps: readonly CachedStep[];
  readonly mounts: readonly CachedMount[];
}

/** In an image's configuration: of its own layers so many, lowest first, the last of which is the step's. */
const inlineStep = object({ key: text, layers: integer, createdMs: integer });
export const inlineDocument = object({ "tiffin.build.cache": list(inlineStep) });

/** What makes a configuration that of a cache, which is no image. */
export const cacheField = "tiffin.build.steps";
export const registryDocument = object({ [cacheField]: cacheDocument });

export const cacheName = "cache.json";

const layerId = /^[0-9a-f]{64}$/;

/** Without what names no layer. */
export function soundContents({ steps, mounts = [] }: Decoded<typeof cacheDocument>): CacheContents {
  return {
    steps: steps.filter(({ layer }) => layerId.test(layer)),
    mounts: mounts.filter(({ layer }) => layerId.test(layer)),
  };
}

/** All layers that it speaks of, each once. */
export function layersOf({ steps, mounts }: CacheContents): string[] {
  return [...new Set([...steps, ...mounts].map(({ layer }) => layer))];
}

/** Where a layer is in a directory. */
export function blobPath(directory: string, layer: string): string {
  return `${directory}/blobs/sha256/${layer}`;
}
