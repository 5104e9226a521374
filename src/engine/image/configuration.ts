/** From an OCI image configuration document to an `Image`. Decoding it is `oci`'s; here it gets its place in the engine. Pure. */
import { TiffinError } from "../../lib/errors.ts";
import { decodeImageConfig } from "../../oci/decode/image-spec.ts";
import type { Image } from "./image.ts";

const diffIdPattern = /^sha256:([0-9a-f]{64})$/;
const neverCreated = "1970-01-01T00:00:00Z";

/** What the configuration does not say. */
export interface StoredFacts {
  readonly id: string;
  readonly size: number;
  readonly parent: string;
}

/** Throws `invalid` naming the field that is wrong. */
export function decodeConfiguration(document: Uint8Array, { id, size, parent }: StoredFacts): Image {
  const decoded = decodeImageConfig(document);
  const { rootfs, config, architecture, os, variant, created, author, history } = decoded;
  return {
    id,
    chain: rootfs.diff_ids.map((digest) => {
      const hex = diffIdPattern.exec(digest)?.[1];
      if (hex !== undefined) return hex;
      throw new TiffinError(
        "invalid",
        "image.bad-configuration",
        `image configuration: layer ${digest} is not named by a sha256 digest`,
      );
    }),
    config: config ?? {},
    architecture,
    os,
    variant: variant ?? "",
    osVersion: decoded["os.version"] ?? "",
    created: created ?? neverCreated,
    author: author ?? "",
    history: history ?? [],
    size,
    parent,
  };
}
