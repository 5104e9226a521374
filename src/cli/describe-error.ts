/** An error's text as the command line prints it. Only the engine's own words are introduced as such. */
import { EngineError } from "../client/api-error.ts";
import { messageOf, TiffinError } from "../lib/errors.ts";

/** `debug`: with the operations of the plan around the one that failed. */
export function describeError(thrown: unknown, debug = false): string {
  const text = messageOf(thrown);
  const introduced = thrown instanceof EngineError ? `Error response from daemon: ${text}` : text;
  if (!(thrown instanceof TiffinError)) return introduced;
  const remedy = thrown.remedy === undefined ? "" : `\n  (${thrown.remedy})`;
  const operations = debug && thrown.operations !== undefined ? `\n${thrown.operations}` : "";
  return `${introduced}${remedy}${operations}`;
}
