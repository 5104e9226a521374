import { TiffinError } from "../../lib/errors.ts";
import { shownName } from "../../lib/shown-name.ts";

/** Why an entry cannot become part of an image. */
export function refused(path: string, reason: string): TiffinError {
  return new TiffinError("invalid", "archive.unpack-failed", `cannot unpack ${shownName(path)}: ${reason}`);
}
