/** From an OCI image configuration document to an `Image`. Decoding it is `oci`'s; here it gets its place in the engine. Pure. */
import { TiffinError } from "../../lib/errors.ts";
import { decodeImageConfig } from "../../oci/decode/image-spec.ts";
import type { Image } from "./image.ts";

const diffIdPattern = /^sha256:([0-9a-f]{64})$/;
const neverCreated = "1970-01-01T00:00:00Z";
const encoder = new TextEncoder();

/** Throws `invalid` naming the field that is wrong. */
export function decodeConfiguration(id: string, document: string, size: number): Image {
  const { rootfs, config, architecture, os, variant, created, author, history } = decodeImageConfig(
    encoder.encode(document),
  );
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
    created: created ?? neverCreated,
    author: author ?? "",
    history: history ?? [],
    size,
  };
}
