/** Prints what was observed, for people or for programs. */
import type { CliContext } from "./context.ts";
import type { Observed } from "./observer.ts";

const indentColumns = 2;

export function writeObserved(context: CliContext, { text, json }: Observed, asJson: boolean): number {
  context.out(asJson ? `${JSON.stringify(json, null, indentColumns)}\n` : text);
  return 0;
}
