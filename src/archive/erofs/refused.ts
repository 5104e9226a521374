import { TiffinError } from "../../lib/errors.ts";

/** Why an entry cannot become part of an image. */
export function refused(path: string, reason: string): TiffinError {
  return new TiffinError(
    "invalid",
    "archive.unpack-failed",
    `cannot unpack ${JSON.stringify(path)}: ${reason}`,
  );
}
