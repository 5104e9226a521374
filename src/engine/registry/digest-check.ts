/** Digests computed as the bytes go by. */
import { TiffinError } from "../../lib/errors.ts";
import { parseDigest } from "../../oci/mod.ts";

export interface DigestCheck {
  update(piece: Uint8Array): void;
  /** Throws `invalid` `registry.wrong-digest` unless the bytes are what the digest names. */
  verify(what: string): void;
}

/** Of bytes that `digest` is to name; digests were checked when they were decoded. */
export function checkDigest(digest: string): DigestCheck {
  const parts = parseDigest(digest);
  if (parts === undefined) throw new RangeError(`digest ${digest}`);
  const hasher = new Bun.CryptoHasher(parts.algorithm);
  return {
    update: (piece) => {
      hasher.update(piece);
    },
    verify: (what) => {
      const found = hasher.digest("hex");
      if (found !== parts.hex) throw wrongDigest(what, `${parts.algorithm}:${found}`, digest);
    },
  };
}

export function wrongDigest(what: string, found: string, wanted: string): TiffinError {
  return new TiffinError(
    "invalid",
    "registry.wrong-digest",
    `${what} is not what its digest says: found ${found}, wanted ${wanted}`,
    { remedy: "the registry, or something on the way, has changed it: try again, or push it there again" },
  );
}

/** `sha256:<hex>` of bytes in memory. */
export function sha256Of(bytes: Uint8Array): string {
  return `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
}
