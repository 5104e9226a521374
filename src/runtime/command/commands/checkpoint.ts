/** `checkpoint` and `restore` need criu(8), which this build does not drive. */
import { TiffinError } from "../../../lib/errors.ts";

export function checkpoint(): never {
  throw new TiffinError("notImplemented", "runtime.checkpoint", "checkpoint and restore are not supported");
}
