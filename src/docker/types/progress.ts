/** Lines of the streams by which pull, push, load and import tell how they get on. */
import { anything, type Decoded, integer, integerWithin, object, optional, text } from "../decode.ts";

export const progressMessage = object({
  /** A layer, or the tag that is pulled. */
  id: optional(text),
  status: optional(text),
  /** The bar, for clients that cannot draw it. */
  progress: optional(text),
  progressDetail: optional(object({ current: optional(integer), total: optional(integer) })),
  /** Text to be printed as it is. */
  stream: optional(text),
  /** The failure that ends the stream. */
  error: optional(text),
  errorDetail: optional(
    object({
      code: optional(integerWithin(-(2 ** 31), 2 ** 31)),
      message: optional(text),
      /** Additions: what to try, and the stable name of the error. */
      remedy: optional(text),
      tiffinCode: optional(text),
    }),
  ),
  aux: optional(anything),
});
export interface ProgressMessage extends Decoded<typeof progressMessage> {}
