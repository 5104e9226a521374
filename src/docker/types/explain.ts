/** `GET /tiffin/containers/{name}/explain` and its kin: plans, rendered by the engine. */
import { type Decoded, integer, list, mapOf, object, optional, text } from "../decode.ts";
import { containerCreateBody } from "./container.ts";

/**
 * How a plan can be shown. `text` and `markdown` are for people, chapter by chapter; `plain` is one line an operation in the order
 * in which they are performed; `sh` is a script that does the same by hand. `table` and `shell` are older names.
 */
export const explainFormats = ["text", "json", "sh", "markdown", "plain", "table", "shell"] as const;
export type ExplainFormat = (typeof explainFormats)[number];

export const explainLanguages = ["en", "zh"] as const;
export type ExplainLanguage = (typeof explainLanguages)[number];

export interface ExplainWishes {
  readonly format: ExplainFormat;
  readonly language: ExplainLanguage;
  /** What each operation is for, who performs it, what undoes it. */
  readonly details: boolean;
  /** Values of environment variables and where secrets are mounted from are written out. */
  readonly showSecrets: boolean;
  /** Another container: what the two starts do differently. */
  readonly against: string | undefined;
}

export const explainResponse = object({ Id: text, Text: text });
export interface ExplainResponse extends Decoded<typeof explainResponse> {}

/** One of two starts that are compared: that of a container, or what a creation's body would start. */
const explainStart = object({
  Container: optional(text),
  Create: optional(containerCreateBody),
  /** What the other is called, in the answer. */
  Name: optional(text),
});
export interface ExplainStart extends Decoded<typeof explainStart> {}
export const explainDifferenceBody = object({ First: explainStart, Second: explainStart });
export interface ExplainDifferenceBody extends Decoded<typeof explainDifferenceBody> {}

/** `GET /tiffin/containers/{name}/trace`: where the time of the last start went, nanoseconds. */
export const traceResponse = object({
  Id: text,
  /** In the order in which they happened. */
  Phases: mapOf(integer),
  Operations: list(
    object({
      Index: text,
      Chapter: text,
      Operation: text,
      Target: text,
      Cause: text,
      Nanoseconds: integer,
    }),
  ),
});
export interface TraceResponse extends Decoded<typeof traceResponse> {}
