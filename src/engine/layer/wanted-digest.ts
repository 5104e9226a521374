import { TiffinError } from "../../lib/errors.ts";

/** Throws `layer.other-digest` when a layer's content is not what was wanted. */
export function checkDigest(id: string, wanted: string | undefined): void {
  if (wanted === undefined || wanted === id) return;
  throw new TiffinError(
    "invalid",
    "layer.other-digest",
    `the layer's content has the digest sha256:${id}, wanted sha256:${wanted}`,
  );
}
