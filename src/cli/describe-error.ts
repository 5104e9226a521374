/** An error's text as the command line prints it. Only the engine's own words are introduced as such. */
import { EngineError } from "../client/api-error.ts";
import { messageOf, TiffinError } from "../lib/errors.ts";

export function describeError(thrown: unknown): string {
  const text = messageOf(thrown);
  const introduced = thrown instanceof EngineError ? `Error response from daemon: ${text}` : text;
  return thrown instanceof TiffinError && thrown.remedy !== undefined
    ? `${introduced}\n  (${thrown.remedy})`
    : introduced;
}
