/** `GET /tiffin/why`: whether one end reaches the other, and what decides it. */
import { type Decoded, flag, list, object, text } from "../decode.ts";

export const whyResponse = object({
  Reachable: flag,
  /** The last sentence. */
  Verdict: text,
  /** Empty when nothing is to be opened. */
  Remedy: text,
  /** Stable word of what stops it, for programs: `noListener`; empty when nothing does. */
  Reason: text,
  Steps: list(
    object({
      /** Stable word for programs. */
      Step: text,
      /** ok, note, stop */
      Outcome: text,
      Text: text,
    }),
  ),
});
export interface WhyResponse extends Decoded<typeof whyResponse> {}
