/** Prints what was observed, for people or for programs. */
import { shownJson } from "../lib/shown-name.ts";
import type { CliContext } from "./context.ts";
import type { Observed } from "./observer.ts";

export function writeObserved(context: CliContext, { text, json }: Observed, asJson: boolean): number {
  context.out(asJson ? `${shownJson(json)}\n` : text);
  return 0;
}
