/** The platform that a request names, and whether an image is for it. An image here is for one platform. Pure. */
import { decodeJson, object, optional, text } from "../../docker/decode.ts";
import { otherPlatform } from "../../docker/messages.ts";
import { TiffinError } from "../../lib/errors.ts";
import { formatPlatform, type Platform, parsePlatform, platformOf, runsOn } from "../../oci/mod.ts";
import type { Image } from "./image.ts";

const platformDocument = object({ os: text, architecture: text, variant: optional(text) });

/** As text, or as JSON, which clients of some routes send; absent and empty mean any. Errors: `invalid`. */
export function wantedPlatform(written: string | undefined, host: Platform): Platform | undefined {
  if (written === undefined || written === "") return undefined;
  if (!written.startsWith("{")) return parsePlatform(written, host);
  const { variant = "", ...rest } = decodeJson(written, platformDocument, "platform");
  return platformOf({ ...rest, variant });
}

/** Errors: `notFound`, naming what the image is for. */
export function requirePlatform(image: Image, name: string, wanted: Platform | undefined): void {
  if (wanted === undefined || runsOn(platformOf(image), wanted)) return;
  throw new TiffinError(
    "notFound",
    "image.platform",
    otherPlatform(name, formatPlatform(platformOf(image)), formatPlatform(wanted)),
  );
}
