/** Lines of the streams by which pull, push, load and import tell how they get on. */
import { errorKinds } from "../../lib/errors.ts";
import { anything, type Decoded, integer, integerWithin, object, oneOf, optional, text } from "../decode.ts";

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
      /** Additions: what to try, the stable name of the error, and its kind. */
      remedy: optional(text),
      tiffinCode: optional(text),
      tiffinKind: optional(oneOf(...errorKinds)),
    }),
  ),
  aux: optional(anything),
});
export interface ProgressMessage extends Decoded<typeof progressMessage> {}
