/** What every failing request answers. */
import { type Decoded, integer, object, optional, text } from "../decode.ts";

export const errorResponse = object({
  message: text,
  /** Tiffin's addition: the stable code of the failure. */
  code: optional(text),
  /** Tiffin's addition: what to try. */
  remedy: optional(text),
  /** Tiffin's addition: the exit code with which `run` or `exec` should end. */
  exitCode: optional(integer),
  /** Tiffin's addition: the operations of the plan around the one that failed. */
  operations: optional(text),
});
export interface ErrorResponse extends Decoded<typeof errorResponse> {}
