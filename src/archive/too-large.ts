/** What unpacks to more than is allowed: a few kilobytes may stand for terabytes. */
import { TiffinError } from "../lib/errors.ts";

/** Archives may hold so much, unless a caller says otherwise. */
export const limitUnpackedBytes = 64 * 1024 ** 3;

export function tooLarge(limitBytes: number): TiffinError {
  return new TiffinError(
    "invalid",
    "archive.too-large",
    `the archive unpacks to more than ${limitBytes} bytes`,
    { remedy: "start the engine with a larger --unpacked-limit if it is to be trusted" },
  );
}
