/** An error's text as the command line prints it. Only the engine's own words are introduced as such. */
import { EngineError } from "../client/api-error.ts";
import { messageOf, TiffinError } from "../lib/errors.ts";
import { shownLines } from "../lib/shown-name.ts";

/** Names in it come from images and from whoever else has named something: a terminal acts on none. `debug`: with the operations of the plan around the one that failed. */
export function describeError(thrown: unknown, debug = false): string {
  const text = messageOf(thrown);
  const introduced = thrown instanceof EngineError ? `Error response from daemon: ${text}` : text;
  if (!(thrown instanceof TiffinError)) return shownLines(introduced);
  const remedy = thrown.remedy === undefined ? "" : `\n  (${thrown.remedy})`;
  const operations = debug && thrown.operations !== undefined ? `\n${thrown.operations}` : "";
  return shownLines(`${introduced}${remedy}${operations}`);
}
