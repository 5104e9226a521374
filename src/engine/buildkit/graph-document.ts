/** The configuration of an image whose graph was made elsewhere: what that frontend says, with the layers that it came to. */
import { TiffinError } from "../../lib/errors.ts";
import { decodeImageConfig } from "../../oci/decode/image-spec.ts";
import type { OciImageConfig, Platform } from "../../oci/mod.ts";

const encoder = new TextEncoder();

/** @param said JSON of a configuration; its layers and history are not looked at. Errors: `buildkit.config`, `oci.*`. */
export function graphDocument(
  said: Uint8Array | undefined,
  { os, architecture, variant }: Platform,
): (chain: readonly string[]) => OciImageConfig {
  const platform = { os, architecture, ...(variant !== "" && { variant }) };
  const rootfs = (chain: readonly string[]) => ({
    type: "layers" as const,
    diff_ids: chain.map((layer) => `sha256:${layer}`),
  });
  if (said === undefined || said.length === 0) return (chain) => ({ ...platform, rootfs: rootfs(chain) });
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder().decode(said));
  } catch (cause) {
    throw new TiffinError("invalid", "buildkit.config", "the image's configuration is no JSON", { cause });
  }
  if (typeof document !== "object" || document === null) {
    throw new TiffinError("invalid", "buildkit.config", "the image's configuration is no object");
  }
  const whole = { ...platform, ...document, rootfs: rootfs([]), history: [] };
  const { history: _, ...config } = decodeImageConfig(encoder.encode(JSON.stringify(whole)));
  return (chain) => ({ ...config, rootfs: rootfs(chain) });
}
