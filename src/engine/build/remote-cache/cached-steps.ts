/** What a cache elsewhere says: keys of steps, and the layers that they came to. */
import { createHash } from "node:crypto";
import { type Decoded, decoderKit } from "../../../lib/decoders.ts";

const { integer, list, object, text } = decoderKit({
  code: "build.cache",
  whole: "cache of a build",
  shownLength: 60,
  limitElements: 1 << 16,
  allowsNul: false,
  nullIsEmpty: true,
});

/** `layers`: ids, lowest first. */
const cachedStep = object({ key: text, layers: list(text), createdMs: integer });
export interface CachedStep extends Decoded<typeof cachedStep> {}

export const cacheDocument = object({ steps: list(cachedStep) });

/** In an image's configuration: of its own layers so many, lowest first. */
const inlineStep = object({ key: text, layers: integer, createdMs: integer });
export const inlineDocument = object({ "tiffin.build.cache": list(inlineStep) });

export const cacheName = "cache.json";

/** Where a layer is in a directory. */
export function blobPath(directory: string, layer: string): string {
  return `${directory}/blobs/sha256/${layer}`;
}

/** A name that no other content has. */
export function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
